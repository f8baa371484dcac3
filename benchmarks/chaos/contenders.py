"""
The servers that are compared.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from contestants.entry import TWISTD
from contestants.found import installedNginx, installedPython

from chaos.contender import Contender

NGINX = """
daemon off;
master_process on;
worker_processes {workers};
pid {directory}/pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "$pid\\n{filling}\\nend\\n"; }}
    }}
}}
"""


class Ours(Contender):
    """
    C{twistd cluster}.
    """

    name = "twistd cluster"
    app = "on_twisted.py"
    scales = dispatches = True
    recycling = ("--max-served=300",)

    def command(self) -> list[str]:
        listen = f"--listen=tcp:{self.port}:interface=127.0.0.1"
        given = [f"--workers={self.count}", "--app=service.site", listen]
        return [*TWISTD, "cluster", *given, *self.options]

    def _serves(self, pid: int) -> bool:
        """
        Whether a child is a worker: there are others.
        """
        try:
            return b"TWISTED_CLUSTER_PATH" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def saidCut(self) -> int:
        log = (self.directory / "log").read_text(errors="replace")
        return sum(map(int, re.findall(r"died of SIGKILL.*; (\d+) connection", log)))


class Gunicorn(Contender):
    name = "gunicorn"
    app = "on_wsgi.py"
    scales = True
    recycling = ("--max-requests=300", "--max-requests-jitter=100")

    def command(self) -> list[str]:
        given = [f"--workers={self.count}", "--worker-class=gthread", "--threads=16"]
        listen = f"--bind=127.0.0.1:{self.port}"
        program = [installedPython(), "-m", "gunicorn", "service:app"]
        return [*program, *given, listen, *self.options]


class Uvicorn(Contender):
    name = "uvicorn"
    scales = True
    recycling = ("--limit-max-requests=300",)

    def command(self) -> list[str]:
        given = [f"--workers={self.count}", f"--port={self.port}", "--no-access-log"]
        return [installedPython(), "-m", "uvicorn", "service:app", *given, *self.options]


class Granian(Contender):
    name = "granian"

    def command(self) -> list[str]:
        given = [f"--workers={self.count}", f"--port={self.port}", "--interface=asgi"]
        program = [installedPython(), "-m", "granian", "service:app"]
        return [*program, *given, "--respawn-failed-workers", *self.options]


class Nginx(Contender):
    name = "nginx"
    app = "nginx.conf"

    def command(self) -> list[str]:
        return [installedNginx(), "-c", str(self.service), "-p", str(self.directory)]

    def good(self) -> None:
        known = {"workers": self.count, "directory": self.directory, "port": self.port}
        self._put(NGINX.format(filling="." * 1000, **known).encode())


class Node(Contender):
    name = "Node"
    app = "on_node.js"

    def command(self) -> list[str]:
        program = [shutil.which("node") or "node", str(self.service)]
        return [*program, str(self.port), str(self.count)]


CONTENDERS = {each.name: each for each in (Ours, Gunicorn, Uvicorn, Granian, Nginx, Node)}
