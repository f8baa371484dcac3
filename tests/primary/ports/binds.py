"""
Where a group's datagrams go.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from functools import cache

PEERS = 60


@cache
def _peers() -> list[socket.socket]:
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(PEERS)]
    for peer in made:
        peer.bind(("127.0.0.1", 0))
    return made


def spread(
    name: tuple[str, int],
    members: Mapping[int, socket.socket],
    broken: socket.socket | None = None,
) -> Mapping[tuple[str, int], int]:
    """
    @param broken: Nothing may come in by this one.
    @return: By peer, the slot that its datagrams come in by.
    """
    for peer in _peers():
        peer.sendto(b"it", name)
    found: dict[tuple[str, int], int] = {}
    deadline = time.monotonic() + 5.0
    while len(found) < PEERS and time.monotonic() < deadline:
        for slot, member in members.items():
            try:
                found[member.recvfrom(10)[1]] = slot
            except BlockingIOError:
                continue
    if broken is not None:
        broken.setblocking(False)
        try:
            raise AssertionError(broken.recvfrom(10))
        except OSError:
            pass
    return found
