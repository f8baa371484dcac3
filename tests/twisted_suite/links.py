"""
Where a test run gets links from: a primary of its own, in a child process.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import Announcement
from twisted_cluster.wire.page import Page
from twisted_cluster.worker.reactor import clusterize
from twisted_cluster.worker.wires import WorkerWires

ROOT = Path(__file__).resolve().parents[2]


class LinkSource:
    """
    The test run's side of L{tests.twisted_suite.primary}, which it starts and ends.
    """

    def __init__(self) -> None:
        self._rendezvous, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET
        )
        fds = [theirs.fileno()]
        self._primary = subprocess.Popen(
            [sys.executable, "-m", "tests.twisted_suite.primary", *map(str, fds)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            pass_fds=fds,
        )
        theirs.close()

    def join(self, reactor: object) -> Callable[[], None]:
        """
        Become one more worker of the primary.

        @param reactor: A stock one, which has not run yet.
        @return: Closes the wires.
        """
        self._rendezvous.send(b"link")
        data, fds, _, _ = socket.recv_fds(self._rendezvous, 16, 4)
        for fd in fds:
            os.set_inheritable(fd, False)
        channel = Channel(socket.socket(fileno=fds[0]))
        queue, mail = socket.socket(fileno=fds[1]), socket.socket(fileno=fds[2])
        page = Page.inherit(fds[3])

        def close() -> None:
            for end in (channel, queue, mail, page):
                end.close()

        wires = WorkerWires(channel, queue, page, mail)
        clusterize(reactor, wires, Announcement(int(data)))
        return close

    def report(self) -> tuple[int, int]:
        """
        @return: How many times it bound for a worker, and how many connections
            workers have taken.
        """
        self._rendezvous.send(b"report")
        counts = json.loads(self._rendezvous.recv(1024))
        return counts["binds"], counts["connections"]

    def tell(self) -> bool:
        """
        Say what the primary did.

        @return: Whether it did anything: bound, and handed connections over.
        """
        binds, connections = self.report()
        said = f"{binds} binds and {connections} connections went through the primary"
        # Tests may have replaced sys.stdout.
        print(said, file=sys.__stdout__)
        return bool(binds and connections)

    def __enter__(self) -> LinkSource:
        return self

    def __exit__(self, *error: object) -> None:
        self._rendezvous.close()
        self._primary.wait(10)
