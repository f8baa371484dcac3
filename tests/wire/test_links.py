"""
Links of the system's are not renamed, whatever they lead to.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.logged import logging
from twisted_cluster.logs.rotation import RotatingLog
from twisted_cluster.wire import links


@pytest.fixture
def stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    What stands for F{/dev/stdout}, redirected to a file.
    """
    folder = tmp_path / "dev"
    folder.mkdir()
    (tmp_path / "file").touch()
    (folder / "stdout").symlink_to(tmp_path / "file")
    (folder / "shm.log").touch()
    monkeypatch.setattr(links, "SYSTEMS", (f"{folder}/",))
    return folder / "stdout"


def test_whichAreTheSystems(stdout: Path) -> None:
    """
    Links there; not files there, nor links elsewhere.
    """
    other = stdout.parent.parent / "other"
    other.symlink_to(stdout)
    found = [links.isSystems(str(path)) for path in (stdout, other)]
    assert found == [True, False]
    assert not links.isSystems(str(stdout.parent / "shm.log"))


def test_theClustersLogGoesOn(stdout: Path) -> None:
    """
    Whoever asks for a rotation is told.
    """
    log = RotatingLog.fromFullPath(str(stdout), rotateLength=10)
    with logging() as logged:
        log.rotateNow()
        log.write("one, and more\n")
        log.write("two\n")
    log.close()
    assert logged.texts() == [f"the log is not rotated: {stdout} is no regular file"]
    assert stdout.read_text() == "one, and more\ntwo\n"
    assert sorted(os.listdir(stdout.parent)) == ["shm.log", "stdout"]
