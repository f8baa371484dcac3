"""
python cluster_ipc.py json|advanced WORKERS: the same as node_ipc.js, in Python.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from twisted.internet import reactor, stdio
from twisted.internet.defer import Deferred, gatherResults
from twisted.protocols.basic import LineReceiver
from twisted.python import log

from twisted_cluster import cluster

Task = dict[str, Any]
LINE = "the quick brown fox jumps over the lazy dog, and the dog sleeps on, unmoved\n"
TOPIC = "benchmark"


@cache
def payload(kind: str, size: int) -> str | list[dict[str, Any]]:
    """
    @return: A text, or a list of small dicts, whose JSON has about the size asked for.
    """
    if kind == "text":
        return (LINE * (size // len(LINE) + 1))[:size]
    items: list[dict[str, Any]] = []
    while size > 0:
        i = len(items)
        item = {
            "id": i,
            "name": f"item {i % 1000}",
            "price": i + 0.5,
            "tags": ["a", "b"],
            "sold": i % 2 == 0,
        }
        size -= len(json.dumps(item, separators=(",", ":"))) + 1
        items.append(item)
    return items


async def sendFor(task: Task, send: Callable[[object], Deferred[None]]) -> int:
    """
    Send as many as go in the time, at most twice C{every} of them on their way.

    @return: How many those were.
    """
    message = payload(task["kind"], task["size"])
    every = range(1, task["every"])
    end = time.perf_counter() + task["seconds"]
    count = 0
    earlier = None
    while time.perf_counter() < end:
        for _ in every:
            send(message)
        last = send(message)
        count += task["every"]
        if earlier is not None:
            await earlier
        earlier = last
    if earlier is not None:
        await earlier
    return count


class Primary(LineReceiver):
    """
    Does what each line says, and says what came of it.
    """

    delimiter = b"\n"

    def __init__(self, count: int) -> None:
        self._workers = [cluster.fork() for _ in range(count)]
        self._reports: dict[int, Deferred[int]] = {}
        self._heard = 0
        for worker in self._workers:
            worker.on("message", self._listener(worker.id))
        ready = gatherResults([self._report(worker) for worker in self._workers])
        ready.addCallback(lambda _: self._say([w.process.pid for w in self._workers]))
        ready.addErrback(log.err)

    def _listener(self, number: int) -> Callable[[Any], None]:
        def hear(message: Any) -> None:
            if type(message) is dict:
                self._reports.pop(number).callback(message["report"])
            else:
                self._heard += 1

        return hear

    def _report(self, worker: Any) -> Deferred[int]:
        self._reports[worker.id] = Deferred()
        return self._reports[worker.id]

    async def _total(self, workers: list[Any]) -> int:
        counts = [self._report(worker) for worker in workers]
        for worker in workers:
            worker.send({"task": "count"})
        return sum(await gatherResults(counts))

    def _say(self, value: object) -> None:
        print(json.dumps(value), flush=True)

    def lineReceived(self, line: bytes) -> None:
        """
        Somebody asks for a run.
        """
        done = Deferred.fromCoroutine(self._do(json.loads(line)))
        done.addErrback(log.err)

    async def _do(self, task: Task) -> None:
        begun = time.perf_counter()
        sent, received = await getattr(self, f"_{task['do']}")(task)
        seconds = time.perf_counter() - begun
        self._say({"sent": sent, "received": received, "seconds": seconds})

    async def _down(self, task: Task) -> tuple[int, int]:
        first = self._workers[:1]
        return await sendFor(task, first[0].send), await self._total(first)

    async def _up(self, task: Task) -> tuple[int, int]:
        self._heard = 0
        sent = self._report(self._workers[0])
        self._workers[0].send({"task": "send", **task})
        return await sent, self._heard

    async def _ask(self, task: Task) -> tuple[int, int]:
        message, first = payload(task["kind"], task["size"]), self._workers[0]
        end = time.perf_counter() + task["seconds"]
        count = bad = 0
        while time.perf_counter() < end:
            answer = await first.ask(message)
            count += 1
            bad += len(answer) != len(message)
        return count, count - bad

    async def _broadcast(self, task: Task) -> tuple[int, int]:
        sent = await sendFor(task, lambda message: cluster.broadcast(message, TOPIC))
        return sent * len(self._workers), await self._total(self._workers)

    def connectionLost(self, reason: object) -> None:
        """
        Nobody asks any more: the workers end with this process.
        """
        if reactor.running:
            reactor.stop()


class Worker:
    """
    Counts what it hears, says what it counted, and sends when it is told to.
    """

    def __init__(self) -> None:
        self._heard = 0
        cluster.worker.on("message", self._hear)
        cluster.worker.answer(lambda question: question)
        cluster.subscribe(TOPIC, self._published)
        self._report(0)

    def _published(self, message: object, sender: int) -> None:
        self._heard += 1

    def _hear(self, message: Any) -> None:
        if type(message) is not dict:
            self._heard += 1
        elif message["task"] == "count":
            self._heard, heard = 0, self._heard
            self._report(heard)
        else:
            sent = Deferred.fromCoroutine(sendFor(message, cluster.worker.send))
            sent.addCallbacks(self._report, log.err)

    def _report(self, count: int) -> None:
        cluster.worker.send({"report": count})


def main() -> None:
    """
    Be the primary, or a worker of it.
    """
    serialization, count = sys.argv[1:]
    log.startLogging(sys.stderr, setStdout=False)
    if cluster.isPrimary:
        cluster.setupPrimary(serialization=serialization)
        stdio.StandardIO(Primary(int(count)))
    else:
        Worker()
    reactor.run()


main()
