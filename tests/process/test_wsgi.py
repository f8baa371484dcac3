"""
What WSGI applications are told of the processes beside theirs.
"""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.process.cluster import RunningCluster, Stock, eventually, freePort

pytestmark = pytest.mark.process

APP = """
def application(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"%s" % repr((environ["wsgi.multiprocess"], environ["wsgi.multithread"],
                          environ["wsgi.run_once"])).encode()]
"""
TAC = """
import os
from twisted.application.internet import TCPServer
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.web.server import Site
from twisted.web.wsgi import WSGIResource
from wsgiapp import application as app

site = Site(WSGIResource(reactor, reactor.getThreadPool(), app))
application = Application("wsgi")
TCPServer(int(os.environ["PORT"]), site).setServiceParent(application)
"""
WAYS = {
    "plugin": ["web", "--listen=tcp:{port}", "--wsgi=wsgiapp.application"],
    "app": ["--listen=tcp:{port}", "--app=wsgiapp.application"],
    "tac": ["-y", "wsgi.tac"],
}


def _told(kind: type[RunningCluster], arguments: list[str], directory: Path) -> str:
    """
    What an application says that it was told.
    """
    port = freePort()
    given = [each.format(port=port) for each in arguments]
    env = {"PORT": str(port), "PYTHONPATH": f"{Path.cwd()}:{directory}"}
    said = b""

    def asked() -> bytes:
        nonlocal said
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
                said = response.read()
        except OSError:
            pass
        return said

    with kind(given, directory, env=env):
        eventually(asked, "it answers")
    return said.decode()


@pytest.mark.parametrize("way", WAYS)
def test_whetherThereAreOthersBeside(tmp_path: Path, way: str) -> None:
    """
    With several workers there are (PEP 3333); with one nothing differs from stock.
    """
    (tmp_path / "wsgiapp.py").write_text(APP)
    (tmp_path / "wsgi.tac").write_text(TAC)
    stock = "(False, True, False)"
    if way != "app":
        assert _told(Stock, WAYS[way], tmp_path) == stock
    assert _told(RunningCluster, ["--workers=1", *WAYS[way]], tmp_path) == stock
    several = _told(RunningCluster, ["--workers=2", *WAYS[way]], tmp_path)
    assert several == "(True, True, False)"
