"""
Groups of listening sockets, on loopback.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address

from attrs import define

ADDRESSES = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def headerOf(address: IPv4Address | IPv6Address) -> bytes:
    """
    A packet of this sender, from the network's header on.
    """
    before = b"\x45" + bytes(11) if address.version == 4 else b"\x60" + bytes(7)
    return before + address.packed + bytes(16)


@define
class Listening:
    """
    Sockets that share a port.

    @ivar address: Where to connect.
    """

    sockets: list[socket.socket]
    address: tuple[str, int]

    def connect(self, source: str = "") -> socket.socket:
        """
        A client, which is in somebody's backlog.
        """
        bound = (source, 0) if source else None
        return socket.create_connection(self.address, 10, bound)

    def taken(self) -> list[int]:
        """
        Take who waits.

        @return: Whose they were: indices, one for each.
        """
        found = []
        for index, one in enumerate(self.sockets):
            with suppress(OSError):
                while True:
                    one.accept()[0].close()
                    found.append(index)
        return found

    def chosen(self, times: int, source: str = "") -> Counter[int]:
        """
        Who was chosen how often for clients that come one after the other.
        """
        found: Counter[int] = Counter()
        for _ in range(times):
            with self.connect(source):
                found.update(self.taken())
        return found


@contextmanager
def listening(
    count: int, family: int = socket.AF_INET, address: str = "", backlog: int = 1024
) -> Iterator[Listening]:
    """
    A group, by order of listening.

    @param address: Where to listen; loopback, if nothing is said.
    """
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        port = 0
        for _ in range(count):
            one = stack.enter_context(socket.socket(family))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind((address or ADDRESSES[socket.AddressFamily(family)], port))
            one.listen(backlog)
            one.setblocking(False)
            port = one.getsockname()[1]
            sockets.append(one)
        yield Listening(sockets, (ADDRESSES[socket.AddressFamily(family)], port))
