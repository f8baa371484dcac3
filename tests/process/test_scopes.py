"""
Addresses that mean something on one link only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.cluster import TWISTD, environment, freePort
from tests.process.odd import ODD
from tests.process.ports import FIXTURES

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]

# As a network of its own has it, where root may make one.
NETWORK = ["unshare", "--net", "--kill-child", "--fork"]
CLIENT = str(FIXTURES / "linklocal.py")
TAC = """
from twisted.application import service, strports
from kinds import report

application = service.Application("scoped")
strports.service(
    r"tcp6:%d:interface=fe80\\:\\:1%%lo", report).setServiceParent(application)
"""


def canHaveNetworks() -> bool:
    """
    Whether this machine lets us have networks of our own, with such addresses.
    """
    if os.getuid() != 0 or not all(map(shutil.which, ("unshare", "ip"))):
        return False
    add = "ip link set lo up && ip -6 addr add fe80::1/64 dev lo nodad"
    tried = subprocess.run([*NETWORK, "sh", "-c", add], capture_output=True)
    return tried.returncode == 0


ownNetworks = pytest.mark.skipif(not canHaveNetworks(), reason="no networks of our own")


def said(directory: Path, port: int, *cluster: str) -> list[str]:
    """
    What a server on a link-local address, or a cluster of such, says of its client's
    address, and of its own.
    """
    (directory / "scoped.tac").write_text(TAC % port)
    path = [str(FIXTURES), str(ODD), environment()["PYTHONPATH"]]
    told = {"PYTHONPATH": os.pathsep.join(path), "TOLD": str(directory / "told")}
    server = [sys.executable, "-c", TWISTD, "-n", "--pidfile=", *cluster]
    done = subprocess.run(
        [*NETWORK, sys.executable, CLIENT, str(port), *server, "-y", "scoped.tac"],
        cwd=directory,
        env=environment({**told, "PYTHONDONTWRITEBYTECODE": "1"}),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout.splitlines()


@ownNetworks
@pytest.mark.parametrize("policy", ["round-robin", "none"])
def test_peersOfALinkHaveTheirScope(tmp_path: Path, policy: str) -> None:
    """
    C{getPeer()} and C{getHost()} say C{fe80::1%lo}, as under twistd alone.
    """
    port = freePort()
    stock = said(tmp_path, port)
    assert [line.count("fe80::1%lo") for line in stock] == [1, 1]
    assert said(tmp_path, port, "cluster", "--workers=1", f"--policy={policy}") == stock


@ownNetworks
def test_policiesAreToldTheScope(tmp_path: Path) -> None:
    """
    Of the client, and of the address that it has connected to, as workers are.
    """
    port = freePort()
    served = said(tmp_path, port, "cluster", "--workers=1", "--policy=naming")
    peer, local = (tmp_path / "told").read_text().splitlines()
    assert [peer.partition("port=")[0], local] == [
        served[0].partition("port=")[0],
        served[1],
    ]
