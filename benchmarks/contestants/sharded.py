"""
A plain Twisted process on a SO_REUSEPORT socket of its own: sharded.py NAME PORT
"""

import socket
import sys

import apps
from twisted.internet import reactor

name, port = sys.argv[1:]
listening = socket.socket()
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listening.bind(("127.0.0.1", int(port)))
listening.listen(511)
listening.setblocking(False)
reactor.adoptStreamPort(listening.fileno(), socket.AF_INET, getattr(apps, name))
listening.close()
reactor.run()
