"""
How what a template has forked becomes a worker: in all that a process is started with, as
if it had been started itself.
"""

from __future__ import annotations

import fcntl
import importlib
import io
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from attrs import frozen

from twisted_cluster.wire.limit import openDescriptors
from twisted_cluster.wire.order import BEGIN, LONGEST, READY, Order
from twisted_cluster.wire.stacks import beginHere
from twisted_cluster.worker.warm.changes import Changes

HERE = "/proc/self/cwd"


@frozen
class Birth:
    """
    @ivar text: A file in memory with the order.
    @ivar answer: Where it is answered.
    @ivar place: The directory.
    @ivar given: What the worker is to have.
    @ivar adopted: A pipe that closes when this process is the primary's child.
    @ivar blocked: The signals that were blocked when the template was started.
    @ivar changes: Of the application that was imported there.
    """

    text: int
    answer: int
    place: int
    given: Sequence[int]
    adopted: int
    blocked: Iterable[int]
    changes: Changes


def become(birth: Birth) -> Callable[[], None]:
    """
    Answer, and wait for the primary's word.

    @return: What it is to run.
    """
    answer = socket.socket(fileno=birth.answer)
    try:
        os.read(birth.adopted, 1)
        order = Order.loads(os.pread(birth.text, os.fstat(birth.text).st_size, 0))
        answer = _have(birth, order, answer)
        _settle(order)
        birth.changes.repeat()
        time.tzset()
        answer.send(READY)
        if answer.recv(len(BEGIN)) != BEGIN:
            os._exit(1)
        answer.close()
    except BaseException as error:
        with suppress(OSError):
            why = f"{type(error).__name__}: {error}"
            answer.send(why.encode("utf-8", "backslashreplace")[:LONGEST])
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, birth.blocked)
    # Python leaves it the number of the one that has forked.
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]
    beginHere()
    run: Callable[[], None] = importlib.import_module(order.main).main
    return run


def _have(birth: Birth, order: Order, answer: socket.socket) -> socket.socket:
    """
    Have the descriptors that it is to have at their numbers, and no others.

    @return: The answer's, which is one more.
    """
    _go(birth.place)
    above = max(order.numbers, default=0) + 1
    answer = socket.socket(fileno=_above(answer.detach(), above))
    given = [_above(fd, above) for fd in birth.given]
    for number, fd in zip(order.numbers, given, strict=True):
        os.dup2(fd, number)
    for fd in {*openDescriptors()} - {*order.numbers, answer.fileno()}:
        # Also what has listed them.
        with suppress(OSError):
            os.close(fd)
    return answer


def _go(place: int) -> None:
    try:
        os.fchdir(place)
    except PermissionError:
        # Who is started where he may not go is there all the same.
        if not os.path.samestat(os.fstat(place), os.stat(HERE)):
            raise


def _above(fd: int, least: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)


def _settle(order: Order) -> None:
    """
    All else that is handed on when a program is started.
    """
    if order.hasOwnSession:
        os.setsid()
    os.umask(order.umask)
    for number, most in order.limits.items():
        if resource.getrlimit(number) != most:
            resource.setrlimit(number, most)
    _haveEnvironment(order.environment)
    _show(order.argv)
    argv = list(map(os.fsdecode, order.argv))
    sys.orig_argv = argv
    sys.argv[1:] = argv[len(argv) - order.given :]
    _haveStreams(order.numbers)


def _haveEnvironment(wanted: Mapping[bytes, bytes]) -> None:
    for name in os.environb.keys() - wanted.keys():
        del os.environb[name]
    for name, value in wanted.items():
        # What is as it was stays shared.
        if os.environb.get(name) != value:
            os.environb[name] = value


def _show(argv: Sequence[bytes]) -> None:
    """
    Be to C{ps} what was to be run, as far as there is room for that.

    @see: proc(5), C{/proc/pid/stat}: C{arg_start} and C{arg_end}.
    """
    with suppress(OSError), open("/proc/self/stat", "rb") as stat:
        begin, end = map(int, stat.read().rpartition(b")")[2].split()[45:47])
        # Whose last byte is none goes on, to ps(1), in what follows.
        text = b"".join(each + b"\0" for each in argv)[: end - begin - 1]
        if text and begin < end:
            with open("/proc/self/mem", "r+b", buffering=0) as memory:
                memory.seek(begin)
                memory.write(text.ljust(end - begin, b"\0"))


def _haveStreams(numbers: Sequence[int]) -> None:
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if fd not in numbers:
            # As Python does where there is none.
            setattr(sys, name, None)
            setattr(sys, f"__{name}__", None)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=os.isatty(1))
