"""
What a worker pays per connection: Port.doRead over handed-over sockets, against
reactor.adoptStreamConnection.

    python benchmarks/adopt.py [--quick] [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable

from harness import TOP, main, table
from twisted.internet import reactor, tcp
from twisted.internet.protocol import Factory, Protocol

sys.path.insert(0, str(TOP))
from twisted_cluster.events import ListenOptions
from twisted_cluster.primary.ports.saying import factsOf
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.page import Page
from twisted_cluster.worker.ports.counted import Endings
from twisted_cluster.worker.ports.register import Register
from twisted_cluster.worker.ports.standing import DeliveredSocket
from twisted_cluster.worker.ports.stream_ports import TCPPort

COUNT = 1500
Found = dict[str, list[float]]


def connected(
    listening: socket.socket, count: int
) -> tuple[list[socket.socket], list[Handed]]:
    """
    Clients, and their other ends.
    """
    clients, handed = [], []
    for _ in range(count):
        clients.append(socket.create_connection(listening.getsockname()))
        accepted, name = listening.accept()
        handed.append(Handed(accepted.detach(), 1, name, 0))
    return clients, handed


def adopt(factory: Factory, listening: socket.socket, handed: list[Handed]) -> None:
    """
    The documented way for a connection without a port.
    """
    for connection in handed:
        os.set_blocking(connection.fd, False)
        reactor.adoptStreamConnection(connection.fd, socket.AF_INET, factory)
        os.close(connection.fd)


def deliver(factory: Factory, listening: socket.socket, handed: list[Handed]) -> None:
    """
    The way of a port, in batches of 16.
    """
    page = Page.create()
    endings = Endings(page, print, reactor.callFromThread)
    reactor.clusterPorts = Register(None, page, endings, None, None, print)
    port = TCPPort(0, factory, 50, "", reactor, ListenOptions())
    port.transport = tcp.Server
    port.socket = DeliveredSocket(factsOf(listening), 1, endings)
    port.number, port.taking = 1, True
    for start in range(0, len(handed), 16):
        port.deliver(handed[start : start + 16])


def cost(way: Callable[..., None], count: int = COUNT) -> float:
    """
    CPU time per connection, in microseconds.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        clients, handed = connected(listening, count)
        before = time.process_time()
        way(Factory.forProtocol(Protocol), listening, handed)
        spent = time.process_time() - before
        for reader in reactor.removeAll():
            if hasattr(reader, "socket"):
                reader.socket.close()
        for client in clients:
            client.close()
    return spent / count * 1e6


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    parser.add_argument("--rounds", type=int, default=5, help="the least counts [5]")


def measure(asked: argparse.Namespace, found: Found) -> None:
    """
    Both ways in turn.
    """
    for _ in range(asked.rounds):
        for way in (deliver, adopt):
            found.setdefault(way.__name__, []).append(cost(way))


def report(asked: argparse.Namespace, found: Found) -> None:
    """
    Print the table.
    """
    rows = [
        [name, f"{min(costs):.1f}", f"{max(costs):.1f}"] for name, costs in found.items()
    ]
    print(table(["way", "least µs per connection", "most"], rows))


if __name__ == "__main__":
    main(__doc__, declare, {}, measure, report, {"rounds": 1})
