"""
What a worker's interpreter is told to do first: before it imports anything.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Mapping, MutableMapping

# Says how many pieces there are; each has this name and its number, from 0.
VARIABLE = "TWISTED_CLUSTER_PATH"
# Linux takes no longer variable than 128 KiB.
PIECE = 100_000
TWISTD = "twisted_cluster.worker.__main__"
# What of twistd runs an application by its dotted name.
COMMAND = "cluster-app"
SCRIPT = "twisted_cluster.worker.script"
# Its C{main} returns, in each worker, what that is to run.
TEMPLATE = "twisted_cluster.worker.warm.template"
# Any of these takes as much room: there a forked worker shows what it would have been
# started with.
LONGEST = len(f"from {TEMPLATE} import main;main()()")
# So early that also an import that hangs can be seen.
STACKS = "twisted_cluster.wire.stacks"
PRIVILEGES = "twisted_cluster.wire.privileges"


def bootstrap(
    module: str, noNewPrivileges: bool = False, ownSession: bool = False
) -> list[str]:
    """
    What follows the interpreter's options, before the arguments of a worker.

    Python itself would put the current directory first (C{-m}, C{-c}), or leave out what
    a launcher has put there. So only modules that are built in are imported before
    C{sys.path} is what the primary says.

    @param module: L{TWISTD}, L{SCRIPT} or L{TEMPLATE}, whose C{main} is to run.
    @param noNewPrivileges: Whether it gives up, before anything of the application is
        there, what programs that it starts could give it.
    @param ownSession: Whether it leaves this process's session, and so its terminal: who
        has that as its own can type there (TIOCSTI), which the owner's shell reads.
    """
    renounced = f"from {PRIVILEGES} import renounce;renounce();"
    alone = "posix.setsid();" if ownSession else ""
    run = f"from {module} import main;{'main()()' if module == TEMPLATE else 'main()'}"
    code = (
        f"import sys,posix,marshal;{alone}"
        "sys.path[:]=marshal.loads(bytes.fromhex(b''.join("
        f"posix.environ[b'{VARIABLE}%d'%i]for i in range(int(posix.environ[b'{VARIABLE}']"
        f"))).decode()));from {STACKS} import beginHere;beginHere();"
        f"{renounced if noNewPrivileges else ''}{run:<{LONGEST}}"
    )
    return ["-c", code]


def pathToEnvironment(path: Iterable[str]) -> dict[str, str]:
    """
    The environment variables that carry C{sys.path}: entries may have any character, and
    bytes that are no text.
    """
    told = marshal.dumps(list(path)).hex()
    pieces = [told[at : at + PIECE] for at in range(0, len(told), PIECE)]
    numbered = {f"{VARIABLE}{number}": piece for number, piece in enumerate(pieces)}
    return {VARIABLE: str(len(pieces)), **numbered}


def pathFrom(environment: Mapping[str, str]) -> list[str]:
    """
    @return: C{sys.path}, from what L{pathToEnvironment} has made of it.
    """
    pieces = (environment[f"{VARIABLE}{n}"] for n in range(int(environment[VARIABLE])))
    path: list[str] = marshal.loads(bytes.fromhex("".join(pieces)))
    return path


def forgetPath(environment: MutableMapping[str, str]) -> None:
    """
    A worker's own children shall not see it.
    """
    for name in [name for name in environment if name.startswith(VARIABLE)]:
        del environment[name]
