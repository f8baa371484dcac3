"""
What can be said in a command's arguments, and how it is completed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from twisted_cluster.ctl.asking import clientFor
from twisted_cluster.ctl.failures import Failure

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


class Seconds(click.ParamType):  # type: ignore[type-arg]
    """
    A time: C{30}, C{30s}, C{5m}, C{1h}.
    """

    name = "time"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """
        @see: L{click.ParamType}
        """
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", value)
        if found is None:
            self.fail(f"{value!r} is no time, such as 30s or 5m", param, ctx)
        return f"{float(found[1]) * UNITS[found[2]]:g}"


class Worker(click.ParamType):  # type: ignore[type-arg]
    """
    A worker: its number, C{pid:4711} or C{id:7}.
    """

    name = "worker"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """
        @see: L{click.ParamType}
        """
        from click.shell_completion import CompletionItem

        try:
            slots = {str(one["slot"]) for one in clientFor(ctx).status()["workers"]}
        except Failure:
            return []
        return [
            CompletionItem(one) for one in sorted(slots) if one.startswith(incomplete)
        ]


WORKER = Worker()
