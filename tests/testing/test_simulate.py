"""
The simulator's command line.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.cluster import environment
from twisted_cluster.testing.simulate import main

FEW = ("--connections", "400")
PNG = b"\x89PNG\r\n\x1a\n"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """
    The lines that it prints.
    """
    main([*FEW, *arguments])
    return capsys.readouterr().out.splitlines()


def test_policiesStandSideBySide(capsys: pytest.CaptureFixture[str]) -> None:
    """
    What was simulated, and one line for each policy, as wide as the head.
    """
    policies = ("--policy", "random:seed=1", "--policy", "round-robin")
    title, head, *rows = said(capsys, *policies)
    assert title == (
        "4 workers, 400 connections, arrivals poisson:rate=1000, "
        "service exponential:mean=0.002: load 50%"
    )
    assert head.split()[0] == "policy"
    assert [row.split()[0] for row in rows] == ["random:seed=1", "round-robin"]
    assert len({len(line) for line in (head, *rows)}) == 1


def test_twoByDefault(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Something is to be seen at once.
    """
    rows = said(capsys)[2:]
    assert [row.split()[0] for row in rows] == ["round-robin", "least-connections"]


def test_optionsReachTheScenario(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Numbers that can be foretold: one client after the other, one worker slow.
    """
    options = [
        ["--policy", "round-robin", "--arrivals", "closed:clients=1"],
        ["--service", "constant:value=0.01", "--slow", "2=3", "--workers", "2"],
        ["--weights", "3,1", "--group", "api=1", "--hold", "constant:value=1"],
        ["--clients", "7", "--seed", "5", "--staleness", "0.1", "--no-rescue"],
    ]
    title, _, row = said(capsys, *[word for line in options for word in line])
    assert ": load" not in title
    assert row.split() == [
        *["round-robin", "50.0", "50.0", "0.500"],
        *["20.00", "10.00", "30.00", "30.00", "0.0,", "1"],
    ]


def test_blocksReachTheScenario(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Who is blocked serves less, if others come to help.
    """
    blocked = ["--policy=round-robin", "--block=1=0.5/0.2", "--arrivals=poisson:rate=100"]
    helped, left = said(capsys, *blocked)[-1], said(capsys, *blocked, "--no-rescue")[-1]
    assert float(helped.split()[1]) < 20
    assert float(left.split()[1]) == 25


def test_manyWorkersAreSummedUp(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Of many workers the least and the greatest share.
    """
    row = said(capsys, "--policy", "round-robin", "--workers", "16")[-1]
    assert " 6.2 to 6.2 " in row


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_itIsDrawn(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    As a picture, if asked for.
    """
    path = tmp_path / f"out{suffix}"
    said(capsys, "--plot", str(path))
    written = path.read_bytes()
    assert written.startswith(PNG) if suffix == ".png" else b"<svg" in written
    assert len(written) > 10_000


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("--policy nobody", "there is no policy 'nobody'"),
        ("--policy none", "policy none: the kernel chooses"),
        ("--policy round-robin:x=1", "no argument 'x'"),
        ("--workers 0", "--workers 0: give a number, 1 or more"),
        ("--arrivals often", "'often': there are"),
        ("--service exponential:mean=-1", "-1.0 is not above 0"),
        ("--hold x", "'x': there are"),
        ("--weights 0,0,0,0", "at least one worker must have more than 0"),
        ("--group api", "--group api: give NAME=1-2"),
        ("--slow 9=2", "there is no worker 9: 1 to 4"),
        ("--slow x=2", "'x=2' is not WORKER=FACTOR"),
        ("--block 1=2", "'1=2' is not WORKER=EVERY/LASTING"),
        ("--block 1=2/0", "'lasting' must be > 0: 0.0"),
        ("--plot out.txt", "--plot out.txt: a file in a folder that exists, .png"),
        ("--plot /no/such/place.png", "a file in a folder that exists"),
    ],
)
def test_mistakesAreExplained(
    wrong: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Nothing is simulated; the error is one line, below the usage.
    """
    with pytest.raises(SystemExit) as raised:
        main(wrong.split())
    assert raised.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    usage, error, end = printed.err.split("\n")
    assert usage.startswith("usage: ")
    assert says in error
    assert end == ""


@pytest.mark.process
def test_itIsACommand(tmp_path: Path) -> None:
    """
    C{python -m} runs it, without a reactor, and without matplotlib if nothing is drawn.
    """
    code = (
        "import runpy, sys; sys.modules['matplotlib'] = None; "
        "runpy.run_module('twisted_cluster.testing.simulate', run_name='__main__'); "
        "assert 'twisted.internet.reactor' not in sys.modules"
    )
    for arguments, status in ([], 0), (["--plot", "out.png"], 2), (["--help"], 0):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *FEW, *arguments],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == status, done.stderr
        assert ("twisted-cluster[plot]" in done.stderr) == bool(status)
    assert "exponential:mean=NUMBER" in done.stdout
