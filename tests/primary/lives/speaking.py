"""
A worker that a test plays.
"""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock

from twisted_cluster.core import messages
from twisted_cluster.core.codecs import codecNamed
from twisted_cluster.core.member import Post
from twisted_cluster.core.messages import Listening, Message
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.lives.conversation import Conversation
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.wires import Wires
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import CONTROL, MAIL

SPEC = ListenSpec(TCP, "127.0.0.1")


class Worker:
    """
    A worker's ends of its wires, and what the primary has heard of its life.

    @ivar heard: That.
    """

    id = 1
    name = "worker 1 (100)"

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.reactor = MemoryReactorClock()
        self.rooms = Rooms.make(self.reactor, RoundRobin, 0)
        self.wires = wires = Wires.make(0)
        self.hand = Hand(Post(1, 1), wires.page, wires.queue)
        codec = codecNamed("json")
        self.conversation = Conversation(self.rooms, wires, self.hand, codec, self)
        self.channel = Channel(wires.theirs[CONTROL].dup())
        self.mail = wires.theirs[MAIL].dup()
        wires.given()

    def born(self) -> None:
        self.heard.append("born")

    def online(self, isReady: bool) -> None:
        self.heard.append("online" if isReady else "online, not ready")

    def ready(self, isReady: bool) -> None:
        self.heard.append(("ready", isReady))

    def listening(self, where: Listening) -> None:
        self.heard.append(where.port)

    def leaving(self, planned: bool) -> None:
        self.heard.append(("leaving", planned))

    def lost(self) -> None:
        self.heard.append("lost")

    def kill(self) -> None:
        self.heard.append("kill")

    def say(self, *said: Message) -> None:
        for message in said:
            self.channel.send(message)
        self.conversation.read()

    def answer(self) -> messages.Answer:
        """
        The next answer, with which no socket comes.
        """
        message, fd = self.channel.receive()
        assert isinstance(message, messages.Answer)
        assert fd is None
        return message

    def close(self) -> None:
        self.conversation.close()
        self.rooms.listeners.closeAll()
        self.rooms.door.rest()
        self.wires.cut()
        self.channel.close()
        self.mail.close()
