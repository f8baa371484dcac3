"""
The tables: all figures of each situation, and one for the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness import micros, millis, table
from load import Measurement

from handing.runs import Cell, Found, median, spread

HEADER = ["workload", "contestant", "workers", "clients", "per s", "±", "p50 ms",
          "p99 ms", "primary µs", "workers µs", "sum µs", "±", "errors",
          "others"]  # fmt: skip


def rate(run: Measurement) -> float:
    """
    Requests per second.
    """
    return run.rate


def cpu(run: Measurement) -> float:
    """
    CPU seconds per request, of all processes.
    """
    return run.cpu


def _row(cell: Cell, runs: Sequence[Measurement]) -> list[str]:
    m = median(runs)
    who = [cell.workload, cell.contestant, str(cell.workers), str(cell.clients)]
    fast = [f"{m.rate:.0f}", f"{spread(runs, rate):.0%}", millis(m.p50), millis(m.p99)]
    costs = [micros(m.primary), micros(m.workers), micros(m.cpu)]
    rest = [f"{spread(runs, cpu):.0%}", str(m.errors), f"{m.others:.0%}"]
    return [*who, *fast, *costs, *rest]


def everything(found: Found) -> str:
    """
    @return: A table with all figures, and who took no part.
    """
    ordered = sorted(found.runs.items(), key=lambda item: _order(found, item[0]))
    rows = [_row(cell, runs) for cell, runs in ordered if runs]
    rows += [["-", name, *["-"] * (len(HEADER) - 2)] for name in found.missing]
    return "\n".join([table(HEADER, rows), *_absent(found)])


def _order(found: Found, cell: Cell) -> tuple[int, int, int]:
    return found.values("workload").index(cell.workload), cell.workers, cell.clients


def _absent(found: Found) -> Iterator[str]:
    for name, why in found.missing.items():
        yield f"\n{name}: {why}"


def onePage(found: Found) -> str:
    """
    @return: The main situation as one table, a line for each contestant: requests per
        second, CPU of the primary and of the workers, p99.
    """
    workloads, (workers, clients) = found.values("workload"), found.main()
    header = ["contestant", *(f"{w}: per s | CPU µs | p99 ms" for w in workloads)]
    lines = [header, ["---", *["---: | ---: | ---:"] * len(workloads)]]
    for name in found.values("contestant"):
        cells = [Cell(workload, workers, clients, name) for workload in workloads]
        if any(found.runs.get(cell) for cell in cells):
            lines.append([name, *(_three(found.runs.get(cell)) for cell in cells)])
    lines += [[name, why] for name, why in found.missing.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _three(runs: Sequence[Measurement] | None) -> str:
    """
    The cells of one workload.
    """
    if not runs:
        return "- | - | -"
    m = median(runs)
    costs = micros(m.workers)
    if m.primary is not None and m.primary >= 5e-8:
        costs = f"{micros(m.primary)} + {costs}"
    return f"{m.rate:,.0f} | {costs} | {millis(m.p99)}"


def losses(found: Found) -> str:
    """
    @return: Who was faster or cheaper than the best of ours, and by how much.
    """
    workers, clients = found.main()
    lines = []
    for workload in found.values("workload"):
        here = workload, workers, clients
        medians = {c.contestant: median(runs) for c, runs in found.runs.items()
                   if c[:3] == here}  # fmt: skip
        known = {name: m for name, m in medians.items() if m.rate}
        ours = {name: m for name, m in known.items() if name.startswith("cluster")}
        others = {name: m for name, m in known.items() if name not in ours}
        if ours and others:
            lines.append(f"- {workload}: {_lost(ours, others)}\n")
    return "".join(lines)


def _lost(ours: dict[str, Measurement], others: dict[str, Measurement]) -> str:
    fast = max(ours, key=lambda name: ours[name].rate)
    lean = min(ours, key=lambda name: ours[name].cpu)
    faster = {name: m.rate / ours[fast].rate for name, m in others.items()}
    leaner = {name: m.cpu / ours[lean].cpu for name, m in others.items()}
    first = _list(sorted(faster.items(), key=lambda item: -item[1]), lambda r: r > 1)
    second = _list(sorted(leaner.items(), key=lambda item: item[1]), lambda r: r < 1)
    return f"faster than `{fast}`: {first}; cheaper than `{lean}`: {second}"


def _list(ratios, isLoss) -> str:
    lost = [f"{name} ({ratio:.2f} of it)" for name, ratio in ratios if isLoss(ratio)]
    return ", ".join(lost) or "nobody"
