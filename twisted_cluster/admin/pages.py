"""
What can be asked of the control socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from attrs import asdict
from twisted.internet.defer import ensureDeferred
from twisted.logger import LogEvent, Logger
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_cluster.admin.answers import (
    BAD,
    METHOD,
    NOT_DONE_YET,
    UNKNOWN,
    Answer,
    refused,
    whole,
)
from twisted_cluster.admin.arguments import ArgumentError, Arguments
from twisted_cluster.admin.commands import COMMANDS, Command
from twisted_cluster.admin.following import Follower
from twisted_cluster.admin.recent import Recent, asJSON, asText
from twisted_cluster.admin.site import ControlChannel
from twisted_cluster.core.naming import workerNamed
from twisted_cluster.core.snapshot import Snapshot
from twisted_cluster.core.verbs import Verbs
from twisted_cluster.errors import CommandError

log = Logger()

# Of the shape of what L{Status} says.
VERSION = 1
STOPPING = "twisted_cluster.primary.stopping"
LINES = 100


class Page(Resource):
    """
    Answers in JSON also where there is nothing.
    """

    isLeaf = True
    allowed: bytes = b"GET"

    def render(self, request: Request) -> bytes | int:
        """
        @see: L{Resource}
        """
        method = b"GET" if request.method == b"HEAD" else request.method
        if method != self.allowed:
            request.setHeader(b"allow", self.allowed)
            name = self.allowed.decode()
            return refused(request, METHOD, f"this is asked for with {name}")
        try:
            return self.answer(request)
        except ArgumentError as error:
            return refused(request, BAD, str(error))
        except CommandError as error:
            return refused(request, UNKNOWN, str(error))

    def answer(self, request: Request) -> bytes | int:
        """
        @return: What there is, or C{NOT_DONE_YET}.
        """
        raise NotImplementedError


class Root(Page):
    """
    What there is to be asked for.
    """

    isLeaf = False

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        @see: L{Resource}
        """
        return self if path == b"" else Nothing()

    def answer(self, request: Request) -> bytes:
        get = {name.decode(): "GET" for name in sorted(self.children)}
        post = dict.fromkeys(COMMANDS, "POST")
        return whole(request, {**get, **post})


class Nothing(Page):
    """
    There is no such page.
    """

    def render(self, request: Request) -> bytes:
        """
        @see: L{Resource}
        """
        return refused(request, UNKNOWN, "there is nothing of that name; see /")


class Status(Page):
    """
    A snapshot.
    """

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        super().__init__()
        self._snapshot = snapshot

    def answer(self, request: Request) -> bytes:
        snapshot = self._snapshot()
        all = asdict(snapshot.counted)
        value = {"version": VERSION, "isReady": snapshot.isReady, **asdict(snapshot)}
        return whole(request, {**value, "counted": all})


class Logs(Page):
    """
    What was logged, and with C{follow=1} what will be.
    """

    def __init__(self, snapshot: Callable[[], Snapshot], recent: Recent) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._recent = recent
        self.followers: list[Follower] = []

    def answer(self, request: Request) -> int:
        given = Arguments(request.args, ("worker", "follow", "lines", "format"))
        form = {"text": asText, "json": asJSON}.get(given.get("format") or "text")
        if form is None:
            raise ArgumentError("format: give text or json")
        count = int(given.number("lines", LINES, 0, 1e6))
        isMeant = self._filter(given.get("worker"))
        follower = Follower(request, self._recent, isMeant, form)
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        follower.show(count)
        if given.isSet("follow"):
            self.followers.append(follower)
            request.notifyFinish().addBoth(lambda _: self.followers.remove(follower))
            follower.follow()
        else:
            request.finish()
        return NOT_DONE_YET

    def _filter(self, name: str | None) -> Callable[[LogEvent], bool]:
        if name is None:
            return lambda event: True
        worker = workerNamed(self._snapshot(), name)
        if name.strip().isdecimal():
            return lambda event: event.get("cluster_worker") == worker.slot
        return lambda event: event.get("cluster_id") == worker.id

    def end(self) -> None:
        """
        Nothing more will be logged.
        """
        for follower in list(self.followers):
            follower.end()


class Verb(Page):
    """
    Something that the cluster can be told to do.
    """

    allowed = b"POST"

    def __init__(self, name: str, command: Command, verbs: Verbs, recent: Recent) -> None:
        super().__init__()
        self._name = name
        self._command = command
        self._verbs = verbs
        self._recent = recent

    def answer(self, request: Request) -> int:
        given = Arguments(request.args, self._command.takes)
        if self._name != "stop" and self._verbs.snapshot().isStopping:
            raise CommandError("the cluster is stopping")
        channel = cast(ControlChannel, request.channel)
        log.info(
            "{verb}{given}: asked for by {peer}",
            verb=self._name,
            given=str(given),
            peer=str(channel.peer or "somebody"),
        )
        ensureDeferred(self._run(given, Answer(request)))
        return NOT_DONE_YET

    async def _run(self, given: Arguments, answer: Answer) -> None:
        def tellStop(event: LogEvent) -> None:
            if event.get("log_namespace") == STOPPING:
                answer.progress(str(event["log_format"]).format(**event))

        if self._name == "stop":
            self._recent.listeners.append(tellStop)
        try:
            answer.done(
                await self._command.call(self._verbs, given, answer.progress) or ""
            )
        except (CommandError, ArgumentError) as error:
            answer.failed(str(error))
        except BaseException:
            # Whatever it is: who has asked is not to wait for ever.
            log.failure("cannot {verb}", verb=self._name)
            answer.failed("it has failed: see the cluster's log")
        finally:
            if tellStop in self._recent.listeners:
                self._recent.listeners.remove(tellStop)


def newRoot(verbs: Verbs, recent: Recent) -> tuple[Root, Logs]:
    """
    @return: All that there is, and the page of the log.
    """
    root, logs = Root(), Logs(verbs.snapshot, recent)
    root.putChild(b"status", Status(verbs.snapshot))
    root.putChild(b"logs", logs)
    for name, command in COMMANDS.items():
        root.putChild(name.encode(), Verb(name, command, verbs, recent))
    return root, logs
