"""
From endpoint descriptions to what is bound.
"""

from __future__ import annotations

import pytest

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
        ("haproxy:tcp:80", ListenSpec("tcp", port=80)),
        ("unix:/a/b:mode=600", ListenSpec("unix", path="/a/b", wantPID=True)),
        ("unix:x:lockfile=0", ListenSpec("unix", path="x")),
        ("systemd:domain=INET:index=0", None),
    ],
)
def test_endpointsAreUnderstood(description: str, spec: ListenSpec | None) -> None:
    """
    What the primary binds is what the endpoint would, keys unread.
    """
    assert parseListen(description) == spec


@pytest.mark.parametrize(
    "description",
    ["", "tcp", "tcp:", "tcp:x", "tcp:70000", "8080", "tpc:80", "tcp:80:x=1"],
)
def test_malformedEndpointsAreExplained(description: str) -> None:
    """
    The error repeats what was given and shows what is accepted, in one line.
    """
    with pytest.raises(ConfigError) as raised:
        parseListen(description)
    assert f"--listen {description}:" in raised.value.asOption
    assert f"listen={description!r}:" in str(raised.value)
    assert "such as tcp:8080" in str(raised.value)
    assert "\n" not in str(raised.value)
