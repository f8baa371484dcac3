"""
What a worker's interpreter is told to do first: before it imports anything.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, MutableMapping

VARIABLE = "TWISTED_CLUSTER_PATH"
TWISTD = "twisted_cluster.worker.__main__"
SCRIPT = "twisted_cluster.worker.script"


def bootstrap(module: str) -> list[str]:
    """
    What follows the interpreter's options, before the arguments of a worker.

    Python itself would put the current directory first (C{-m}, C{-c}), or leave out what
    a launcher has put there. So only modules that are built in are imported before
    C{sys.path} is what the primary says.

    @param module: L{TWISTD} or L{SCRIPT}, whose C{main} is to run.
    """
    code = (
        "import sys,posix,marshal;sys.path[:]=marshal.loads(bytes.fromhex("
        f"posix.environ[b'{VARIABLE}'].decode()));from {module} import main;main()"
    )
    return ["-c", code]


def pathToEnvironment(path: Iterable[str]) -> dict[str, str]:
    """
    The environment variable that carries C{sys.path}: entries may have any character, and
    bytes that are no text.
    """
    return {VARIABLE: marshal.dumps(list(path)).hex()}


def forgetPath(environment: MutableMapping[str, str]) -> None:
    """
    A worker's own children shall not see it.
    """
    environment.pop(VARIABLE, None)
