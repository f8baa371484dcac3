"""
What C{import twisted_cluster} gives, and what it costs.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

import twisted_cluster
from tests.process.cluster import environment

NEVER = (
    "twisted.internet.reactor",
    "twisted_cluster.api",
    "twisted_cluster.primary",
    "twisted_cluster.worker",
)


def importedBy(program: str) -> set[str]:
    """
    The modules that are there when a program ends.
    """
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return set(done.stdout.split())


def test_importingInstallsNoReactor() -> None:
    """
    Nor does it import what only a primary or a worker needs, whatever is taken from it
    by name: a policy's module is imported by C{twistd --help}.
    """
    names = ", ".join(
        name
        for name, module in twisted_cluster._LATER.items()
        if not module.startswith(NEVER)
    )
    assert not importedBy(f"from twisted_cluster import {names}") & set(NEVER)


def test_theCommandThatAsksAClusterNeedsNoTwisted() -> None:
    """
    It is started often, and by people who wait for it.
    """
    program = "import twisted_cluster.ctl.main, twisted_cluster.ctl.client"
    program += ", twisted_cluster.ctl.finding, twisted_cluster.ctl.tables"
    loaded = importedBy(program)
    assert not {one for one in loaded if one.split(".")[0] in ("twisted", "zope", "attr")}


@pytest.mark.parametrize(
    "program",
    [
        "from twisted_cluster import ClusterConfig, ClusterService",
        "import twisted_cluster.tap",
        "import twisted_cluster.testing",
        "import twisted_cluster.reactors",
    ],
)
def test_noReactorIsInstalledBeforeItIsNeeded(program: str) -> None:
    """
    Whoever imports this may still choose one.
    """
    assert "twisted.internet.reactor" not in importedBy(program)


def test_everyNameIsThere() -> None:
    """
    Also those that are imported late, and C{dir()} has them all.
    """
    for name in twisted_cluster.__all__:
        assert name in dir(twisted_cluster)
        assert getattr(twisted_cluster, name) is getattr(twisted_cluster, name)
    with pytest.raises(AttributeError, match="no attribute 'clutser'"):
        twisted_cluster.clutser  # noqa: B018


def test_errorsAreExported() -> None:
    """
    Whatever users may have to catch; what only wires say to each other is not.
    """
    inner = {"ChannelFullError", "MessageError", "QueueEndedError", "VersionError"}
    there = vars(sys.modules["twisted_cluster.errors"])
    errors = {name for name in there if name.endswith("Error")}
    assert errors - inner <= set(twisted_cluster.__all__)


def test_closedHereIsToldFromGone() -> None:
    """
    Who does not care catches both.
    """
    gone = twisted_cluster.ChannelClosedError
    assert issubclass(twisted_cluster.ChannelClosedHereError, gone)
    assert not issubclass(twisted_cluster.MailboxFullError, gone)


def test_aRefusedSettingIsNamedInBothWays() -> None:
    """
    As a program gives it, and as a command line does.
    """
    error = twisted_cluster.ConfigError("maxConnections", "x", "give a number")
    assert str(error) == "maxConnections='x': give a number"
    assert error.asOption == "--max-connections x: give a number"
    empty = twisted_cluster.ConfigError("maxConnections", "", "give a number")
    assert empty.asOption == "--max-connections '': give a number"
    assert isinstance(error, (ValueError, twisted_cluster.ClusterError))
