"""
The servers that are compared.
"""

from __future__ import annotations

from contestants.entry import Contestant
from contestants.others import granian, gunicorn, haproxy, nginx, node
from contestants.twisted_ones import (
    alone,
    clustered,
    dispatched,
    lean,
    plain,
    proxied,
    sharded,
    stock,
    withPolicy,
)

CONTESTANTS = {
    "cluster": clustered,
    "cluster-handoff": dispatched,
    "cluster-shared": dispatched,
    "cluster-kernel": dispatched,
    "cluster-1": alone,
    "cluster-1-stock": stock,
    "plain": plain,
    "lean": lean,
    "sharded": sharded,
    "proxied": proxied,
    "node-rr": node,
    "node-none": node,
    "node-reusePort": node,
    "nginx": nginx,
    "haproxy": haproxy,
    "gunicorn": gunicorn,
    "granian": granian,
}


def contestant(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    @param name: A key of L{CONTESTANTS}, or a policy.
    @param app: What of C{apps} it serves.
    @param port: A free port.
    @param workers: How many workers, where it has any.
    """
    return CONTESTANTS.get(name, withPolicy)(name, app, port, workers)
