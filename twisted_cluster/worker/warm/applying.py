"""
The application, imported before it is known which worker will run it.
"""

from __future__ import annotations

import ast
import traceback
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from twisted_cluster.errors import StartError
from twisted_cluster.wire.bootstrap import COMMAND


def withoutOptions(command: Sequence[str]) -> Sequence[str]:
    """
    @param command: twistd's arguments, as the primary makes them.
    @return: The same without what is said there of the process itself.
    """
    for at, word in enumerate(command):
        if not word.startswith("--"):
            return command[at:]
    return ()


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
    elif first == "-y":
        yield from _importedBy(Path(given[0]))
    else:
        yield from _ofPlugin(first)


def _resolve(given: Sequence[str]) -> None:
    from twisted_cluster.worker.__main__ import AppOptions
    from twisted_cluster.worker.application import resolve

    options = AppOptions()
    options.parseOptions(given)  # type: ignore[no-untyped-call]
    options.lookThere()
    resolve(options["app"])


def _importedBy(file: Path) -> Iterator[str]:
    """
    What the text of a program imports first of all, in any case: before it does anything
    else, which what it imports then may need.
    """
    for statement in ast.parse(file.read_bytes()).body:
        if isinstance(statement, ast.Import):
            yield from (each.name for each in statement.names)
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            yield statement.module or ""
        elif not isinstance(statement, ast.Expr):
            return
        elif not isinstance(statement.value, ast.Constant):
            return


def _ofPlugin(name: str) -> Iterator[str]:
    from twisted.application.service import IServiceMaker
    from twisted.plugin import getPlugins

    for maker in getPlugins(IServiceMaker):
        module = getattr(maker, "module", None)
        if maker.tapname == name and isinstance(module, str):
            # Twisted's own are not the application; some import a reactor.
            if not module.startswith("twisted."):
                yield module
