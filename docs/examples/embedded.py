"""
A program that runs a cluster while it needs one: it asks it something, stops it, and
does so once more.

python embedded.py [PORT]
"""

import sys
from urllib.request import urlopen

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from twisted_cluster import ClusterConfig, ClusterService

PORT = int(sys.argv[1]) if sys.argv[1:] else 8080


def fetch():
    with urlopen(f"http://127.0.0.1:{PORT}/", timeout=30) as page:
        return page.read()


async def main(reactor):
    config = ClusterConfig.forApp("demo.Page", listen=[f"tcp:{PORT}"], workers=2)
    service = ClusterService(reactor, config)
    for attempt in ("first", "second"):
        try:
            service.startService()
        except OSError as error:
            sys.exit(f"cannot listen: {error}")
        page = await deferToThread(fetch)
        print(attempt, "served" if b"served by" in page else page, flush=True)
        await service.stopService()
        print(attempt, "over", flush=True)


react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
