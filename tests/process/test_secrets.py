"""
What the processes beside the primary have in their arguments and their environment.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.cluster import (
    RunningCluster,
    allChildrenOf,
    eventually,
    freePort,
    isGuardian,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]

# What a service manager, and who wrote its unit, tell a process.
TOLD = {
    "PASSWORD": "s3cret",
    "CREDENTIALS_DIRECTORY": "/run/credentials/shop",
    "NOTIFY_SOCKET": "/run/systemd/notify",
    "WATCHDOG_USEC": "30000000",
    "INVOCATION_ID": "8bd5d4c0d9a84ee4ae3dbd6c6ed8aa4b",
    "JOURNAL_STREAM": "8:12345",
}


def fieldsOf(pid: int, what: str) -> list[str]:
    """
    A process's C{cmdline} or C{environ}.
    """
    return Path(f"/proc/{pid}/{what}").read_text().split("\0")


def test_eachHasWhatItNeeds(app: Path, tmp_path: Path) -> None:
    """
    A worker what the process that the user started would have, and of the primary's own
    options none; who guards it nothing.
    """
    port = freePort()
    control = str(tmp_path / "control.sock")
    arguments = [
        *("--workers=1", f"--control={control}", "--policy=random", "--min-ready=1"),
        *("--app=hello.greet", f"--listen=tcp:{port}"),
    ]
    with RunningCluster(arguments, app, TOLD) as cluster:
        cluster.waitOnline(1)
        (worker,) = cluster.workerPids()
        environment = fieldsOf(worker, "environ")
        assert {f"{name}={value}" for name, value in TOLD.items()} <= set(environment)
        given = fieldsOf(worker, "cmdline")
        assert f"--listen=tcp:{port}" in given
        for mine in ("--control", "--policy", "--min-ready", control, "s3cret"):
            assert not [each for each in given if mine in each]
            assert mine == "s3cret" or not [each for each in environment if mine in each]
        guardians = list(filter(isGuardian, allChildrenOf(cluster.pid)))
        eventually(lambda: guardians, "there is a guardian")
        said = fieldsOf(guardians[0], "environ") + fieldsOf(guardians[0], "cmdline")
        assert not [
            each for each in said if any(value in each for value in TOLD.values())
        ]
        names = {each.partition("=")[0] for each in fieldsOf(guardians[0], "environ")}
        assert all(name.startswith(("LD_", "DYLD_", "TZ")) for name in names - {""})
