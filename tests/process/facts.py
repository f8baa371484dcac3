"""
What a process that the user starts is like, and what a worker is like.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.process.cluster import RunningCluster, ask, eventually, freePort

TAC = Path(__file__).parent / "fixtures" / "facts.tac"
# As installers write it: what Python puts on sys.path is the folder that it is in.
LAUNCHER = "from twisted.scripts.twistd import run\nrun()\n"
Facts = dict[str, Any]


class Stock(RunningCluster):
    """
    C{twistd -n ...}, while a C{with} block lasts.
    """

    PLUGIN = ()


def launcherIn(directory: Path, text: str = LAUNCHER) -> Path:
    """
    Write a program that runs twistd.
    """
    made = directory / "bin" / "twistd"
    made.parent.mkdir(exist_ok=True)
    made.write_text(text)
    return made


def factsOf(
    kind: type[RunningCluster],
    program: Sequence[str],
    directory: Path,
    more: Sequence[str] = (),
    tac: Path = TAC,
    meanwhile: Callable[[RunningCluster], object] = lambda _: None,
    **options: Any,
) -> Facts:
    """
    Run the fixture.

    @param more: Options of twistd.
    @param meanwhile: Called when it serves; what is told is what is so after that.
    @return: What it was like C{first}, and is C{now}.
    """
    port = freePort()
    env = {"FACTS": f"tcp:{port}:interface=127.0.0.1", **options.pop("env", {})}
    twistd = ["-n", "--pidfile=", *more]
    workers = ["--workers=1"] if kind is RunningCluster else []
    arguments = [*workers, "-y", str(tac)]
    with kind(arguments, directory, env, twistd, program=program, **options) as running:
        eventually(lambda: _told(running, port), "it tells")
        meanwhile(running)
        told = eventuallyTold(running, port)
    return told


def eventuallyTold(running: RunningCluster, port: int) -> Facts:
    """
    Wait until somebody serves, and says what it is like.
    """
    told: list[Facts] = []
    eventually(lambda: told.append(_told(running, port)) or told[-1], running.output())
    return told[-1]


def _told(running: RunningCluster, port: int) -> Facts:
    assert running.process.poll() is None, running.output()
    try:
        said = ask(port)
    except OSError:
        return {}
    return json.loads(said) if said else {}
