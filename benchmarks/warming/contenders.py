"""
The servers that are compared: how each is started.
"""

from __future__ import annotations

import shutil

from contestants.entry import BACKLOG, TWISTD, Contestant
from contestants.found import nodeVersion, python
from harness import HERE

APPS = HERE / "warming" / "apps"
# What importing the application costs besides, by its name.
IMPORTING = {"page": "", "works": "works 0.2", "waits": "waits 0.2"}


def cluster(warm: str, port: int, workers: int, step: str) -> list[str]:
    """
    C{twistd cluster --warm}.
    """
    given = [f"--warm={warm}", f"--workers={workers}", "--app=warming.apps.page.site"]
    given += [f"--reload-step={step}", "--reload-trial=0", "--drain-timeout=1"]
    listen = f"tcp:{port}:interface=127.0.0.1"
    return [*TWISTD, "cluster", *given, "--control=none", "--listen", listen]


def gunicorn(preload: bool, port: int, workers: int) -> list[str]:
    """
    gunicorn, whose workers share one socket.
    """
    given = [f"--workers={workers}", f"--bind=127.0.0.1:{port}", f"--backlog={BACKLOG}"]
    given += ["--worker-class=gthread", "--threads=16", "--no-control-socket"]
    given += [f"--config={APPS / 'hooks.py'}", *["--preload"] * preload]
    return [python()[0], "-m", "gunicorn", "warming.apps.on_wsgi:app", *given]


def node(port: int, workers: int) -> list[str]:
    """
    Node's cluster module.
    """
    program = shutil.which("node") or "node"
    return [program, str(APPS / "on_node.js"), str(port), str(workers)]


NAMES = ["cluster-no", "cluster-twisted", "cluster-app", "gunicorn", "gunicorn-preload",
         "node"]  # fmt: skip


def contender(name: str, app: str, port: int, workers: int, step: str) -> Contestant:
    """
    @param name: One of L{NAMES}.
    @param app: A key of L{IMPORTING}.
    @param step: How many workers a reload renews at a time, where that can be said.
    """
    kind, _, how = name.partition("-")
    missing = ""
    if kind == "cluster":
        command = cluster(how, port, workers, step)
    elif kind == "gunicorn":
        command, missing = gunicorn(how == "preload", port, workers), python()[1]
    else:
        command = node(port, workers)
        missing = "" if nodeVersion() else "not there: Node 20 or newer, as `node`"
    environment = {"BENCHMARK_IMPORT": IMPORTING[app]}
    return Contestant(name, port, [command], children=workers, environment=environment,
                      missing=missing)  # fmt: skip
