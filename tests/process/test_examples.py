"""
The programs in docs/, run as a reader would.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.scripts import Script
from tests.process.cluster import ROOT, ask, childrenOf, environment, eventually, freePort

pytestmark = pytest.mark.process
EXAMPLES = ROOT / "docs/examples"


def test_messages() -> None:
    """
    C{messages.py} says what its comments promise, and ends by itself.
    """
    done = subprocess.run(
        [sys.executable, EXAMPLES / "messages.py"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    said = done.stdout.splitlines()
    assert sorted(said[:2]) == ["worker 1 is ready", "worker 2 is ready"]
    assert said[2] == "worker 1 says 144"
    assert said[3:5] == [f"worker {n} heard 'hello, all'" for n in (1, 2)]
    assert said[5:] == ["all workers are gone"]


def test_reload(tmp_path: Path) -> None:
    """
    C{reload.py} replaces all its workers under load, and nobody notices; also who dies
    is replaced.
    """
    port = freePort()
    text = (EXAMPLES / "reload.py").read_text()
    count = os.cpu_count() or 1
    with Script(text, tmp_path, arguments=[str(port)]) as script:
        eventually(lambda: _answers(port), "it answers")
        with ThreadPoolExecutor(8) as clients:
            served = clients.map(lambda _: int(ask(port)), range(2000))
            script.process.send_signal(signal.SIGHUP)
            assert len(list(served)) == 2000
        eventually(lambda: "reloaded" in script.output, "it has reloaded")
        assert int(ask(port)) > count
        eventually(lambda: len(childrenOf(script.pid)) == count, "the old are gone")
        os.kill(childrenOf(script.pid)[0], signal.SIGKILL)
        eventually(lambda: re.search(r"died \(SIGKILL\)", script.output), "it is told")
        eventually(lambda: _answers(port), "it answers")
        script.process.terminate()


def _answers(port: int) -> bool:
    try:
        return bool(ask(port))
    except OSError:
        return False


def test_theGuidesFirstProgram(tmp_path: Path) -> None:
    """
    The first block of docs/cluster.md serves.
    """
    guide = (ROOT / "docs/cluster.md").read_text()
    first = guide.split("```python\n")[1].split("```")[0]
    port = freePort()
    text = first.replace("8000", str(port))
    with Script(text, tmp_path) as script:
        eventually(lambda: _answersHTTP(port), "it answers")
        script.process.terminate()


def _answersHTTP(port: int) -> bool:
    try:
        return b"cluster.fork()" in ask(port, b"GET /script.py HTTP/1.0\r\n\r\n")
    except OSError:
        return False
