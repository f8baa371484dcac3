"""
What a cluster is to be, said in a program.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from twisted_cluster import ClusterConfig, ClusterError, ConfigError
from twisted_cluster.events import Dispatch, Limits, ListenSpec
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.policies.sticky import Sticky
from twisted_cluster.primary.lives.origin import LastingPath


def test_anAppIsSaidInOneLine() -> None:
    """
    What is left out is as the command has it.
    """
    config = ClusterConfig.forApp(
        "mod.factory", listen=["tcp:8080"], workers=4, policy="sticky:by=address"
    )
    assert config.workers == 4
    assert config.listen == [ListenSpec("tcp", port=8080)]
    app = ["cluster-app", "--app=mod.factory", "--listen=tcp:8080"]
    *command, directory = config.recipe.command
    assert command == [*app, "--directory"]
    assert os.fspath(directory) == os.getcwd()
    assert isinstance(config.newPolicy(), Sticky)
    plain = ClusterConfig.forApp("mod.service")
    assert plain.workers >= 1
    assert (plain.recipe.drainTimeout, plain.backlog, plain.listen) == (30.0, 511, [])
    assert isinstance(plain.newPolicy(), RoundRobin)


def test_numbersMayBeNumbersAndSeveralMayBeOne() -> None:
    """
    Whatever the command takes as text.
    """
    config = ClusterConfig.forApp(
        "mod.factory",
        listen="tcp:80",
        workers=2,
        weights=[3, 1],
        group="api=1-2",
        maxConnections=[100, "tcp:80=150"],
        maxPerAddress=5,
        atLimit="refuse",
        dispatch=["auto", "tcp:80=handoff"],
        drainTimeout=0.5,
        backlog=10,
    )
    assert config.weights == {1: 3, 2: 1}
    assert config.groups == {1: "api", 2: "api"}
    assert config.limits == Limits(100, {"tcp:80": 150}, 5, "refuse")
    assert config.dispatch == Dispatch("auto", {"tcp:80": "handoff"})
    assert (config.recipe.drainTimeout, config.backlog) == (0.5, 10)
    assert config.listen == [ListenSpec("tcp", port=80)]


def test_aPolicyOfOnesOwn() -> None:
    """
    Made anew for each listener.
    """
    config = ClusterConfig.forApp("mod.factory", policy=RoundRobin)
    one, other = config.newPolicy(), config.newPolicy()
    assert isinstance(one, RoundRobin)
    assert one is not other


def test_filesAndPlugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A file is found also after a C{chdir}; a plugin's options are its own affair.
    """
    (tmp_path / "server.tac").touch()
    monkeypatch.chdir(tmp_path)
    file = ClusterConfig.forFile("server.tac", workers=1)
    assert file.recipe.command == ["-y", LastingPath.of(str(tmp_path / "server.tac"))]
    web = ClusterConfig.forPlugin(["web", "--no-such-option"], listen=["tcp:80"])
    assert web.recipe.command == ["web", "--no-such-option"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"workers": 0}, "workers=0: give a number from 1 to 1024, a range as 2-8"),
        ({"workers": True}, "workers=True: give a number"),
        ({"workers": None}, "workers=None: give a number"),
        ({"listen": ["tcp:x"]}, "listen='tcp:x': "),
        ({"listen": ["udp:53"]}, "listen='udp:53': an app serves connections"),
        ({"listen": ["tcp:80", "tcp:80:backlog=5"]}, "tcp:80 is given twice"),
        ({"policy": "best"}, "policy='best': there is no policy 'best'; there are: "),
        ({"policy": int}, "makes no policy: give what --policy takes"),
        ({"policy": "pinned:worker=3", "workers": 2}, "there is no worker 3"),
        ({"policy": "none", "maxConnections": 1}, "lets the kernel choose"),
        ({"dispatch": "magic"}, "dispatch='magic': give handoff|shared|kernel|auto"),
        ({"dispatch": ["auto", "kernel"]}, "'kernel': it is said already of all others"),
        ({"dispatch": "shared", "maxConnections": 1}, "nobody would keep to limits"),
        ({"weights": [1, 2], "workers": 1}, "weights='1,2': there are 2, for 1 workers"),
        ({"weights": [-1]}, "weights='-1': give numbers from 0"),
        ({"group": ["api"]}, "group='api': give NAME=1-2"),
        ({"group": ["a=1", "b=1"]}, "group='b=1': worker 1 is in 'a' already"),
        ({"maxConnections": [0]}, "maxConnections='0': give a number, 1 or more"),
        ({"maxPerAddress": -1}, "maxPerAddress='-1': give a number, 1 or more"),
        ({"atLimit": "wine"}, "atLimit='wine': give one of wait, refuse, shed"),
        ({"reactor": "nuclear"}, "reactor='nuclear': there is no such reactor"),
        ({"drainTimeout": -1}, "drainTimeout=-1: give a number, 0 or more"),
        ({"drainTimeout": float("nan")}, "drainTimeout=nan: give a number, 0 or more"),
        ({"backlog": "lots"}, "backlog='lots': give a number, 1 or more"),
        ({"backlog": float("inf")}, "backlog=inf: give a number, 1 or more"),
        ({"startTimeout": 1e9}, "give a number, 1 or more, below 1e9"),
        ({"logLevel": "loud"}, "give one of debug, info, warn, error, critical"),
        ({"maxConnections": [1, 2]}, "'2': a worker has a number already"),
        ({"maxConnections": ["tcp:1=1", "tcp:1=2"]}, "tcp:1 has a number already"),
        ({"maxConnections": {"tcp:1": 1}}, "give one, or several in a list"),
        ({"weights": {1: 3}, "workers": 2}, "weights={1: 3}: give one, or several"),
        ({"listen": None}, "listen=None: give one, or several in a list"),
        ({"listen": b"tcp:80"}, "listen=b'tcp:80': give one, or several in a list"),
        ({"listen": "tcp:"}, "'' is no port's number or name"),
        ({"listen": "tcp:80:to=x"}, "'tcp:80:to=x': got an unexpected keyword"),
        ({"listen": "tcp:::1:80"}, "listen='tcp:::1:80': too many positional"),
    ],
)
def test_whatCannotBeIsRefused(settings: dict[str, Any], says: str) -> None:
    """
    With an error that can be caught, which names the setting and what is accepted.
    """
    with pytest.raises(ConfigError) as raised:
        ClusterConfig.forApp("mod.factory", **settings)
    assert says in str(raised.value)
    assert isinstance(raised.value, (ClusterError, ValueError))
    assert not isinstance(raised.value, SystemExit)


