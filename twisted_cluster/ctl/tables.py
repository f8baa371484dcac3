"""
A snapshot as tables of text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted_cluster.core.visible import inOneLine
from twisted_cluster.core.words import duration, serving

WORKERS = (
    "WORKER", "PID", "STATE", "GEN", "CONN", "RATE", "QUEUED", "LAG", "CPU", "RSS", "AGE",
    "SERVED",
)  # fmt: skip
PORTS = ("PORT", "POLICY", "WORKERS", "RATE", "QUEUED", "REFUSED", "ACCEPTED")
# A worker that has shown no life for so long is not just busy.
SILENT = 1.0
Status = Mapping[str, Any]
# Where it is known how many connections a port has accepted.
COUNTED = ("handoff", "kernel")


class Rates:
    """
    How much there was in a second, from one snapshot to the next.
    """

    def __init__(self, before: Status | None, now: Status) -> None:
        """
        @param before: L{None}: nothing is known.
        """
        self._seconds = 0.0 if before is None else now["uptime"] - before["uptime"]
        self._taken, self._accepted = ({}, {}) if before is None else _counts(before)

    def ofWorker(self, worker: Status) -> str:
        """
        Connections taken.
        """
        return self._rate(worker["taken"], self._taken.get(worker["id"], 0))

    def ofPort(self, port: Status) -> str:
        """
        Connections accepted.
        """
        if port["mode"] not in COUNTED:
            return "-"
        return self._rate(port["accepted"], self._accepted.get(port["number"], 0))

    def _rate(self, now: int, before: int) -> str:
        if self._seconds <= 0:
            return "-"
        return f"{max(0, now - before) / self._seconds:.0f}"


def _counts(status: Status) -> tuple[dict[int, int], dict[int, int]]:
    taken = {one["id"]: one["taken"] for one in status["workers"]}
    accepted = {one["number"]: one["accepted"] for one in status["listeners"]}
    return taken, accepted


def workerRows(status: Status, rates: Rates) -> list[list[str]]:
    """
    @return: A row of L{WORKERS} for each.
    """
    return [
        [
            str(one["slot"]),
            str(one["pid"] or "-"),
            stateOf(one),
            str(one["generation"]),
            str(one["active"]),
            rates.ofWorker(one),
            str(one["queued"]),
            f"{one['lag']:.0f} ms",
            f"{one['cpu'] * 100:.0f}%",
            f"{one['rss'] / (1 << 20):.0f}M",
            duration(one["age"]),
            str(one["taken"]),
        ]
        for one in status["workers"]
    ]


def stateOf(worker: Status) -> str:
    """
    @return: Its state, and for how long it has shown no life.
    """
    silence = worker["silence"]
    if silence < SILENT or worker["state"] == "starting":
        return inOneLine(str(worker["state"]))
    return f"{inOneLine(worker['state'])}, silent {duration(silence)}"


def portRows(status: Status, rates: Rates) -> list[list[str]]:
    """
    @return: A row of L{PORTS} for each.
    """
    return [
        [
            inOneLine(one["name"]),
            _policyOf(one),
            str(len(one["workers"])),
            rates.ofPort(one),
            str(one["waiting"] + (one["backlog"] or 0)),
            str(one["refused"]),
            str(one["accepted"]) if one["mode"] in COUNTED else "-",
        ]
        for one in status["listeners"]
    ]


def _policyOf(port: Status) -> str:
    said = inOneLine(port["policy"])
    return f"{said} (kernel)" if port["mode"] == "kernel" else said


def headline(status: Status) -> str:
    """
    @return: How it is, in a line.
    """
    there = sum(one["state"] == "ready" for one in status["workers"])
    how = serving(there, status["wanted"])
    state = "stopping" if status["isStopping"] else "ready"
    if not status["isReady"] and not status["isStopping"]:
        state = "not ready"
    parts = [f"pid {status['pid']}", state, how, f"up {duration(status['uptime'])}"]
    if status["reloading"]:
        parts.append(status["reloading"])
    parts += [f"worker {slot} fails: {why}" for slot, why in status["failed"].items()]
    gone = status["counted"]
    parts.append(f"{gone['started']} started, {gone['crashed']} crashed")
    return inOneLine("; ".join(parts))


def text(status: Status) -> str:
    """
    @return: All of it.
    """
    rates = Rates(None, status)
    tables = [_table(_without(WORKERS, workerRows(status, rates), "RATE"))]
    if status["listeners"]:
        tables.append(_table(_without(PORTS, portRows(status, rates), "RATE")))
    return "\n\n".join([headline(status), *tables])


def _without(
    names: Sequence[str], rows: Sequence[Sequence[str]], left: str
) -> list[list[str]]:
    """
    @return: The names and the rows, without a column.
    """
    at = names.index(left)
    return [[*row[:at], *row[at + 1 :]] for row in (names, *rows)]


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in rows)
    return "\n".join(lines)
