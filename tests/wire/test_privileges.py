"""
What a process gives up for good.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from twisted_cluster.errors import ConfigError, SettingsError
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.wire import libc
from twisted_cluster.wire.privileges import canRenounce, renounce

linux = pytest.mark.skipif(not canRenounce(), reason="this platform has none")


@linux
def test_itIsForGoodAndForChildren() -> None:
    """
    Linux says so of each process.
    """
    code = (
        "import subprocess; from twisted_cluster.wire.privileges import renounce;"
        "renounce(); subprocess.run(['grep', 'NoNewPrivs', '/proc/self/status'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["NoNewPrivs:", "1"]


def test_whereThereIsNothingOfTheKindItIsRefused(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Before anything is started, and by a worker that was told to all the same.
    """
    from twisted_cluster.api.settings import check

    monkeypatch.setattr(libc.sys, "platform", "freebsd14")
    assert not canRenounce()
    with pytest.raises(ConfigError, match="this platform") as refused:
        ClusterConfig.forApp("mod.name", noNewPrivileges=True)
    assert refused.value.asOption.startswith("--no-new-privileges: this")
    with pytest.raises(SettingsError, match="noNewPrivileges=True: this platform"):
        check({"noNewPrivileges": True})
    with pytest.raises(SystemExit, match="was to have no new privileges: this platform"):
        renounce()
