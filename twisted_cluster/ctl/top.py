"""
C{twisted-cluster top}: a live table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from twisted_cluster.ctl.client import Client
from twisted_cluster.ctl.failures import FAILED, Failure
from twisted_cluster.ctl.tables import (
    PORTS,
    WORKERS,
    Rates,
    Status,
    headline,
    portRows,
    workerRows,
)

try:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text
except ImportError:
    raise Failure(
        FAILED, "top needs rich: pip install 'twisted-cluster[top]'; or use status"
    ) from None

# These are words, the others numbers.
WORDS = {"STATE", "PORT", "POLICY"}


def show(client: Client, delay: float, count: int) -> None:
    """
    Show what there is, again and again.

    @param delay: In so many seconds.
    @param count: So often; 0: until somebody has seen enough.
    """
    console = Console()
    if not console.is_terminal:
        _repeat(client, delay, count, console.print)
        return
    with Live(console=console, auto_refresh=False, screen=True) as live:
        _repeat(client, delay, count, lambda one: live.update(one, refresh=True))


def _repeat(
    client: Client, delay: float, count: int, draw: Callable[[Group], object]
) -> None:
    before: Status | None = None
    shown = 0
    while True:
        status = client.status()
        draw(_picture(status, Rates(before, status)))
        before, shown = status, shown + 1
        if shown == count:
            return
        time.sleep(delay)


def _picture(status: Status, rates: Rates) -> Group:
    return Group(
        Text(headline(status)),
        _table(WORKERS, workerRows(status, rates)),
        _table(PORTS, portRows(status, rates)),
    )


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, justify="left" if name in WORDS else "right", no_wrap=True)
    for row in rows:
        # What an application has named is no markup.
        table.add_row(*map(Text, row))
    return table
