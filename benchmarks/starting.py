"""
How long until a worker is there: at the start, after a crash, in a reload; and what that
takes.

    python benchmarks/starting.py [--quick] [--rounds 5] [--kills 3] [--workers 8]
        [--step 4] [--app NAME...] [--only NAME...] [--crash] [--seconds 20]

What is served is a page: as it is (`page`), and as an application that takes 0.2 s to
import. That is CPU time (`works`), which is what imports are: workers that import at
the same time share the processors, and eight that do take 0.8 s on two of these,
whoever starts them. A sleep (`waits`) shows what is left without that.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness import main, millis, say, table
from machine import freePort
from servers import StartError, running
from warming import bars
from warming.contenders import IMPORTING, NAMES, contender
from warming.crashing import Crashes, crashes
from warming.starts import Clocks, Start, observe
from warming.watched import Watched

HEADER = ["contestant", "app", "first s", "8 ready s", "since fork s", "CPU s",
          "replaced ms", "PSS MB", "all MB", "reload s", "old gone s",
          "others"]  # fmt: skip
CRASH_HEADER = ["contestant", "app", "kills", "answered", "lost", "lost per kill",
                "p99 ms", "max ms", "over 100 ms"]  # fmt: skip


@dataclass
class Found:
    """
    What was measured.

    @ivar starts: By application and contestant, a L{Start} for each round.
    @ivar missing: Why contestants were left out.
    """

    starts: dict[tuple[str, str], list[Start]] = field(default_factory=dict)
    crashes: dict[str, Crashes] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="medians count [5]")
    add("--kills", type=int, default=3, help="of workers, per round [3]")
    add("--workers", type=int, default=8, help="the bars are for 8 [8]")
    add("--step", default="4", help="how many workers a reload of ours renews at a "
        "time [4]")  # fmt: skip
    add("--app", nargs="+", choices=IMPORTING, default=[*IMPORTING],
        help="what is served: " + ", ".join(IMPORTING))  # fmt: skip
    add("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME",
        help=", ".join(NAMES))  # fmt: skip
    add("--crash", action="store_true", help="kill a worker per second while clients "
        "come, too")  # fmt: skip
    add("--seconds", type=float, default=20.0, help="of that [20]")


# Measuring


def measure(asked: argparse.Namespace, found: Found) -> None:
    """
    All contestants in turn, round after round.
    """
    for turn in range(asked.rounds):
        for app in asked.app:
            for name in _turned(asked.only, turn):
                say(f"round {turn + 1}: {name}, {app}")
                start(asked, name, app, found)
    for name in asked.only if asked.crash else []:
        say(f"crashes: {name}")
        chosen = contender(name, "page", freePort(), asked.workers, "1")
        with running([chosen], Watched, found.missing) as servers:
            for server in servers:
                found.crashes[name] = crashes(server, asked.seconds, 1)


def _turned(names: Sequence[str], turn: int) -> list[str]:
    """
    Each time another one is the first.
    """
    first = turn % len(names)
    return [*names[first:], *names[:first]]


def start(asked: argparse.Namespace, name: str, app: str, found: Found) -> None:
    """
    One server, once.
    """
    chosen = contender(name, app, freePort(), asked.workers, asked.step)
    clocks = Clocks()
    with running([chosen], Watched, found.missing) as servers:
        for server in servers:
            with leavingOut(name, found):
                seen = observe(server, clocks, asked.kills, name != "node")
                found.starts.setdefault((app, name), []).append(seen)


@contextmanager
def leavingOut(name: str, found: Found) -> Iterator[None]:
    """
    Who does not do what is asked of it has no part in this round, and is named.
    """
    try:
        yield
    except StartError as error:
        say(f"left out: {error}")
        found.missing[name] = str(error).splitlines()[0]


# Telling


def spread(figures: Sequence[float | None], text: Callable[[float], str]) -> str:
    """
    @return: The median, and half of the way from the least to the greatest as part of it.
    """
    known = [each for each in figures if each is not None]
    if not known:
        return "-"
    middle = statistics.median(known)
    half = (max(known) - min(known)) / 2 / middle if middle else 0.0
    return text(middle) if len(known) == 1 else f"{text(middle)} ±{half:.0%}"


def row(app: str, name: str, starts: Sequence[Start]) -> list[str]:
    """
    One line of the table.
    """

    def cell(figure: str, text: Callable[[float], str]) -> str:
        return spread([getattr(each, figure) for each in starts], text)

    cells = [cell(each, seconds) for each in ("first", "all", "forked", "cpu")]
    cells += [cell("replaced", tenths), cell("pss", megabytes), cell("whole", megabytes)]
    cells += [cell("reloaded", seconds), cell("left", seconds)]
    return [name, app, *cells, f"{max(each.others for each in starts):.0%}"]


def seconds(figure: float) -> str:
    return f"{figure:.3f}"


def tenths(figure: float) -> str:
    return f"{figure * 1e3:.1f}"


def megabytes(figure: float) -> str:
    return f"{figure / bars.MEGA:.1f}"


def crashRow(name: str, seen: Crashes) -> list[str]:
    """
    One line of the other table.
    """
    answered = len(seen.latencies)
    cells = [name, "page", str(seen.kills), str(answered), str(seen.lost)]
    cells += [f"{seen.lost / seen.kills:.2f}" if seen.kills else "-"]
    return [*cells, millis(seen.p99), millis(seen.worst), str(seen.long)]


def report(asked: argparse.Namespace, found: Found) -> None:
    """
    Print the tables, and the bars.
    """
    ordered = [(app, name) for app in asked.app for name in asked.only]
    starts = {key: found.starts[key] for key in ordered if key in found.starts}
    rows = [row(app, name, each) for (app, name), each in starts.items()]
    print(table(HEADER, rows), end="\n\n")
    for name, why in found.missing.items():
        print(f"{name}: {why}", end="\n\n")
    if found.crashes:
        crashed = [crashRow(*item) for item in found.crashes.items()]
        print(table(CRASH_HEADER, crashed), end="\n\n")
    verdicts = [*bars.judged(starts), *bars.crashed(found.crashes)]
    if verdicts:
        print(table(bars.HEADER, verdicts))


if __name__ == "__main__":
    quick = {"rounds": 1, "kills": 1, "seconds": 5.0, "app": ["page", "works"]}
    main(__doc__, declare, Found(), measure, report, quick)
