"""
Whoever may come: any workers, any peers, any first bytes, from a source of chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from attrs import evolve

from twisted_cluster.events import SocketName
from twisted_cluster.testing.facts import WorkerLoad

# More than any counter reaches, and still 64 bits.
HUGE = 1 << 62


def anyWorkers(workers: Sequence[WorkerLoad], random: Random) -> list[WorkerLoad]:
    """
    @return: Some of these, by ascending number: at least one, each the same as before
        or a replacement, with little or very much to do.
    """
    count = random.randint(1, len(workers))
    some = sorted(random.sample(workers, count), key=lambda worker: worker.number)
    return [_anyLoad(worker, random) for worker in some]


def _anyLoad(worker: WorkerLoad, random: Random) -> WorkerLoad:
    counts = (0, 1, 5, random.randrange(HUGE))
    return evolve(
        worker,
        id=random.choice((worker.id, random.randrange(1, 1000))),
        active=random.choice(counts),
        queued=random.choice(counts),
        lag=random.choice((0.0, random.random() * 1000, 1e12)),
        cpu=random.choice((0.0, 1.0, 64.0)),
        rss=random.choice((0, HUGE)),
        age=random.choice((0.0, 1e9)),
        generation=random.choice((1, 2, 1000)),
        weight=random.choice((0, worker.weight, worker.weight, 1000)),
    )


def anyPeers(random: Random) -> Iterator[SocketName]:
    """
    Names as C{accept} gives them, without end.
    """
    while True:
        four = ".".join(str(random.randrange(256)) for _ in range(4))
        six = f"2001:db8::{random.randrange(1 << 16):x}"
        port = random.randrange(1 << 16)
        yield random.choice(
            (
                (four, port),
                (six, port, 0, 0),
                (f"::ffff:{four}", port, 0, 0),
                ("fe80::1%eth0", port, 0, 2),
                "",
                "/run/client.sock",
                "\0abstract",
            )
        )


def anyFirstBytes(
    samples: Sequence[bytes], limit: int, random: Random
) -> Iterator[bytes]:
    """
    Nothing; every beginning of each sample; samples with bytes changed; garbage.

    @param limit: The longest that is wanted.
    """
    yield b""
    for sample in dict.fromkeys(sample[:limit] for sample in samples):
        for end in range(1, len(sample) + 1):
            yield sample[:end]
        for _ in range(200):
            yield _damaged(sample, random)
    for _ in range(200):
        yield random.randbytes(random.randint(1, limit))
    yield b"\n" * limit
    yield b"A" * limit


def _damaged(sample: bytes, random: Random) -> bytes:
    changed = bytearray(sample)
    for _ in range(random.randint(1, 4) if changed else 0):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)
