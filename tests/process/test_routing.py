"""
Requests to groups of workers, by what the first bytes say.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from tests.process.certificates import makeCertificate
from tests.process.cluster import RunningCluster, ask, freePort, running

pytestmark = pytest.mark.process
FIXTURES = Path(__file__).parent / "fixtures"
GROUPS = ["--group=api=1", "--group=web=2"]


def get(port: int, path: str, host: str, before: bytes = b"") -> int:
    """
    Who answers.
    """
    request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()
    return int(ask(port, before + request).rpartition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    ("policy", "api", "web"),
    [
        ("route:by=path,/api/*=api,*=web", ("/api/x", "a"), ("/x", "a")),
        ("route:by=host,api.*=api", None, None),
        ("route:by=host,api.org=api,*.org=web", ("/", "api.org"), ("/", "b.org")),
    ],
)
def test_requestsReachTheirGroup(
    policy: str, api: tuple[str, str] | None, web: tuple[str, str] | None
) -> None:
    """
    By path and by host, over plain twisted.web.
    """
    port = freePort()
    arguments = [f"--policy={policy}", *GROUPS, "--app=kinds.Page"]
    arguments.append(f"--listen=tcp:{port}")
    if api is None or web is None:
        with RunningCluster(["--workers=2", *arguments], FIXTURES) as cluster:
            assert cluster.wait() == 1
            assert "api.* matches no host" in cluster.output()
        return
    with running(arguments, FIXTURES) as cluster:
        one, two = cluster.workerPids()
        for _ in range(5):
            assert (get(port, *api), get(port, *web)) == (one, two)


def test_groupsThatAreNotThereAreSaid() -> None:
    """
    Before anything is started.
    """
    arguments = ["--workers=2", "--policy=route:by=path,/a=other", *GROUPS]
    arguments += ["--app=kinds.Page", "--listen=tcp:0"]
    with RunningCluster(arguments, FIXTURES) as cluster:
        assert cluster.wait() == 1
        assert "no worker is in group 'other'" in cluster.output()
        assert "Traceback" not in cluster.output()


def test_serverNamesReachTheirGroup(tmp_path: Path) -> None:
    """
    TLS ends in the worker that the name in the ClientHello is routed to.
    """
    pem = tmp_path / "server.pem"
    makeCertificate(pem)
    port = freePort()
    arguments = ["--policy=route:by=sni,api.example=api,*.example=web", *GROUPS]
    arguments += ["--app=kinds.Page", f"--listen=ssl:{port}:privateKey={pem}"]
    with running(arguments, FIXTURES) as cluster:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        served = []
        for name in ("api.example", "b.example") * 3:
            with socket.create_connection(("127.0.0.1", port), 8.0) as plain:
                with context.wrap_socket(plain, server_hostname=name) as client:
                    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    answer = b"".join(iter(lambda c=client: c.recv(4096), b""))
                    served.append(int(answer.rpartition(b"\r\n\r\n")[2]))
        assert served == cluster.workerPids() * 3


def test_proxyHeadersReachTheApplication() -> None:
    """
    The balancer's client decides, and the worker still reads the header.
    """
    port = freePort()
    arguments = ["--policy=sticky:by=address,proxy=yes", "--app=kinds.Page"]
    arguments.append(f"--listen=haproxy:tcp:{port}")
    with running(arguments, FIXTURES, 4):
        homes = {}
        for n in range(1, 20):
            header = f"PROXY TCP4 10.0.0.{n} 10.0.0.99 1 80\r\n".encode()
            homes[n] = {get(port, "/", "a", header) for _ in range(3)}
        assert all(len(found) == 1 for found in homes.values())
        assert len(set.union(*homes.values())) > 1
