"""
What of an application is imported before it is known which worker will run it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from twisted_cluster.worker.warm.applying import importApp, withoutOptions


@pytest.mark.parametrize(
    "before", ["", "'''It serves.'''\nfrom __future__ import annotations\nimport os\n"]
)
def test_nothingIsImportedAfterSomethingWasDone(tmp_path: Path, before: str) -> None:
    """
    A program may have to prepare what it imports then.
    """
    program = tmp_path / "program.tac"
    program.write_text(f"{before}sys.path.insert(0, 'lib')\nimport nothing_there\n")
    assert importApp(["-y", str(program)]) == ""
    program.write_text(f"{before}import nothing_there\nprint()\n")
    assert "No module named 'nothing_there'" in importApp(["-y", str(program)])


def test_commandComesAfterOptions() -> None:
    """
    What twistd is told of the process itself is not the command.
    """
    assert withoutOptions(["--umask=22", "--savestats", "-y", "a"]) == ["-y", "a"]
    assert withoutOptions(["--rundir=/", "web", "--path=."]) == ["web", "--path=."]
    assert withoutOptions(["--umask=22"]) == ()
