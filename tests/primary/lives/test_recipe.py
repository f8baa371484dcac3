"""
What workers are made of.
"""

from __future__ import annotations

import json

from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.surroundings import Surroundings
from twisted_cluster.wire.descriptors import VARIABLE, VERSION
from twisted_cluster.wire.limit import mostForWorkers


def test_itsConductIsTold() -> None:
    """
    All of it, to each worker, with what is that one's alone.
    """
    conduct = {
        "reactor": "poll",
        "drainTimeout": 1.5,
        "stopTimeout": 2.5,
        "serialization": "advanced",
        "outgoing": True,
        "logLevel": "warn",
        "umask": 0o22,
        "folder": "/srv",
        "terminal": False,
        "multiprocess": True,
        "ownObserver": False,
        "rotates": True,
        "program": "twistd3",
    }
    recipe = Recipe(["web"], surroundings=Surroundings([1], [2], 3), **conduct)
    assert recipe.conduct() == conduct
    told = json.loads(recipe.environmentOf(4, 5, 6, 7, [8])[VARIABLE])
    alone = {"slot": 4, "id": 5, "first": 6, "tallies": 7, "sockets": [8]}
    around = {"ignored": [1], "blocked": [2], "nofile": 3, "version": VERSION}
    around["most"] = mostForWorkers()
    assert told == {**conduct, **alone, **around}
