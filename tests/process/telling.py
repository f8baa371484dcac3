"""
Applications that tell which process has imported, made and forked what.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.process.cluster import (
    RunningCluster,
    allChildrenOf,
    ask,
    freePort,
    isAlive,
    isTemplate,
)

APP = """
import json, os, random, sys
from twisted.internet.protocol import Factory, Protocol

importedBy = os.getpid()

class Tell(Protocol):
    def connectionMade(self):
        wasForked = "twisted_cluster.worker.warm.template" in sys.modules
        told = [os.getpid(), os.getppid(), wasForked, random.random()]
        told += [importedBy, self.factory.madeBy]
        self.transport.write(json.dumps(told).encode())
        self.transport.loseConnection()

def make():
    made = Factory.forProtocol(Tell)
    made.madeBy = os.getpid()
    return made
"""
THREAD = """
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""


@contextmanager
def telling(
    directory: Path, *more: str, workers: int = 2, **options: dict[str, str]
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster whose workers tell what they are like.
    """
    (directory / "told.py").write_text(APP)
    port = freePort()
    listen = f"--listen=tcp:{port}:interface=127.0.0.1"
    arguments = ["--app=told.make", listen, f"--workers={workers}", *more]
    with RunningCluster(arguments, directory, **options) as cluster:
        cluster.waitOnline(workers)
        yield cluster, port


def templateOf(cluster: RunningCluster) -> int:
    """
    The one that there is.
    """
    (found,) = templatesOf(cluster)
    return found


def templatesOf(cluster: RunningCluster) -> list[int]:
    """
    Those that there are.
    """
    found = filter(isTemplate, allChildrenOf(cluster.pid))
    return [pid for pid in found if isAlive(pid)]


class Told(NamedTuple):
    """
    What a worker tells of itself.
    """

    pid: int
    parent: int
    wasForked: bool
    number: float
    importedBy: int
    madeBy: int


def told(port: int) -> Told:
    """
    Ask one.
    """
    return Told(*json.loads(ask(port)))
