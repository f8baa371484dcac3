"""
Messages, questions and topics between a primary and its workers; ends by itself.

python docs/examples/messages.py
"""

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from twisted_cluster import cluster

WORKERS = 2


def square(number):
    return number**2


async def main():
    workers = [cluster.fork() for _ in range(WORKERS)]
    # Messages that come before anybody listens wait for the first listener.
    ready = await gatherResults([worker.when("message") for worker in workers])
    for message, _ in ready:
        print(message, flush=True)

    # A question waits for its answer, ten seconds at most.
    print("worker 1 says", await workers[0].ask(12), flush=True)

    # Everybody else who has subscribed hears a broadcast.
    heard = gatherResults([worker.when("message") for worker in workers])
    await cluster.broadcast("hello, all", "news")
    for message, _ in await heard:
        print(message, flush=True)

    await cluster.disconnect()
    print("all workers are gone", flush=True)
    reactor.stop()


if cluster.isPrimary:
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(main()))
else:
    me = cluster.worker
    me.answer(square)
    cluster.subscribe(
        "news", lambda text, sender: me.send(f"worker {me.id} heard {text!r}")
    )
    me.send(f"worker {me.id} is ready")
reactor.run()
