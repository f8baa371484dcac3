"""
How many workers are worth having.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from twisted_cluster.cpus import parseWorkers, usableCPUs
from twisted_cluster.errors import ConfigError

HERE = len(os.sched_getaffinity(0))


def make(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, HERE),
        ({"proc/self/cgroup": "0::/\n"}, HERE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, HERE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "100000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            },
            1,
        ),
        (
            {
                "proc/self/cgroup": "3:cpu,cpuacct:/x\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "10000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, HERE),
    ],
)
def test_quotaAndAffinityCount(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    """
    Whatever allows least counts, at least one.
    """
    assert usableCPUs(make(tmp_path, files)) == expected


def test_quotaIsRoundedUp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    One and a half CPUs are two workers.
    """
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}
    assert usableCPUs(make(tmp_path, files)) == 2


@pytest.mark.parametrize("given", ["9" * 5000, "2-" + "9" * 5000])
def test_whatIsNoNumberToPythonIsNone(given: str) -> None:
    """
    Python makes none of more than 4300 digits.
    """
    with pytest.raises(ConfigError, match="give a number from 1 to"):
        parseWorkers(given)
