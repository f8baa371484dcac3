"""
Outcomes of several policies, as a picture. Needs matplotlib: C{twisted-cluster[plot]}.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twisted_cluster.testing.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# About as many as a curve has pixels.
POINTS = 500


def plot(path: Path, outcomes: Sequence[Outcome], title: str = "") -> None:
    """
    Draw each worker's share, and what share of the connections took how long, or
    longer.

    @param path: Ends in C{.png}, C{.svg} or C{.pdf}.
    @raise OSError: If it cannot be written.
    """
    figure = Figure(figsize=(11, 4.5), layout="constrained", dpi=120)
    shares, latency = figure.subplots(1, 2)
    figure.suptitle(title, fontsize="small")
    _drawShares(shares, outcomes)
    _drawLatency(latency, outcomes)
    figure.savefig(path)


def _drawShares(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    width = 0.8 / len(outcomes)
    for index, outcome in enumerate(outcomes):
        offset = (index - (len(outcomes) - 1) / 2) * width
        places = [number + offset for number in range(1, len(outcome.counts) + 1)]
        percent = [share * 100 for share in outcome.shares]
        axes.bar(places, percent, width, label=outcome.name)
    axes.set(xlabel="worker", ylabel="share of connections, %")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize="small", loc="lower right")


def _drawLatency(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        times, beyond = _exceeded(outcome.latencies)
        axes.plot(times, beyond, label=outcome.name, drawstyle="steps-post")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="milliseconds until served",
        ylabel="connections that took as long or longer, %",
    )
    axes.grid(alpha=0.3)


def _exceeded(latencies: Sequence[float]) -> tuple[list[float], list[float]]:
    """
    @param latencies: Ascending.
    @return: Milliseconds, and what share of all took at least as long, in percent:
        fewer and fewer points for the many short ones, every one of the longest.
    """
    count = len(latencies)
    left = sorted({max(1, round(count ** (n / POINTS))) for n in range(POINTS + 1)})
    left = [each for each in reversed(left) if each <= count]
    times = [latencies[count - each] * 1000 for each in left]
    return times, [each / count * 100 for each in left]
