"""
Typed messages between the primary and a worker, and their bytes.

One message is one datagram: a JSON list of the version, its name and its fields. Each
side holds the other for hostile: names, fields, types and sizes are checked.
"""

from __future__ import annotations

import json
from typing import Union, get_args

from attrs import asdict, field, frozen
from attrs.validators import ge, in_, instance_of, le, optional

from twisted_cluster.core.fields import COUNT, FLAG, TEXT, toFacts, toSpec, whole
from twisted_cluster.core.socket_facts import SocketFacts
from twisted_cluster.errors import MessageError, VersionError
from twisted_cluster.events import ListenSpec

# With a new field that has a default it stays; where one means something else, not.
VERSION = 1
# In bytes: a path and a directory of 4 KB each, and what is said besides.
LONGEST_MESSAGE = 16384
# In seconds: what no timer minds.
FOREVER = 1e9
# The last of real time, on every system.
LAST_SIGNAL = 128
# How connections or datagrams reach the workers of a listener: the primary hands them
# over; all workers read one socket; each has a socket of its own, in one group; the same,
# and the primary says whom the kernel may choose.
HANDOFF, SHARED, GROUP, KERNEL = MODES = ("handoff", "shared", "group", "kernel")
# Of what listens: -1 for a UNIX socket.
ADDRESS_TYPES: tuple[int | str, ...] = (4, 6, "udp4", "udp6", -1)


@frozen
class Listen:
    """
    A worker asks to listen.

    @ivar question: Comes back in the L{Answer}.
    @ivar ordinal: Which of the worker's listens on port 0 this is, from 0; workers
        whose ordinals agree share a port.
    @ivar directory: The worker's, which a relative path is relative to.
    @ivar room: How many connections it is willing to have been handed beyond those that
        it has been; L{None} is any number.
    @ivar listener: Which one is meant, as long as it is there; 0 if the spec says it.
    """

    question: int = field(validator=whole)
    spec: ListenSpec = field(converter=toSpec, validator=instance_of(ListenSpec))
    ordinal: int = field(default=0, validator=[whole, ge(0)])
    directory: str = field(default=".", validator=TEXT)
    room: int | None = field(default=None, validator=COUNT)
    listener: int = field(default=0, validator=whole)


@frozen
class Answer:
    """
    The primary's answer to a L{Listen}, or to an L{Unlisten}. The socket comes along
    where the worker is to read it; where the primary accepts, no worker has it.

    @ivar errno: 0, or why it may not listen there.
    @ivar mode: One of L{MODES}.
    @ivar socket: What that says of itself, where it does not come along.
    @ivar most: How many connections the worker may have, in all, where it accepts from
        a socket of its own; L{None} is any number.
    """

    question: int = field(validator=whole)
    listener: int = field(default=0, validator=whole)
    errno: int = field(default=0, validator=whole)
    reason: str = field(default="", validator=TEXT)
    mode: str = field(default=HANDOFF, validator=in_(MODES))
    socket: SocketFacts | None = field(
        default=None, converter=toFacts, validator=optional(instance_of(SocketFacts))
    )
    most: int | None = field(default=None, validator=COUNT)


@frozen
class Unlisten:
    """
    A worker no longer listens there; the L{Answer} says that this is done.
    """

    question: int = field(validator=whole)
    listener: int = field(validator=whole)


@frozen
class Released:
    """
    A worker that ends has let go of a listening socket, and listens there no more.
    """

    listener: int = field(validator=whole)


@frozen
class Pause:
    """
    A worker takes no connections from a listener for now, or takes them again.
    """

    listener: int = field(validator=whole)
    paused: bool = field(validator=FLAG)


@frozen
class Born:
    """
    The worker's process is there, and is about to run what it was told to.
    """


@frozen
class Limit:
    """
    A worker says how many connections of a listener it will have been handed, in all.

    What is handed over carries a mark from the first of these on; each connection with
    a mark counts, at both ends, for as long as the worker lives.

    @ivar willing: L{None} is any number.
    """

    listener: int = field(validator=whole)
    willing: int | None = field(default=None, validator=COUNT)


