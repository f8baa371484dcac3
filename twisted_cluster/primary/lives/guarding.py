"""
Ends workers that outlive their primary. This is run as a program by itself, beside the
workers, so that it works whatever they do; it knows nothing of the cluster, and imports
only what is small.

What it reads at descriptor 3 are messages, each with a process (a C{pidfd}), for how many
seconds that may go on alone, and its name; or, without a process, the name of one that is
not to be looked after any more. At their end the primary is gone.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time

CHANNEL = 3
LONGEST = 1024
# What is killed is gone within milliseconds, unless the system cannot end it; to see that
# is worth a line.
LAST = 5.0
# Of a pipe that nobody reads none is waited for.
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK


class Guard:
    """
    Has the workers that there are, by their descriptors: how long each may go on alone,
    and its name.
    """

    def __init__(
        self, channel: socket.socket, log: str, isObject: bool, tellsAll: bool
    ) -> None:
        """
        @param log: Where to tell what becomes of orphans: a descriptor's number, or the
            path of a file.
        @param isObject: Whether each line there is a JSON object.
        @param tellsAll: Whether more is told than who was killed.
        """
        self._channel = channel
        self._log = log
        self._isObject = isObject
        self._tellsAll = tellsAll
        self._workers: dict[int, tuple[float, str]] = {}
        self._killed: set[int] = set()
        self._poll = select.poll()
        self._primary = os.getppid()
        # When the primary ended.
        self._since: float | None = None

    def run(self) -> None:
        """
        Until there is nobody left to look after.
        """
        self._poll.register(self._channel, select.POLLIN)
        while self._since is None or self._workers:
            for fd, _ in self._poll.poll(self._patience()):
                if fd == self._channel.fileno():
                    self._hear()
                elif fd in self._workers:
                    self._bury(fd)
            if self._since is not None:
                self._endWhoIsLate(time.monotonic() - self._since)

    def _patience(self) -> float | None:
        if self._since is None:
            return None
        first = min(seconds for seconds, _ in self._workers.values())
        left = self._since + first - time.monotonic()
        # Not a moment too early, and then again and again.
        return max(0.0, left) * 1000 + 1

    def _hear(self) -> None:
        data, fds, _, _ = socket.recv_fds(self._channel, LONGEST, 1)
        if not data:
            self._poll.unregister(self._channel)
            # Who ended before it is no orphan.
            for fd, _ in self._poll.poll(0):
                self._bury(fd)
            self._since = time.monotonic()
            self._tellOrphans()
        text = data.decode("utf-8", "replace")
        if not fds:
            self._forget([fd for fd, (_, name) in self._workers.items() if name == text])
        for fd in fds:
            seconds, _, name = text.partition(" ")
            self._workers[fd] = float(seconds), name
            self._poll.register(fd, select.POLLIN)

    def _forget(self, fds: list[int]) -> None:
        for fd in fds:
            self._poll.unregister(fd)
            self._workers.pop(fd)
            self._killed.discard(fd)
            os.close(fd)

    def _bury(self, fd: int) -> None:
        _, name = self._workers[fd]
        self._forget([fd])
        if self._since is not None and self._tellsAll:
            self._say("info", f"{name} has ended")

    def _endWhoIsLate(self, passed: float) -> None:
        for fd, (seconds, name) in list(self._workers.items()):
            if passed < seconds:
                continue
            if fd in self._killed:
                self._say("error", f"{name} cannot be killed: it is left behind")
                self._forget([fd])
                continue
            self._say(
                "error",
                f"{name} is killed: it has not ended within {seconds:g} s without its "
                "primary",
            )
            try:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
            except OSError as error:
                if not isinstance(error, ProcessLookupError):
                    self._say("error", f"cannot kill {name}: {error}")
                    self._bury(fd)
                    continue
            self._killed.add(fd)
            self._workers[fd] = seconds + LAST, name

    # What is told

    def _tellOrphans(self) -> None:
        if self._workers and self._tellsAll:
            there = sorted(self._workers.values(), key=lambda worker: worker[1])
            most = max(seconds for seconds, _ in there)
            names = ", ".join(name for _, name in there)
            self._say(
                "warn",
                f"the primary ({self._primary}) is gone: {names} may finish what is "
                f"served, for {most:g} s at most",
            )

    def _say(self, level: str, text: str) -> None:
        line = lineOf(level, text, self._isObject)
        try:
            if self._log.isdigit():
                _writeIfRead(int(self._log), line)
            else:
                fd = os.open(self._log, FLAGS, 0o666)
                try:
                    os.write(fd, line)
                finally:
                    os.close(fd)
        except OSError:
            # Nobody reads it any more.
            pass


def _writeIfRead(fd: int, line: bytes) -> None:
    """
    Write, unless that would have to wait: a log that nobody reads is to save no orphan.
    """
    # The descriptor is others' as well: it cannot be made one that does not block.
    writable = select.poll()
    writable.register(fd, select.POLLOUT)
    if writable.poll(0):
        os.write(fd, line)


def lineOf(level: str, text: str, isObject: bool) -> bytes:
    """
    @return: A line as the primary's log has it.
    """
    stamp, zone = time.strftime("%Y-%m-%dT%H:%M:%S"), time.strftime("%z")
    if not isObject:
        return f"{stamp}{zone} [cluster#{level}] {text}\n".encode()
    return (
        f'{{"time": "{stamp}{zone[:3]}:{zone[3:]}", "level": "{level}", '
        f'"namespace": "cluster", "text": "{text}"}}\n'
    ).encode()


if __name__ == "__main__":
    log, form, tellsAll = sys.argv[-3:]
    Guard(socket.socket(fileno=CHANNEL), log, form == "json", tellsAll == "True").run()
