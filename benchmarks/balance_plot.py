"""
Draw what balance.py saved; needs matplotlib.

    python benchmarks/balance_plot.py RESULTS.json PICTURE.svg
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

Results = Sequence[Mapping[str, Any]]
SHADES = ("#86b6ef", "#4a8fdd", "#1f63b5", "#0d366b")  # few workers to many
MARKS = "os^D"
EDGE = 1.5
INK, FAINT = "#333333", "#dddddd"
FIGURES = {
    "evenness": "coefficient of variation of the shares (0: all equal; 1.5: or more)",
    "p99": "p99 of visits that asked for nothing slow, ms (logarithmic)",
}


def distinct(results: Results, key: str) -> list[Any]:
    """
    @return: The values of one field, in order of appearance.
    """
    return list(dict.fromkeys(result[key] for result in results))


def place(figure: str, value: float) -> float:
    """
    @return: Where on its axis a figure stands.
    """
    return value * 1e3 if figure == "p99" else min(value, EDGE)


def draw(axes: Axes, results: Results, figure: str, counts: Sequence[int]) -> None:
    """
    One panel: a line for each contestant, a dot for each number of workers.

    @param results: All of one workload.
    """
    names = distinct(results, "contestant")[::-1]
    for count, shade, mark in zip(counts, SHADES, MARKS):
        mine = [r for r in results if r["count"] == count and math.isfinite(r[figure])]
        axes.plot(
            [place(figure, result[figure]) for result in mine],
            [names.index(result["contestant"]) for result in mine],
            mark,
            color=shade,
            markersize=5,
            label=f"{count} workers",
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_axisbelow(True)
    axes.grid(axis="both", color=FAINT, linewidth=0.6)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if figure == "p99":
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.set_xlim(-0.05, EDGE + 0.05)


def picture(results: Results) -> Figure:
    """
    @return: A column for each workload, a row for each of L{FIGURES}.
    """
    workloads, counts = distinct(results, "workload"), sorted(distinct(results, "count"))
    height = 1.4 + 0.22 * len(distinct(results, "contestant"))
    figure = Figure(figsize=(13, 2 * height), layout="constrained")
    rows = figure.subfigures(len(FIGURES), 1)
    for part, (name, title) in zip(rows, FIGURES.items()):
        part.suptitle(title, fontsize=10, color=INK)
        panels = part.subplots(
            1, len(workloads), sharex=True, sharey=True, squeeze=False
        )[0]
        for axes, workload in zip(panels, workloads):
            chosen = [result for result in results if result["workload"] == workload]
            draw(axes, chosen, name, counts)
            axes.set_title(workload, fontsize=9, color=INK)
    marks = panels[0].get_legend_handles_labels()
    figure.legend(*marks, loc="outside lower center", ncols=len(counts), frameon=False)
    return figure


def main(arguments: Sequence[str]) -> None:
    """
    Read, draw, write; the picture's suffix says how.
    """
    if len(arguments) != 2:
        sys.exit(__doc__.strip())
    source, target = arguments
    rcParams.update(
        {
            "font.size": 8,
            "svg.fonttype": "none",
            "svg.hashsalt": "balance",
            "text.color": INK,
        }
    )
    results = json.loads(Path(source).read_text())
    picture(results).savefig(target, dpi=120, metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1:])
