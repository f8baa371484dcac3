"""
Options that mean nothing together.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("click")

from click.testing import CliRunner

from twisted_cluster.ctl.main import cli


def test_aTimeWithoutACanary(tmp_path: Path) -> None:
    """
    Would be passed over in silence: the command line is wrong.
    """
    result = CliRunner().invoke(
        cli, ["--control", str(tmp_path / "none"), "reload", "--for", "3s"]
    )
    assert result.exit_code == 2
    assert "--for is how long a --canary is tried" in result.output
