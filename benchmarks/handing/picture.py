"""
The picture: rate, and CPU per connection, against the number of clients; as SVG, with
nothing but the standard library.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from handing.runs import Cell, Found, median

FIGURES = {
    "rate": ("requests per second", 1.0),
    "cpu": ("CPU per request, all processes, µs", 1e6),
}
# By the beginning of the name: colour; ours are drawn thick.
COLOURS = {
    "cluster-handoff": "#0d366b",
    "cluster-shared": "#86b6ef",
    "cluster-kernel": "#1f77ff",
    "cluster": "#4a8fdd",
    "node-rr": "#2e7d32",
    "node-none": "#66bb6a",
    "node-reusePort": "#a5d6a7",
    "plain": "#333333",
    "lean": "#00838f",
    "sharded": "#999999",
    "proxied": "#c62828",
    "haproxy": "#ef9a9a",
    "nginx": "#ef6c00",
    "gunicorn": "#8e24aa",
    "granian": "#d81b9a",
}
LEFT, TOP, WIDTH, HEIGHT, GAP, BELOW = 52, 34, 220, 170, 60, 70
STYLE = "font: 11px sans-serif; fill: #333"
INK, FAINT = "#333333", "#dddddd"


@dataclass(frozen=True)
class Scale:
    """
    A logarithmic axis.

    @ivar start: Where in the picture C{low} is.
    @ivar length: How far from it C{high} is; negative: upwards.
    """

    low: float
    high: float
    start: float
    length: float

    def place(self, value: float) -> float:
        """
        @return: Where a value is.
        """
        part = math.log(value / self.low) / (math.log(self.high / self.low) or 1)
        return self.start + self.length * part

    def ticks(self) -> Iterator[float]:
        """
        @return: 1, 2, 5, 10 … within it.
        """
        for exponent in range(-3, 8):
            for digit in (1, 2, 5):
                if self.low <= digit * 10.0**exponent <= self.high:
                    yield digit * 10.0**exponent


Line = tuple[str, Sequence[tuple[int, float]]]


def picture(found: Found) -> str:
    """
    @return: A column for each workload, a row for each of L{FIGURES}.
    """
    workers, _ = found.main()
    workloads = found.values("workload")
    names = [name for name in found.values("contestant") if name in COLOURS]
    wide = LEFT + len(workloads) * (WIDTH + GAP)
    rows = len(FIGURES) * (HEIGHT + BELOW)
    legend = list(_legend(names, wide, TOP + rows))
    high = TOP + rows + 18 * (1 + (len(names) - 1) // _columns(wide)) + 6
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" '
        f'width="{wide}" height="{high}">',
        f"<style>text {{ {STYLE} }}</style>",
        f'<rect width="{wide}" height="{high}" fill="white"/>',
    ]
    for row, (figure, (title, factor)) in enumerate(FIGURES.items()):
        for column, workload in enumerate(workloads):
            lines = list(_lines(found, workload, workers, names, figure, factor))
            at = LEFT + column * (WIDTH + GAP), TOP + row * (HEIGHT + BELOW)
            parts += _panel(at, f"{workload}: {title}", lines)
    return "\n".join([*parts, *legend, "</svg>\n"])


def _lines(
    found: Found,
    workload: str,
    workers: int,
    names: Sequence[str],
    figure: str,
    factor: float,
) -> Iterator[Line]:
    """
    What one panel shows: of each contestant, pairs of (clients, value).
    """
    for name in names:
        points = []
        for clients in sorted(found.values("clients")):
            runs = found.runs.get(Cell(workload, workers, clients, name))
            if runs:
                points.append((clients, getattr(median(runs), figure) * factor))
        if points:
            yield name, points


def _panel(at: tuple[float, float], title: str, lines: Sequence[Line]) -> Iterator[str]:
    """
    @param at: Its upper left corner.
    """
    left, top = at
    yield f'<text x="{left}" y="{top - 10}">{escape(title)}</text>'
    values = [value for _, points in lines for _, value in points if value > 0]
    if not values:
        return
    clients = sorted({count for _, points in lines for count, _ in points})
    x = Scale(clients[0] / 1.3, clients[-1] * 1.3, left, WIDTH)
    y = Scale(min(values) / 1.2, max(values) * 1.2, top + HEIGHT, -HEIGHT)
    yield from _axes(x, y, clients)
    for name, points in lines:
        yield from _line(x, y, name, points)


def _axes(x: Scale, y: Scale, clients: Sequence[int]) -> Iterator[str]:
    for tick in y.ticks():
        at = y.place(tick)
        yield (f'<path d="M{x.start} {at:.1f}h{x.length}" stroke="{FAINT}"/>'
               f'<text x="{x.start - 5}" y="{at + 4:.1f}" text-anchor="end">'
               f"{_short(tick)}</text>")  # fmt: skip
    yield f'<path d="M{x.start} {y.start}h{x.length}" stroke="{INK}"/>'
    for count in clients:
        yield (f'<text x="{x.place(count):.1f}" y="{y.start + 15}" '
               f'text-anchor="middle">{count}</text>')  # fmt: skip
    middle = x.start + x.length / 2
    yield f'<text x="{middle}" y="{y.start + 30}" text-anchor="middle">clients</text>'


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _line(
    x: Scale, y: Scale, name: str, points: Sequence[tuple[int, float]]
) -> Iterator[str]:
    colour = COLOURS[name]
    width = 2.5 if name.startswith("cluster") else 1.2
    places = [(x.place(count), y.place(value)) for count, value in points if value > 0]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    title = f"<title>{escape(name)}</title>"
    yield (f'<polyline points="{path}" fill="none" stroke="{colour}" '
           f'stroke-width="{width}">{title}</polyline>')  # fmt: skip
    for a, b in places:
        yield (f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{width + 1}" fill="{colour}">'
               f"{title}</circle>")  # fmt: skip


def _columns(wide: float) -> int:
    return max(1, int((wide - LEFT) // 120))


def _legend(names: Sequence[str], wide: float, top: float) -> Iterator[str]:
    for index, name in enumerate(names):
        row, column = divmod(index, _columns(wide))
        x, y = LEFT + column * 120, top + row * 18
        width = 3 if name.startswith("cluster") else 1.5
        yield (f'<path d="M{x} {y}h18" stroke="{COLOURS[name]}" stroke-width="{width}"/>'
               f'<text x="{x + 24}" y="{y + 4}">{escape(name)}</text>')  # fmt: skip
