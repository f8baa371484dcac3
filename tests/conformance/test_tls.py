"""
TLS sessions: row C85 of the catalogue.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import Script
from tests.process.certificates import makeCertificate

pytestmark = pytest.mark.process


def resumptions(port: int, version: ssl.TLSVersion) -> list[bool]:
    """
    Whether each of several clients could go on with the first one's session.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = version
    found, session = [], None
    for _ in range(4):
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            with context.wrap_socket(plain, session=session) as client:
                while client.recv(100):
                    pass
                found.append(bool(client.session_reused))
                session = session or client.session
    return found


@row(
    "C85",
    behaviour="A TLS session is resumed by any worker.",
    ours="no session is resumed, as with one process",
    difference="Twisted's TLS servers offer neither a session cache nor tickets.",
)
def test_C85_tlsSessionsAreResumedAsByAStockServer(tmp_path: Path) -> None:
    """
    A stock server and a cluster resume alike: not at all.
    """
    makeCertificate(tmp_path / "server.pem")
    with Script(
        """
        from tests.conformance.serving import *
        from twisted.internet.ssl import PrivateCertificate

        def listen():
            with open("server.pem") as file:
                certificate = PrivateCertificate.loadPEM(file.read())
            factory = Factory.forProtocol(Greeter)
            return reactor.listenSSL(0, factory, certificate.options(), interface=LOCAL)

        if cluster.isWorker:
            listen()
        else:
            @play
            async def scene():
                workers, ports = await up(2)
                stock = listen().getHost().port
                say("ports", stock=stock, port=ports[0])
                await Deferred()

        reactor.run()
        """,
        tmp_path,
    ) as script:
        ports = script.waitFor("ports")
        for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
            stock = resumptions(ports["stock"], version)
            assert resumptions(ports["port"], version) == stock == [False] * 4
        script.process.terminate()
