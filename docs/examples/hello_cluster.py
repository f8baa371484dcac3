"""
The script of Node's cluster documentation, for Twisted: one HTTP server per CPU, on one
port. Run it: python docs/examples/hello_cluster.py [PORT]
"""

import os
import sys

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from twisted_cluster import cluster


class Hello(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        return b"hello world\n"


if cluster.isPrimary:
    print(f"Primary {os.getpid()} is running", flush=True)

    for _ in range(os.cpu_count() or 1):
        cluster.fork()

    @cluster.on("exit")
    def died(worker, code, signal):
        print(f"worker {worker.process.pid} died", flush=True)

else:
    # Workers can share any TCP connection. In this case it is an HTTP server.
    reactor.listenTCP(int(sys.argv[1]) if sys.argv[1:] else 8000, Site(Hello()))
    print(f"Worker {os.getpid()} started", flush=True)

reactor.run()