def test_reactorsOfOtherSystemsAreNotOffered() -> None:
    """
    Nor those whose libraries are missing.
    """
    with pytest.raises(ConfigError, match="there are: asyncio, default, ") as raised:
        ClusterConfig.forApp("mod.factory", reactor="nuclear")
    assert not re.search("cf|iocp|win32", str(raised.value))
    assert "poll, select" in str(raised.value)


def test_whatIsNotThereIsRefused() -> None:
    """
    A file, a plugin, a setting.
    """
    with pytest.raises(ConfigError, match=r"file='nowhere\.tac': there is no such file"):
        ClusterConfig.forFile("nowhere.tac")
    for plugin in (["nothing", "--x"], ["cluster", "web"], []):
        with pytest.raises(ConfigError, match=r"there is no plugin .*there are: .*web"):
            ClusterConfig.forPlugin(plugin)
    with pytest.raises(TypeError, match="wrokers"):
        ClusterConfig.forApp("mod.factory", wrokers=2)


@pytest.mark.parametrize("app", ["", "factory", "mod..factory", None, object()])
def test_applicationIsNamed(app: Any) -> None:
    """
    By a dotted name, which is looked at before anything is bound or started.
    """
    with pytest.raises(ConfigError, match=r"app=.*: give a dotted name"):
        ClusterConfig.forApp(app, listen="tcp:80")


@pytest.mark.parametrize("plugin", ["web", ["web", 80], ["web", None]])
def test_pluginIsAListOfTexts(plugin: Any) -> None:
    """
    One text is not taken for its letters.
    """
    with pytest.raises(ConfigError, match=r"give a list of texts, such as \['web', "):
        ClusterConfig.forPlugin(plugin)


def test_portsAreReadOnce() -> None:
    """
    What can be gone through only once names ports for the primary and for the workers.
    """
    config = ClusterConfig.forApp("mod.factory", listen=(f"tcp:{n}" for n in (80, 81)))  # type: ignore[arg-type]
    assert [spec.port for spec in config.listen] == [80, 81]
    assert config.recipe.command[2:4] == ["--listen=tcp:80", "--listen=tcp:81"]


def test_interfaceMayStandSecond() -> None:
    """
    As in Twisted's own descriptions of endpoints.
    """
    (spec,) = ClusterConfig.forApp("mod.factory", listen="tcp:80:127.0.0.1").listen
    assert (spec.interface, spec.port) == ("127.0.0.1", 80)
