"""
From endpoint descriptions to what is bound.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from twisted.internet.endpoints import _SystemdParser
from twisted.python.systemd import ListenFDs

from twisted_cluster.errors import ConfigError
from twisted_cluster.events import ListenSpec
from twisted_cluster.listening import parseListen


@pytest.mark.parametrize(
    ("description", "spec"),
    [
        ("tcp:8080", ListenSpec("tcp", port=8080)),
        ("tcp:port=8080:interface=127.0.0.1", ListenSpec("tcp", "127.0.0.1", 8080)),
        ("tcp:80:interface=\\:\\:1", ListenSpec("tcp", "::1", 80)),
        ("ssl:443:privateKey=nowhere.pem", ListenSpec("tcp", port=443)),
        ("tcp:80:interface=localhost", ListenSpec("tcp", "127.0.0.1", 80)),
        ("tcp6:80", ListenSpec("tcp", "::", 80)),
        ("udp:53:interface=127.0.0.1", ListenSpec("udp", "127.0.0.1", 53)),
        ("haproxy:tcp:80", ListenSpec("tcp", port=80)),
        ("unix:/a/b:mode=600", ListenSpec("unix", path="/a/b", wantPID=True)),
        ("unix:x:lockfile=0", ListenSpec("unix", path="x")),
    ],
)
def test_endpointsAreUnderstood(description: str, spec: ListenSpec | None) -> None:
    """
    What the primary binds is what the endpoint would, keys unread.
    """
    assert parseListen(description) == spec


@pytest.mark.parametrize(
    "description",
    [
        *("", "tcp", "tcp:", "tcp:x", "tcp:70000", "8080", "tpc:80", "tcp:80:x=1"),
        *("haproxy", "haproxy:", "haproxy:tcp:70000", "haproxy:haproxy:"),
    ],
)
def test_malformedEndpointsAreExplained(description: str) -> None:
    """
    The error repeats what was given and shows what is accepted, in one line.
    """
    with pytest.raises(ConfigError) as raised:
        parseListen(description)
    given = description or "''"
    assert f"--listen {given}:" in raised.value.asOption
    assert f"listen={description!r}:" in str(raised.value)
    assert "such as tcp:8080" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("description", ["udp", "udp:", "udp:x", "udp:70000"])
def test_whoWantsDatagramsIsShownHow(description: str) -> None:
    """
    And not how connections are had.
    """
    with pytest.raises(ConfigError, match="such as udp:53 or ") as raised:
        parseListen(description)
    assert "tcp" not in str(raised.value)


@pytest.mark.parametrize(
    ("description", "why"),
    [
        ("unix:/run/x:mode=9", "mode '9' is not an octal number"),
        ("unix:/run/x:lockfile=no", "lockfile 'no' is not a number"),
        ("unix:", "it names no path"),
        ("tcp:80:backlog=x", "backlog 'x' is not a number"),
        ("fd:x", "the descriptor 'x' is not a number"),
        ("fd:77777", "descriptor 77777 is not open"),
    ],
)
def test_whatIsWrongIsSaidInItsOwnTerms(description: str, why: str) -> None:
    """
    Not in those of Python.
    """
    with pytest.raises(ConfigError) as raised:
        parseListen(description)
    assert f": {why}; give an endpoint" in str(raised.value)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """
    What systemd has opened: C{web}, C{sock}, and C{dns}, for datagrams.
    """
    with ExitStack() as stack:
        web = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        sock = stack.enter_context(socket.socket(socket.AF_UNIX))
        sock.bind("")
        sock.listen()
        dns = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        numbers = [one.fileno() for one in (web, sock, dns)]
        known = ListenFDs(numbers, ["web", "sock", "dns"])
        monkeypatch.setattr(_SystemdParser, "_sddaemon", known)
        yield numbers


def test_whatSystemdHasOpened(opened: list[int]) -> None:
    """
    By its index, by its name, or by its number.
    """
    web, sock, _ = opened
    for description in ("systemd:INET:0", "systemd:domain=INET:name=web", f"fd:{web}"):
        assert parseListen(description) == ListenSpec("tcp", fd=web)
    for description in ("systemd:domain=UNIX:index=1", f"fd:{sock}"):
        assert parseListen(description) == ListenSpec("unix", fd=sock)


@pytest.mark.parametrize(
    ("description", "says"),
    [
        ("systemd:domain=INET:index=3", "systemd has opened 3, counted from 0"),
        ("systemd:domain=INET:name=x", r"of that name, but \['dns', 'sock', 'web'\]"),
        ("systemd:domain=INET", "give either index=, or name="),
        ("systemd:domain=INET:index=0:name=web", "give either index=, or name="),
        ("systemd:domain=X:index=0", "there is no domain 'X'"),
        ("systemd:domain=INET:index=1", "is a unix port"),
        ("systemd:domain=INET:name=dns", "is no socket that listens for connections"),
        ("fd:1", "0 to 2 are the standard streams"),
        ("fd:987654", "descriptor 987654 is not open"),
        ("fd:x", "is not a number"),
    ],
)
def test_whatIsNotOpen(opened: list[int], description: str, says: str) -> None:
    """
    In one line.
    """
    with pytest.raises(ConfigError, match=says):
        parseListen(description)


def test_nothingIsOpen() -> None:
    """
    The process was not started by systemd.
    """
    with pytest.raises(ConfigError, match="opened nothing for this process"):
        parseListen("systemd:domain=INET:index=0")
    file = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(ConfigError, match="Socket operation on non-socket"):
        parseListen(f"fd:{file}")
    os.close(file)
