"""
What a template imports for commands of Twisted itself.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.process.cluster import environment

TRY = """
import sys
from twisted_cluster.wire.bootstrap import TWISTD
from twisted_cluster.worker.warm.preloading import preload

print(preload(TWISTD, sys.argv[2:], sys.argv[1], {0, 1, 2})[0])
print(*sys.modules)
"""


@pytest.mark.parametrize("warm", ["twisted", "app"])
@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("web", "twisted.web.static"),
        ("ftp", "twisted.cred.credentials"),
        ("mail", "twisted.cred.strcred"),
    ],
)
def test_allOfThemCanBeForked(command: str, module: str, warm: str) -> None:
    """
    Also those whose plugins import a reactor: that is left to the worker.
    """
    done = subprocess.run(
        [sys.executable, "-c", TRY, warm, "--rundir=somewhere", command],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    why, modules = done.stdout.splitlines()
    assert why == ""
    assert module in modules.split()
    assert "twisted.internet.reactor" not in modules.split()
