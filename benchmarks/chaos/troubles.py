"""
What befalls servers under load.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence

from attrs import frozen

from chaos.contender import Contender
from chaos.trial import PATIENCE, Trial

STANDS = 2.0
# Who dies before it has served for so long is replaced later, and rightly so.
SETTLED = 1.2
# The code that is deployed, instead of what works.
BAD_DEPLOYS = {
    "a syntax error": "def app(:\n",
    "a missing module": "import a_module_that_nobody_has\n",
    "an error at import": "raise RuntimeError('a bad deploy')\n",
    "an exit at import": "import sys\nsys.exit(3)\n",
    "no application": "nothing = 1\n",
}


def calm(trial: Trial, times: int) -> None:
    """
    Nothing happens.
    """
    for _ in range(times):
        trial.serve(200, 200)


def reloads(trial: Trial, times: int) -> None:
    """
    Workers are renewed, as soon as they have been.
    """
    for _ in range(times):
        before = set(trial.contender.workers())
        trial.contender.signal(signal.SIGHUP)
        if not trial.untilWhole(trial.contender.count, before):
            return


def kills(trial: Trial, times: int) -> None:
    """
    Any worker is killed at any time, when the one before has been replaced.
    """
    for _ in range(times):
        if not trial.serve():
            return
        pid = trial.anyone()
        trial.excuses.kill(pid)
        if not trial.untilWhole(trial.contender.count, {pid}):
            return


def stops(trial: Trial, times: int) -> None:
    """
    Any worker stands for two seconds.
    """
    for _ in range(times):
        if not trial.serve():
            return
        pid = trial.anyone()
        until = time.monotonic() + STANDS
        with trial.excuses.standing(pid):
            trial.until(lambda until=until: time.monotonic() > until, "two seconds")
        if not trial.untilWhole(trial.contender.count):
            return


def scales(trial: Trial, times: int) -> None:
    """
    From one to eight workers, and back.
    """
    for count in [1, *[8, 1] * times, trial.contender.count]:
        if not scaleTo(trial, count) or not trial.untilWhole(count):
            return


def scaleTo(trial: Trial, count: int) -> bool:
    """
    Have so many workers, one after the other: two of the same signal at a time are one.
    """
    there = len(trial.contender.workers())
    while there != count:
        isMore = count > there
        trial.contender.signal(signal.SIGTTIN if isMore else signal.SIGTTOU)
        there += 1 if isMore else -1
        if not trial.untilThere(there):
            return False
    return True


def recycles(trial: Trial, times: int) -> None:
    """
    Each worker is renewed after some 300 requests.
    """
    seen = set(trial.contender.workers())

    def isRenewed() -> bool:
        seen.update(trial.contender.workers())
        return len(seen) >= times + trial.contender.count

    trial.until(isRenewed, f"{times} renewed")


def deploys(trial: Trial, times: int) -> None:
    """
    What is deployed does not work; then what does.
    """
    kinds = list(BAD_DEPLOYS.values())
    for number in range(times):
        trial.contender.bad(kinds[number % len(kinds)])
        trial.contender.signal(signal.SIGHUP)
        if not trial.serve(1000, 1000):
            return
    before = set(trial.contender.workers())
    trial.contender.good()
    trial.contender.signal(signal.SIGHUP)
    trial.untilWhole(trial.contender.count, before)


def groupStops(trial: Trial, times: int) -> None:
    """
    All processes are told to end at the same time, and it is started again.
    """
    for _ in range(times):
        if not trial.serve():
            return
        with trial.excuses.away():
            trial.contender.signalAll(signal.SIGTERM)
            if not trial.contender.ended(PATIENCE):
                trial.note = f"it does not end within {PATIENCE:g} s"
            trial.contender.start()


def deaths(trial: Trial, times: int) -> None:
    """
    The older half is killed, again and again: what does the main process keep of them?
    """
    contender, dead = trial.contender, 0
    since = dict.fromkeys(contender.workers(), time.monotonic())
    early = _size(contender.pid)
    while dead < times:
        older = sorted(since, key=since.__getitem__)[: contender.count // 2]
        due = since[older[-1]] + SETTLED
        trial.until(lambda due=due: time.monotonic() > due, "they have settled")
        for pid in older:
            trial.excuses.kill(pid)
        dead += len(older)
        if not trial.untilWhole(contender.count, set(older)):
            trial.note += f" (after {dead} deaths)"
            return
        now = time.monotonic()
        since = {pid: since.get(pid, now) for pid in contender.workers()}
        # What is made once, for the first, is there by now.
        early = _size(contender.pid) if dead <= times // 10 else early
    fds, size = _size(contender.pid)
    trial.note = f"descriptors {early[0]} → {fds}, {early[1]:.1f} → {size:.1f} MB"


def _size(pid: int) -> tuple[int, float]:
    """
    @return: How many descriptors a process has, and its resident megabytes.
    """
    with open(f"/proc/{pid}/statm") as file:
        pages = int(file.read().split()[1])
    megabytes = pages * os.sysconf("SC_PAGESIZE") / 1e6
    return len(os.listdir(f"/proc/{pid}/fd")), megabytes


def always(contender: Contender) -> bool:
    """
    Whatever it is.
    """
    return True


@frozen
class Trouble:
    """
    @ivar does: Makes it, so many times.
    @ivar times: How many times, if nobody says otherwise.
    @ivar title: What the table calls it; C{%d} is how many times.
    @ivar concerns: Whether a server has that.
    @ivar recycles: Whether its workers are to be renewed as they serve.
    @ivar keeping: Whether half of the clients keep their connections.
    @ivar clients: How many there are.
    @ivar workers: How many workers there are, if nobody says otherwise.
    """

    does: Callable[[Trial, int], None]
    times: int
    title: str
    concerns: Callable[[Contender], bool] = always
    recycles: bool = False
    keeping: bool = True
    clients: int = 64
    workers: int = 4


TROUBLES = {
    "calm": Trouble(calm, 20, "none"),
    "reload": Trouble(reloads, 20, "%d reloads", lambda c: c.reloads),
    "kill": Trouble(kills, 50, "%d workers killed", lambda c: c.heals),
    "stop": Trouble(stops, 20, "%d workers stand for 2 s"),
    "scale": Trouble(scales, 10, "1 to 8 workers and back, %d times", lambda c: c.scales),
    "recycle": Trouble(
        recycles, 40, "%d workers renewed", lambda c: bool(c.recycling), recycles=True
    ),
    "deploy": Trouble(deploys, 10, "%d bad deploys", lambda c: c.reloads),
    "group": Trouble(groupStops, 5, "%d stops of all processes at once", keeping=False),
    "death": Trouble(deaths, 1000, "%d deaths", lambda c: c.heals, clients=16, workers=8),
}


def chosen(names: Sequence[str]) -> dict[str, Trouble]:
    """
    @return: Those, in their order; without names, all.
    """
    return {k: v for k, v in TROUBLES.items() if not names or k in names}