@frozen
class Listening:
    """
    A worker listens now, be it on a listener of the cluster or for itself.

    @ivar address: The interface that was given, L{None} if none was; a UNIX socket's
        absolute path.
    @ivar port: The real one; -1 for a UNIX socket.
    @ivar addressType: 4 or 6, C{"udp4"} or C{"udp6"}; -1 for a UNIX socket.
    @ivar fd: The descriptor of the primary that was given, L{None} if none was; -1 for
        UDP.
    """

    address: str | None = field(validator=optional(TEXT))
    port: int = field(validator=whole)
    addressType: int | str = field(validator=in_(ADDRESS_TYPES))
    fd: int | None = field(default=None, validator=optional(whole))


@frozen
class Online:
    """
    The worker's reactor runs.

    @ivar isReady: Whether it may be offered connections: its application has started,
        and holds nothing back.
    """

    isReady: bool = field(default=True, validator=FLAG)


@frozen
class Ready:
    """
    The worker may be offered connections from now on, or is to be offered none.
    """

    isReady: bool = field(validator=FLAG)


@frozen
class Room:
    """
    A worker which was full, and was asked to say so, has taken something.
    """


@frozen
class Leaving:
    """
    A worker stops, and nobody here has told it to.

    @ivar planned: Whether it wants that itself: hand it nothing more. If not, it was sent
        a signal, and goes on until it is told to L{Drain}.
    """

    planned: bool = field(default=False, validator=FLAG)


@frozen
class Stay:
    """
    The primary has heard that a worker was sent a signal, and will tell it to L{Drain}.
    """


@frozen
class Drain:
    """
    The primary tells a worker to finish what it serves, and end.

    @ivar timeout: After so many seconds it ends all the same.
    @ivar planned: Whether the primary wants that; if not, it only lets go who was sent a
        signal.
    """

    timeout: float = field(converter=float, validator=[ge(0.0), le(FOREVER)])
    planned: bool = field(default=True, validator=FLAG)


@frozen
class Closings:
    """
    What comes along is where a worker is to count what it closes of a listener that it
    accepts from, for the program that chooses.
    """

    listener: int = field(validator=whole)


@frozen
class Signal:
    """
    The primary was sent a signal, and passes it on to applications that have a handler
    for it.
    """

    number: int = field(validator=[whole, ge(1), le(LAST_SIGNAL)])


Message = Union[
    Listen,
    Answer,
    Unlisten,
    Released,
    Pause,
    Limit,
    Listening,
    Born,
    Online,
    Ready,
    Room,
    Leaving,
    Stay,
    Drain,
    Closings,
    Signal,
]
MESSAGE_KINDS = {kind.__name__: kind for kind in get_args(Message)}


# What tells a state: of two, the later one alone matters.
_STATES = (Pause, Limit, Online, Ready, Room, Drain)


def stateOf(message: Message) -> tuple[str, int] | None:
    """
    @return: What a message tells the state of: two of one state need not both be told,
        the later one is enough. L{None}: it is no such message, each is to be told.
    """
    if not isinstance(message, _STATES):
        return None
    return type(message).__name__, getattr(message, "listener", 0)


# What applications bring about as often as they like, and nobody waits for.
_FREQUENT = (Listening, Pause, Ready)


def isFrequent(message: Message) -> bool:
    """
    Whether it may be told a moment later, where there are many.
    """
    return isinstance(message, _FREQUENT)


def encode(message: Message) -> bytes:
    """
    @raise MessageError: If the message is longer than L{LONGEST_MESSAGE} bytes.
    """
    said = [VERSION, type(message).__name__, asdict(message)]
    data = json.dumps(said).encode("ascii")
    if len(data) > LONGEST_MESSAGE:
        raise MessageError(
            f"message of {len(data)} bytes: the limit is {LONGEST_MESSAGE}"
        )
    return data


def decode(data: bytes) -> Message:
    """
    @raise MessageError: If C{data} is not what L{encode} makes.
    @raise VersionError: If it is what another version's makes.
    """
    try:
        version, *rest = json.loads(data)
        if version == VERSION:
            name, fields = rest
            message: Message = MESSAGE_KINDS[name](**fields)
            return message
    # Whatever a validator or converter makes of what a hostile process sends.
    except Exception as error:
        raise MessageError(f"not a message: {data[:60]!r} ({error!s:.80})") from None
    raise VersionError(f"a message of version {version!r:.20}: here it is {VERSION}")
