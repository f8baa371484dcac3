"""
Of the benchmarks: those that make the package's own objects still know how, and a page is
made of what was measured.
"""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
ADOPT = """
import adopt

for way in (adopt.deliver, adopt.adopt):
    assert adopt.cost(way, 32) > 0
"""
PAGE = """
import sys
from pathlib import Path
from xml.dom.minidom import parseString

from handing.picture import picture
from handing.runs import Cell, Found
from handoff import WORKLOADS, page
from load import Measurement

found, again, file = Found(missing={"node-rr": "not there: Node"}), Found(), sys.argv[1]
for cost, name in enumerate(("cluster-handoff", "sharded"), 1):
    for clients in (8, 64):
        primary = 1e-5 if name == "cluster-handoff" else None
        run = Measurement(5e4 / cost, 0.001, 0.002, primary, cost * 1e-5, 0.0, 0)
        found.runs[Cell("raw", 2, clients, name)] = [run] * 3
found.save(Path(file))
again.load(Path(file))
assert again == found
parseString(picture(found))
print(page(found, "why.svg"))
"""

STARTING = """
import argparse

from machine import freePort
from servers import running
from starting import Found, report
from warming.contenders import contender
from warming.starts import Clocks, Start, observe
from warming.watched import Watched

found = Found(missing={"gunicorn": "not there: an installation"})
chosen, clocks = contender("cluster-twisted", "page", freePort(), 2, "2"), Clocks()
with running([chosen], Watched, found.missing) as (server,):
    seen = observe(server, clocks, 1, True)
    assert len(server.ready) == 5 and len(server.living()) == 2
assert not server.living()
assert 0 < seen.forked < seen.all and seen.first <= seen.all and seen.cpu > 0
assert 0 < seen.pss < seen.whole and 0 < seen.reloaded <= seen.left
for name, slower in ("cluster-no", 2), ("cluster-twisted", 1):
    runs = [Start(slower, 1.5, 0.1, 2, 0, 0.06, 9e6, 9e7, 0.5, 0.6)] * 2
    found.starts["page", name] = found.starts["works", name] = runs
names = ["cluster-no", "cluster-twisted"]
report(argparse.Namespace(app=["page", "works"], only=names), found)
"""


def run(program: str, *arguments: str) -> str:
    """
    @return: What a program printed, which knows the benchmarks.
    """
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_adoptMeasuresBothWays() -> None:
    """
    C{adopt.py} delivers connections to a port of the worker's as it is.
    """
    run(ADOPT)


def test_pageSaysWhereOthersAreBetter(tmp_path: Path) -> None:
    """
    The page has a row for each contestant, those too that are not there, and names those
    that are better; what is saved can be loaded.
    """
    page = run(PAGE, str(tmp_path / "saved"))
    assert "64 clients, 2 workers, medians of 3 rounds" in page
    assert "| cluster-handoff | 50,000 | 10.0 + 10.0 | 2.00 |" in page
    assert "| sharded | 25,000 | 20.0 | 2.00 |" in page
    assert "| node-rr | not there: Node |" in page
    assert "faster than `cluster-handoff`: nobody" in page


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="templates are Linux's")
def test_startsAreWatched() -> None:
    """
    C{starting.py} sees workers of a cluster come, be replaced and renewed, and judges
    what it has seen.
    """
    said = run(STARTING)
    assert "gunicorn: not there: an installation" in said
    assert "| cluster-twisted | page  | 1.000 ±0% |" in said
    judged = {row.split(" | ")[0][2:].rstrip(): row for row in said.splitlines()[-6:]}
    assert " 0.500 |   ≤ 1.05 | " in judged["works: first worker ready"]
    assert judged["page: a killed one's successor ready"].endswith("FALLS SHORT |")
    assert judged["works: a reload"].endswith("pass |")
