"""
Servers of Twisted: C{twistd cluster}, and twistd without it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from machine import freePort

from contestants.entry import BACKLOG, FOLDER, HERE, TWISTD, Contestant
from contestants.found import debians

TOP = HERE.parents[1]
# For trees in which the dispatch cannot be asked for yet.
BEFORE_DISPATCH = {"handoff": [], "shared": ["--policy=none"]}
HAPROXY = """
global
    maxconn 4096
defaults
    mode {mode}
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend all
    bind 127.0.0.1:{port} backlog {backlog}
    default_backend those
backend those
    balance roundrobin
{servers}
"""


def clustered(
    name: str, app: str, port: int, workers: int, options: Sequence[str] = ()
) -> Contestant:
    """
    C{twistd cluster}, as it is if nothing else is asked for.
    """
    command = [
        *TWISTD,
        "cluster",
        *options,
        f"--workers={workers}",
        f"--app=apps.{app}",
        "--drain-timeout=1",
        "--listen",
        f"tcp:{port}:interface=127.0.0.1",
    ]
    mark = b"TWISTED_CLUSTER_PATH"
    return Contestant(name, port, [command], children=workers, mark=mark)


def alone(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    C{twistd cluster} with one worker, handing over: to be compared with one process.
    """
    return dispatched(name, app, port, 1, "handoff")


@cache
def _knowsDispatch() -> bool:
    """
    Whether C{twistd cluster} has the option.
    """
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    asked = [*TWISTD, "cluster", "--help"]
    said = subprocess.run(asked, env=environment, cwd=TOP, capture_output=True)
    return b"--dispatch" in said.stdout


def dispatched(
    name: str, app: str, port: int, workers: int, dispatch: str = ""
) -> Contestant:
    """
    C{twistd cluster --dispatch}.

    @param dispatch: Which; nothing: what the name ends with.
    """
    dispatch = dispatch or name.removeprefix("cluster-")
    if _knowsDispatch():
        return clustered(name, app, port, workers, [f"--dispatch={dispatch}"])
    options = BEFORE_DISPATCH.get(dispatch)
    made = clustered(name, app, port, workers, options or ())
    missing = "not there: this tree has no --dispatch" if options is None else ""
    return replace(made, missing=missing)


def withPolicy(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    C{twistd cluster} with a policy; the name is what C{--policy} gets.
    """
    options = [f"--policy={name}"]
    if name.startswith("route:"):
        half = workers // 2
        options += [f"--group=one=1-{half}", f"--group=two={half + 1}-{workers}"]
    return clustered(name, app, port, workers, options)


def stock(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    The same on Twisted's own reactor.
    """
    return clustered(name, app, port, 1, ["--reactor=epoll-stock"])


def _plain(*options: str) -> list[str]:
    """
    @return: The command of one process without a cluster.
    """
    return [*TWISTD, *options, "--no_save", "-y", str(HERE / "plain.tac")]


def _told(app: str, port: int) -> dict[str, str]:
    """
    @return: What it is to serve, and where.
    """
    return {"BENCHMARK_APP": f"apps.{app}", "BENCHMARK_PORT": str(port)}


def plain(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    One twistd process.
    """
    return Contestant(name, port, [_plain()], environment=_told(app, port))


def lean(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    The same on the reactor that workers have.
    """
    command = _plain("--reactor=lean")
    return Contestant(name, port, [command], environment=_told(app, port))


def sharded(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    C{workers} of them on one port, each with a socket of its own.
    """
    environment = {**_told(app, port), "BENCHMARK_SHARDED": "1"}
    return Contestant(name, port, [_plain()] * workers, environment=environment)


def proxied(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    C{workers} of them behind HAProxy, each on a port of its own.
    """
    ports = [freePort() for _ in range(workers)]
    servers = [f"    server s{each} 127.0.0.1:{each}" for each in ports]
    known = {"mode": "tcp" if app == "raw" else "http", "servers": "\n".join(servers)}
    text = HAPROXY.format(port=port, backlog=BACKLOG, **known)
    program, missing = debians("haproxy", "haproxy")
    commands = [[program, "-f", f"{FOLDER}/haproxy.cfg"]]
    for each in ports:
        told = [f"{key}={value}" for key, value in _told(app, each).items()]
        commands.append(["env", *told, *_plain()])
    files = {"haproxy.cfg": text}
    return Contestant(name, port, commands, before=1, files=files, missing=missing)
