"""
The application, imported before it is known which worker will run it.
"""

from __future__ import annotations

import ast
import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from twisted_cluster.errors import StartError

COMMAND = "cluster-app"


def importApp(command: Sequence[str]) -> str:
    """
    Import what a command of twistd would, and make nothing of it.

    @return: Why it cannot be imported, with its traceback; C{""}: it can.
    """
    try:
        for name in _modules(command):
            import_module(name)
    except StartError as error:
        trace, _, why = str(error).rpartition("\n")
    except (Exception, SystemExit) as error:
        trace = traceback.format_exc().rstrip()
        what = traceback.format_exception_only(type(error), error)[-1].strip()
        why = f"importing the application failed: {what}"
    else:
        return ""
    # First what is read if only one line is.
    return "\n".join(filter(None, [why, trace]))


def _modules(command: Sequence[str]) -> Iterator[str]:
    first, *given = command
    if first == COMMAND:
        _resolve(given)
    elif "-y" in command:
        yield from _importedBy(Path(command[command.index("-y") + 1]))
    else:
        yield from _ofPlugin(first)


def _resolve(given: Sequence[str]) -> None:
    from twisted_cluster.worker.__main__ import AppOptions
    from twisted_cluster.worker.application import resolve

    options = AppOptions()
    options.parseOptions(given)  # type: ignore[no-untyped-call]
    sys.path.extend(filter(None, [options["directory"]]))
    resolve(options["app"])


def _importedBy(file: Path) -> Iterator[str]:
    """
    What the text of a program imports first of all, in any case.
    """
    for statement in ast.parse(file.read_bytes()).body:
        if isinstance(statement, ast.Import):
            yield from (each.name for each in statement.names)
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            yield statement.module or ""


def _ofPlugin(name: str) -> Iterator[str]:
    from twisted.application.service import IServiceMaker
    from twisted.plugin import getPlugins

    for maker in getPlugins(IServiceMaker):
        module = getattr(maker, "module", None)
        if maker.tapname == name and isinstance(module, str):
            yield module
