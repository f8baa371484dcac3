"""
Where a cluster's control socket is.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from twisted_cluster.controlpath import (
    LONGEST,
    directories,
    isOwnDirectory,
    nameFor,
    pidOf,
    socketsIn,
    whyNot,
)

UID = os.getuid()


def test_pidFilesOfOneNameDoNotMeet() -> None:
    """
    Nor is a name longer than a socket's may be.
    """
    names = {nameFor(f"/srv/{one}/twistd.pid", 1) for one in ("a", "b")}
    assert len(names) == 2
    assert all(name.startswith("twisted-cluster-twistd-") for name in names)
    assert len(os.fsencode(nameFor(f"/srv/{'ä' * 200}.pid", 1))) < 60


def test_withoutAPidFileTheProcessCounts() -> None:
    """
    And can be told from the name.
    """
    assert pidOf(nameFor("", 4711)) == 4711
    assert pidOf(nameFor("/twistd.pid", 4711)) is None
    assert pidOf("twisted-cluster-.sock") is None
    assert pidOf("4711") is None


@pytest.mark.parametrize("path", ["", "a\0b", "x" * (LONGEST + 1)])
def test_noSocketCanBeThere(path: str) -> None:
    """
    Why is said.
    """
    assert whyNot(path)
    assert whyNot("x" * LONGEST) is None


def test_theRuntimeDirectoryOfAServiceIsBest(tmp_path: Path) -> None:
    """
    Of several the first; then the user's, if it is his.
    """
    own = tmp_path / "own"
    own.mkdir(mode=0o700)
    environment = {
        "RUNTIME_DIRECTORY": "/run/a:/run/b",
        "XDG_RUNTIME_DIR": str(own),
        "TMPDIR": "/var/tmp",
    }
    found = list(directories(environment, UID))
    assert found[:2] == ["/run/a", str(own)]
    assert found[-1] == f"/var/tmp/twisted-cluster-{UID}"
    own.chmod(0o777)
    assert str(own) not in directories(environment, UID)
    assert str(own) not in directories(environment, UID + 1)


def test_whatIsNoOwnDirectory(tmp_path: Path) -> None:
    """
    A link to one, a file, a relative path, nothing.
    """
    own = tmp_path / "own"
    own.mkdir(mode=0o700)
    assert isOwnDirectory(str(own), UID)
    (tmp_path / "link").symlink_to(own)
    (tmp_path / "file").touch()
    for other in ("link", "file", "nothing"):
        assert not isOwnDirectory(str(tmp_path / other), UID)
    assert not isOwnDirectory("own", UID)


def test_socketsAreFoundByTheirNames(tmp_path: Path) -> None:
    """
    In order; what is no directory has none.
    """
    for name in ("twisted-cluster-b-1.sock", "twisted-cluster-a-1.sock", "other.sock"):
        (tmp_path / name).touch()
    assert [os.path.basename(one)[16] for one in socketsIn(str(tmp_path))] == ["a", "b"]
    assert socketsIn(str(tmp_path / "nothing")) == []
