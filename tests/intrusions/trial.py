"""
Runs a case, and sees what it comes to.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from attrs import define

from tests.intrusions.case import Intrusion
from tests.intrusions.ground import CHOSEN, WORKERS, grounds, placeFor
from tests.intrusions.innocents import RATE, Innocents, Request
from tests.intrusions.report import Report, Size, chosenIn, errorsIn, sizeOf
from tests.process.cluster import RunningCluster, eventually
from tests.process.hostile import doHarm

CODE = 10.0
BACK = 10.0


def intrude(
    case: Intrusion, directory: Path, quiet: float = 0.4, attacked: float = 0.0
) -> Report:
    """
    Run a case in a cluster, to whose innocent clients nothing else happens.

    @param directory: Where the cluster runs, unless its workers could not come there.
    @param quiet: For how many seconds they are watched before.
    @param attacked: For how many they are watched from the attack on, at least.
    """
    with placeFor(case, directory) as place:
        case.before(place)
        with grounds(case, place) as (cluster, port):
            with Innocents(port) as innocents:
                trial = _Trial(case, place, cluster, port, innocents)
                report = trial.run(quiet, attacked)
            assert cluster.process.poll() is None, cluster.output()
        case.after(place)
        return report


@define
class _Trial:
    _case: Intrusion
    _directory: Path
    _cluster: RunningCluster
    _port: int
    _innocents: Innocents
    _attacker: int = 0
    _mine: int = 0

    def run(self, quiet: float, least: float) -> Report:
        """
        The whole of it.
        """
        begun, mark = time.monotonic(), len(self._cluster.output())
        self._watch(quiet)
        before, attacked = sizeOf(self._cluster), time.monotonic()
        heard = self._attack()
        self._watch(max(self._case.seconds, attacked + least - time.monotonic()))
        after = self._settled(before)
        self._watch(0.1)
        requests = self._innocents.since(begun)
        spared = self._spared(requests)
        return Report(
            self._case,
            self._attacker,
            [each for each in spared if each.begun < attacked],
            [each for each in spared if each.begun >= attacked],
            len(requests) - len(spared),
            before,
            after,
            errorsIn(self._cluster.output()[mark:]),
            heard,
        )

    def _watch(self, seconds: float) -> None:
        """
        Until so many were served as come in that time.
        """
        enough = len(self._innocents.requests) + max(1, round(seconds * RATE))
        eventually(lambda: len(self._innocents.requests) >= enough, "they are served")

    def _attack(self) -> str | None:
        self._attacker = self._cluster.workerPids()[0]
        with doHarm(self._port, self._case.code) as line:
            self._mine = line.socket.getsockname()[1]
            if self._case.said is not None:
                self._cluster.waitFor(f"worker 1 ({self._attacker})", 2)
                self._cluster.waitOnline(WORKERS + 1)
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
        while (size := sizeOf(self._cluster)).descriptors > before.descriptors:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        return size

    def _spared(self, requests: Sequence[Request]) -> Sequence[Request]:
        """
        Those whom the attacker's worker did not hold.
        """
        chosen = chosenIn(self._directory / CHOSEN)
        if not chosen:
            return [each for each in requests if each.pid != self._attacker]
        attacker = chosen[self._mine]
        return [each for each in requests if chosen.get(each.port) != attacker]
