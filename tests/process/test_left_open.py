"""
What a launcher has opened for the command: descriptors that are no ports, and standard
input.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.cluster import TWISTD, RunningCluster, environment, eventually
from tests.process.surrounding import Stock

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
READS = """
import os, sys
from twisted.application.service import Application
application = Application("reads")
with open(os.environ["TOLD"], "a") as told:
    told.write(repr(sys.stdin.read()) + chr(10))
"""


def twistd(directory: Path, arguments: str, stdin: str) -> str:
    """
    What the application has read by the time that it is up.
    """
    (directory / "reads.tac").write_text(READS)
    told = directory / "told"
    told.unlink(missing_ok=True)
    command = [sys.executable, "-c", TWISTD, "-n", "--pidfile=", *arguments.split()]
    with subprocess.Popen(
        ["sh", "-c", f'exec "$@" {stdin}', "sh", *command, "-y", "reads.tac"],
        cwd=directory,
        env=environment({"TOLD": str(told)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            eventually(
                lambda: told.exists() and told.read_text().endswith("\n"), "it tells"
            )
        finally:
            process.terminate()
    return told.read_text()


@pytest.mark.parametrize("kind", [RunningCluster, Stock])
def test_supervisorsAreToldByPipes(tmp_path: Path, kind: type[RunningCluster]) -> None:
    """
    As s6's notification-fd: a worker has the pipe at the same number, whatever of the
    cluster's would be there else.
    """
    (tmp_path / "ready.tac").write_text(
        "import os\n"
        "from twisted.application.service import Application\n"
        "application = Application('ready')\n"
        "os.write(int(os.environ['NOTIFY']), b'ready')\n"
    )
    reading, writing = os.pipe()
    try:
        more = ["--workers=1"] if kind is RunningCluster else []
        env = {"NOTIFY": str(writing)}
        with kind([*more, "-y", "ready.tac"], tmp_path, env, passing=[writing]):
            os.close(writing)
            writing = -1
            assert os.read(reading, 99) == b"ready"
        # Nobody has it any more.
        assert os.read(reading, 99) == b""
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


@pytest.mark.parametrize("stdin", ["< reads.tac", "< /dev/null"])
def test_oneWorkerReadsStandardInput(tmp_path: Path, stdin: str) -> None:
    """
    As one process does.
    """
    stock = twistd(tmp_path, "", stdin)
    assert twistd(tmp_path, "cluster --workers=1", stdin) == stock


@pytest.mark.parametrize(
    ("workers", "stdin"), [("1", "<&-"), ("2", "< reads.tac")], ids=["closed", "several"]
)
def test_elseThereIsNothingToRead(tmp_path: Path, workers: str, stdin: str) -> None:
    """
    Of several workers none would know who is meant.
    """
    told = twistd(tmp_path, f"cluster --workers={workers}", stdin)
    assert set(told.splitlines()) == {"''"}
