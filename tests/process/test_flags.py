"""
How the interpreter of a worker was started: as that of the primary.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conformance.scripts import run
from tests.process.cluster import ROOT, RunningCluster
from tests.process.facts import LAUNCHER, Stock, factsOf, launcherIn

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


def each(option: str, *values: str) -> list[str]:
    """
    An option, given several times.
    """
    return [part for value in values for part in (option, value)]


# Not left out: -S is in test_paths, -c, -m and files are what is run; -i and -x say how a
# script is read, -h and -V run nothing.
TABLE = [
    ["-b", "-O", "-u", "-s"],
    ["-bb", "-OO", "-q"],
    ["-d", "-v"],
    ["-B", "-E", "-R"],
    ["-I"],
    ["-W", "error::UserWarning", "-Wignore:some words"],
    ["-W", "error", "-X", "dev"],
    ["-X", "importtime"],
    each("-X", "utf8=0", "no_debug_ranges", "frozen_modules=off"),
    each("-X", "pycache_prefix=/nowhere", "int_max_str_digits=1000"),
    each("-X", "faulthandler", "warn_default_encoding", "mine", "own=a=b c"),
    ["--check-hash-based-pycs", "always"],
]
if sys.version_info >= (3, 11):
    TABLE.append(["-P"])
SAME = "flags warnings x pycs unbuffered digits prefixOfCaches path".split()


@pytest.mark.parametrize("options", TABLE, ids=" ".join)
def test_optionsAreThoseOfThePrimary(options: list[str], tmp_path: Path) -> None:
    """
    Each as a process has it that the user starts with the same.
    """
    text = f"import sys; sys.path.insert(1, {str(ROOT)!r})\n"
    program = [*options, str(launcherIn(tmp_path, text + LAUNCHER))]
    env = {"PYTHONHASHSEED": "0"}
    stock = factsOf(Stock, program, tmp_path, env=env)["now"]
    worker = factsOf(RunningCluster, program, tmp_path, env=env)["now"]
    assert {name: worker[name] for name in SAME} == {name: stock[name] for name in SAME}


def test_scriptsHandOnTheSame(tmp_path: Path) -> None:
    """
    C{execArgv} is what this process was started with.
    """
    options = ["-O", "-u", "-X", "mine", "-X", "int_max_str_digits=1000", "-W", "error"]
    script = run(
        """
        facts = [repr(sys.flags), sys.warnoptions, sys._xoptions,
                 type(sys.stdout.buffer).__name__]
        if cluster.isPrimary:
            worker = cluster.fork()
            worker.on("message", lambda told: say("same", same=told == facts, told=told))
            stopWhenAlone()
        else:
            cluster.worker.send(facts)
            cluster.worker.disconnect()
        reactor.run()
        """,
        tmp_path,
        python=[sys.executable, *options],
    )
    told = script.the("same")
    assert told["same"], script.story()
    assert told["told"][2:] == [{"mine": True, "int_max_str_digits": "1000"}, "FileIO"]
