"""
Sockets, and what else a process was started with by systemd or another launcher, which
its workers find at the same numbers.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager, suppress

from attrs import Factory, evolve, frozen
from twisted.python.systemd import ListenFDs

from twisted_cluster.wire.borrowed import Borrowed
from twisted_cluster.wire.limit import openDescriptors

# Standard input, output and error are no sockets that are waiting for this.
FIRST = 3
# What LISTEN_PID is for a worker before it knows its own number.
ANYBODY = "worker"
Identity = tuple[int, int]


@frozen
class Inherited:
    """
    What every worker finds.

    @ivar numbers: Descriptors of this process, 3 or more; in a worker each is the same
        socket, or stands for it.
    @ivar environment: How a worker is told of those that systemd has opened.
    @ivar isReal: Whether workers have the listening sockets themselves, because the
        kernel chooses among them.
    @ivar others: Descriptors of this process that are no ports, and that workers have as
        they are.
    @ivar known: The device and inode of each when it was found: once it is closed, its
        number may be a client's.
    """

    numbers: frozenset[int] = frozenset()
    environment: Mapping[str, str] = Factory(dict)
    isReal: bool = False
    others: frozenset[int] = frozenset()
    known: Mapping[int, Identity] = Factory(dict)

    @classmethod
    def find(cls, more: Iterable[int] = (), isReal: bool = False) -> Inherited:
        """
        Look at what is open.

        @param more: Descriptors that are to be among them.
        """
        announced = listenFDs()
        numbers = announced.inheritedDescriptors()
        environment = {}
        if numbers:
            names = announced.inheritedNamedDescriptors()
            byNumber = {number: name for name, number in names.items()}
            environment = {
                "LISTEN_PID": ANYBODY,
                "LISTEN_FDS": str(len(numbers)),
                "LISTEN_FDNAMES": os.environ.get("LISTEN_FDNAMES")
                or ":".join(byNumber.get(each, "") for each in numbers),
            }
        ports = frozenset([*numbers, *more, *filter(_isPort, _leftOpen())])
        return cls(ports, environment, isReal, known=_known(ports))

    def withOthers(self) -> Inherited:
        """
        @return: The same, and whatever else was left open for this process: to be asked
            before anything is opened here by what is not Python.
        """
        others = frozenset(_leftOpen()) - self.numbers
        return evolve(self, others=others, known={**self.known, **_known(others)})

    @contextmanager
    def copies(self, taken: Collection[int] = ()) -> Iterator[dict[int, int]]:
        """
        What C{spawnProcess} is to give a worker, while the block lasts.

        Nobody is connected at what stands in for a listening socket, so that a worker
        which is slow, deaf or hostile keeps nobody waiting.

        @param taken: Numbers that are something else there.
        @raise OSError: If there is no descriptor free for what is to stand in.
        """
        given: dict[int, int] = {}
        with ExitStack() as stack:
            for number in sorted((self.numbers | self.others) - set(taken)):
                try:
                    if self.known.get(number) not in (None, _identity(number)):
                        continue
                    kind = _streamThatListens(number)
                except OSError:
                    continue  # it has been closed
                given[number] = number
                if kind is not None and not self.isReal:
                    standIn = stack.enter_context(socket.socket(*kind))
                    given[number] = standIn.fileno()
            yield given


def _known(numbers: Iterable[int]) -> Mapping[int, Identity]:
    known = {}
    for number in numbers:
        with suppress(OSError):
            known[number] = _identity(number)
    return known


def _identity(fd: int) -> Identity:
    there = os.fstat(fd)
    return there.st_dev, there.st_ino


def listenFDs() -> ListenFDs:
    """
    @return: What systemd has opened for this process, as Twisted's endpoints know it.
    """
    # As soon as these are imported they take it out of the environment.
    endpoints = sys.modules.get("twisted.internet.endpoints")
    if endpoints is None:
        return ListenFDs.fromEnvironment(dict(os.environ))
    known: ListenFDs = endpoints._SystemdParser._sddaemon
    return known


def claim(environment: MutableMapping[str, str]) -> None:
    """
    A worker begins: what systemd has opened is for this process. To be called before
    anybody looks.
    """
    if environment.get("LISTEN_PID") == ANYBODY:
        environment["LISTEN_PID"] = str(os.getpid())
        # Says the same of the primary.
        environment.pop("LISTEN_PIDFDID", None)
        endpoints = sys.modules.get("twisted.internet.endpoints")
        if endpoints is not None:
            # They have looked before this process was told what it is. Whoever looks
            # himself still can.
            endpoints._SystemdParser._sddaemon = ListenFDs.fromEnvironment(
                dict(environment)
            )


def _leftOpen() -> Iterator[int]:
    """
    What is open here without this process having opened it: what Python opens is not
    inherited.
    """
    for fd in openDescriptors():
        with suppress(OSError):
            if fd >= FIRST and os.get_inheritable(fd):
                yield fd


def _isPort(fd: int) -> bool:
    with suppress(OSError):
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            with Borrowed(fd) as there:
                if there.type == socket.SOCK_DGRAM and there.family != socket.AF_UNIX:
                    return bool(there.getsockname()[1])
                return accepts(there)
    return False


def _streamThatListens(fd: int) -> tuple[int, int] | None:
    if not stat.S_ISSOCK(os.fstat(fd).st_mode):
        return None
    with Borrowed(fd) as there:
        isPort = there.type == socket.SOCK_STREAM and accepts(there)
        return (there.family, there.type) if isPort else None


def accepts(there: socket.socket) -> bool:
    """
    Whether a socket listens.
    """
    return bool(there.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
