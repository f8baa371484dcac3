"""
Runs a case, and sees what it comes to.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.intrusions.case import Intrusion
from tests.intrusions.ground import Ground
from tests.intrusions.innocents import RATE, Innocents, Request
from tests.intrusions.report import Report, Size, chosenIn, errorsIn, sizeOf
from tests.process.cluster import eventually
from tests.process.hostile import doHarm

CODE = 10.0
BACK = 10.0


def intrude(
    case: Intrusion, ground: Ground, quiet: float = 0.4, attacked: float = 0.0
) -> Report:
    """
    Run a case in a cluster, to whose innocent clients nothing else happens.

    @param quiet: For how many seconds they are watched before.
    @param attacked: For how many they are watched from the attack on, at least.
    """
    case.before(ground.directory)
    with Innocents(ground.port) as innocents:
        report = _Trial(case, ground, innocents).run(quiet, attacked)
    assert ground.cluster.process.poll() is None, ground.cluster.output()
    case.after(ground.directory)
    return report


class _Trial:
    def __init__(self, case: Intrusion, ground: Ground, innocents: Innocents) -> None:
        self._case = case
        self._ground = ground
        self._innocents = innocents
        self._attacker = ground.victim()
        self._mine = 0

    def run(self, quiet: float, least: float) -> Report:
        """
        The whole of it.
        """
        cluster = self._ground.cluster
        begun, mark = time.monotonic(), len(cluster.output())
        self._watch(quiet)
        before, attacked = sizeOf(cluster), time.monotonic()
        heard = self._attack()
        self._watch(max(self._case.seconds, attacked + least - time.monotonic()))
        after = self._settled(before)
        self._watch(0.1)
        requests = self._innocents.since(begun)
        spared = self._spared(requests)
        return Report(
            self._case,
            self._ground.slot,
            self._attacker,
            [each for each in spared if each.begun < attacked],
            [each for each in spared if each.begun >= attacked],
            len(requests) - len(spared),
            before,
            after,
            errorsIn(cluster.output()[mark:]),
            heard,
        )

    def _watch(self, seconds: float) -> None:
        """
        Until so many were served as come in that time.
        """
        enough = len(self._innocents.requests) + max(1, round(seconds * RATE))
        eventually(lambda: len(self._innocents.requests) >= enough, "they are served")

    def _attack(self) -> str | None:
        ground = self._ground
        with doHarm(ground.port, self._case.code, ground.slot) as line:
            self._mine = line.socket.getsockname()[1]
            if self._case.said is not None:
                ground.untilReplaced(self._attacker)
                return None
            if self._case.hangs:
                self._watch(self._case.seconds)
                return None
            line.socket.settimeout(CODE)
            return line.hear().decode()

    def _settled(self, before: Size) -> Size:
        """
        The primary's size, when it has no more descriptors than before.
        """
        deadline = time.monotonic() + BACK
        while (size := sizeOf(self._ground.cluster)).descriptors > before.descriptors:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        return size

    def _spared(self, requests: Sequence[Request]) -> Sequence[Request]:
        """
        Those whom the attacker's worker did not hold.
        """
        chosen = chosenIn(self._ground.chosen)
        if not chosen:
            return [each for each in requests if each.pid != self._attacker]
        attacker = chosen[self._mine]
        return [each for each in requests if chosen.get(each.port) != attacker]
