"""
Hold idle connections: C{holder.py SOURCE PORT COUNT}. Says C{ready} when all of them
are open, and closes them when its standard input ends.
"""

from __future__ import annotations

import socket
import sys

IP_BIND_ADDRESS_NO_PORT = 24  # so that ports are counted per destination


def openConnection(source: str, port: int) -> socket.socket:
    """
    @param source: The client's address, 127.0.0.x: each has ports of its own.
    @param port: Where the server listens, on 127.0.0.1.
    """
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    connection.settimeout(10)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", port))
    return connection


def main(source: str, port: str, count: str) -> None:
    """
    Open, say so, wait, close.
    """
    held = [openConnection(source, int(port)) for _ in range(int(count))]
    print("ready", flush=True)
    sys.stdin.read()
    for connection in held:
        connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
