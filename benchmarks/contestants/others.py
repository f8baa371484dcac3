"""
Servers of others.
"""

from __future__ import annotations

import shutil

from contestants.entry import BACKLOG, FOLDER, HERE, Contestant
from contestants.found import debians, nodeVersion, python

NGINX = """
daemon off;
worker_processes {workers};
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    default_type text/html;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport backlog={backlog};
        location / {{ return 200 "hello, world\\n"; }}
    }}
}}
"""
HAPROXY = """
global
    maxconn 4096
    nbthread {workers}
defaults
    mode http
    timeout client 30s
frontend all
    bind 127.0.0.1:{port} backlog {backlog}
    http-request return status 200 content-type text/html string "hello, world\\n"
"""


def node(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    Node's cluster module; the name's end is how it spreads connections.
    """
    how = name.removeprefix("node-")
    command = [shutil.which("node") or "node", str(HERE / "node_cluster.js"), how]
    command += [app, str(port), str(workers)]
    missing = _missingNode(how)
    return Contestant(name, port, [command], children=workers, missing=missing)


def _missingNode(how: str) -> str:
    version = nodeVersion()
    if not version:
        return "not there: Node 20 or newer, as `node`"
    hasReusePort = version >= (23, 1) or (22, 12) <= version < (23,)
    if how == "reusePort" and not hasReusePort:
        return f"not there: Node 22.12 or 23.1, this is {version[0]}.{version[1]}"
    return ""


def nginx(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    nginx, each worker with a socket of its own.
    """
    text = NGINX.format(workers=workers, folder=FOLDER, port=port, backlog=BACKLOG)
    program, missing = debians("nginx", "nginx-light")
    return Contestant(
        name,
        port,
        [[program, "-c", f"{FOLDER}/nginx.conf", "-p", FOLDER]],
        children=workers,
        files={"nginx.conf": text},
        missing=missing,
    )


def haproxy(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    HAProxy, which accepts for its threads, and answers itself.
    """
    text = HAPROXY.format(workers=workers, port=port, backlog=BACKLOG)
    program, missing = debians("haproxy", "haproxy")
    return Contestant(
        name,
        port,
        [[program, "-f", f"{FOLDER}/haproxy.cfg"]],
        files={"haproxy.cfg": text},
        missing=missing,
    )


def gunicorn(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    gunicorn: its workers share one socket.
    """
    program, missing = python()
    command = [program, "-m", "gunicorn", "on_wsgi:app", f"--workers={workers}"]
    command += [f"--bind=127.0.0.1:{port}", f"--backlog={BACKLOG}", f"--chdir={HERE}"]
    command += ["--worker-class=gthread", "--threads=16", "--keep-alive=30"]
    return Contestant(name, port, [command], children=workers, missing=missing)


def granian(name: str, app: str, port: int, workers: int) -> Contestant:
    """
    granian: its workers share one socket.
    """
    program, missing = python()
    command = [program, "-m", "granian", "on_asgi:app", f"--workers={workers}"]
    command += [f"--port={port}", f"--backlog={BACKLOG}", f"--working-dir={HERE}"]
    command += ["--interface=asgi", "--no-access-log", "--log-level=warning"]
    # Its children have its own command line, but for one that helps.
    mark = b"on_asgi:app"
    return Contestant(name, port, [command], children=workers, mark=mark, missing=missing)
