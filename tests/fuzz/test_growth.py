"""
A primary does not grow with the workers that harm it.
"""

from __future__ import annotations

import gc
from pathlib import Path
from random import Random

from twisted.logger import globalLogBeginner

from tests.fuzz.ground import Ground, ground
from tests.fuzz.saying.wires import FUZZERS

# Of some 50,000; a worker is 150. There are caches, and threads that close things still.
FEW = 3000


def live(ground: Ground, random: Random) -> None:
    """
    One worker's life.
    """
    wildness = random.choice((0.0, 0.01, 0.1))
    for _ in range(60):
        ground.say(random, wildness)
        if random.random() < 0.2:
            ground.turn()
            ground.come()
            ground.serve()
    ground.turn(3)
    ground.check()
    ground.replace()


def test_whatWorkersLeaveIsNothing(tmp_path: Path) -> None:
    """
    Of seventy lives no more is left than of ten.
    """
    random = Random(1)
    with ground(list(FUZZERS), tmp_path) as primary:
        counts = []
        for lives in (10, 60):
            for _ in range(lives):
                live(primary, random)
            # What has been logged is kept for the log to come, where there is none.
            globalLogBeginner._initialBuffer._buffer.clear()
            gc.collect()
            counts.append(len(gc.get_objects()))
    assert counts[1] - counts[0] < FEW
