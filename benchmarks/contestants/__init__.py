"""
The servers that are compared: name, command, and how many processes to expect.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

HERE = os.path.dirname(os.path.abspath(__file__))
TWISTD = [
    sys.executable,
    "-c",
    "from twisted.scripts.twistd import run; run()",
    "-n",
    "--pidfile=",
]


@dataclass(frozen=True)
class Contestant:
    """
    How to start one server.

    @ivar name: What the table and C{--only} call it.
    @ivar command: The command line of each of its main processes.
    @ivar port: Where it will listen, on 127.0.0.1.
    @ivar mains: How many main processes to start.
    @ivar children: How many workers the main process is to have; 0: it serves itself.
    @ivar environment: Added to ours.
    """

    name: str
    command: list[str]
    port: int
    mains: int = 1
    children: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


def clustered(name: str, app: str, port: int, workers: int, *options: str) -> Contestant:
    """
    C{twistd cluster}.
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
    return Contestant(name, command, port, children=workers)


def node(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    Node's cluster module; the name's end is its scheduling policy.
    """
    script = os.path.join(HERE, "node_cluster.js")
    policy = name.removeprefix("node-")
    executable = shutil.which("node") or "node"
    command = [executable, script, policy, app, str(port), str(workers)]
    return Contestant(name, command, port, children=workers)


def plain(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    One twistd process, or C{workers} of them on one port, without a cluster.
    """
    sharded = name == "sharded"
    environment = {"BENCHMARK_APP": f"apps.{app}", "BENCHMARK_PORT": str(port)}
    if sharded:
        environment["BENCHMARK_SHARDED"] = "1"
    command = [*TWISTD, "--no_save", "-y", os.path.join(HERE, "plain.tac")]
    if name == "lean":
        command.insert(len(TWISTD), "--reactor=lean")
    mains = workers if sharded else 1
    return Contestant(name, command, port, mains=mains, environment=environment)


def withPolicy(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    C{twistd cluster} with a policy; the name is what C{--policy} gets.
    """
    usual = clustered(name, app, port, workers)
    options = [f"--policy={name}"]
    if name.startswith("route:"):
        half = workers // 2
        options += [f"--group=one=1-{half}", f"--group=two={half + 1}-{workers}"]
    at = usual.command.index("cluster") + 1
    command = [*usual.command[:at], *options, *usual.command[at:]]
    return replace(usual, command=command)


CONTESTANTS = {
    "cluster": clustered,
    "node-rr": node,
    "node-none": node,
    "plain": plain,
    "lean": plain,
    "sharded": plain,
    "cluster-1": lambda name, app, port, workers: clustered(name, app, port, 1),
    "cluster-1-stock": lambda name, app, port, workers: clustered(
        name, app, port, 1, "--reactor=epoll-stock"
    ),
}


def contestant(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    @param name: A key of L{CONTESTANTS}, or a policy.
    @param app: C{raw}, C{web} or C{named}.
    @param port: A free port.
    @param workers: How many workers, where it has any.
    """
    make = CONTESTANTS.get(name, withPolicy)
    return make(name, app, port, workers)
