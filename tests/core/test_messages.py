"""
Messages and their bytes.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import binary, booleans, integers, text

from twisted_cluster.core import messages
from twisted_cluster.core.messages import decode, encode
from twisted_cluster.errors import MessageError
from twisted_cluster.events import ListenSpec


@given(text(max_size=99), integers(0, 65535), text(max_size=99), booleans())
def test_listenComesBackAsItWent(
    interface: str, port: int, path: str, wantPID: bool
) -> None:
    """
    What is decoded is what was encoded, any text included.
    """
    spec = ListenSpec("tcp", interface, port, path, wantPID=wantPID, name=path, fd=port)
    message = messages.Listen(7, spec, 1, "/somewhere", port)
    assert decode(encode(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        messages.Answer(1, 2, 98, "busy"),
        messages.Answer(1, 2, mode="group"),
        messages.Limit(3, None),
        messages.Limit(3, 0),
        messages.Listening("127.0.0.1", 80, 4),
        messages.Listening(None, 80, 6, 17),
        messages.Listening("/tmp/socket", -1, -1),
        messages.Listening("::1", 53, "udp6", -1),
        messages.Unlisten(1, 3),
        messages.Pause(3, True),
        messages.Online(),
        messages.Room(),
        messages.Leaving(),
        messages.Drain(1.5),
    ],
)
def test_everyMessageComesBack(message: messages.Message) -> None:
    """
    Each kind survives the trip.
    """
    assert decode(encode(message)) == message


@given(binary(max_size=200))
def test_rubbishIsRefused(data: bytes) -> None:
    """
    Bytes that are no message raise MessageError and nothing else.
    """
    with pytest.raises(MessageError):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b'["Nothing", {}]',
        b'["Unlisten", {}]',
        b'["Unlisten", {"question": 1, "listener": "1"}]',
        b'["Unlisten", {"question": 1, "listener": 1, "more": 2}]',
        b'["Drain", {"timeout": -1}]',
        b'["Answer", {"question": 1, "mode": "telepathy"}]',
        b'["Limit", {"listener": 1, "willing": -1}]',
        b'["Limit", {"listener": 1, "willing": true}]',
        b'["Listening", {"address": 5, "port": 1, "addressType": 4}]',
        b'["Listening", {"address": "::1", "port": 1, "addressType": 5}]',
        b'["Listening", {"address": null, "port": "1", "addressType": 4}]',
        b'["Listen", {"question": 1, "spec": {"kind": "tcp"}, "room": -1}]',
        b'["Listen", {"question": 1, "spec": {"kind": "tcp", "fd": "5"}}]',
        b'["Listen", {"question": 1, "spec": {"kind": "sctp"}}]',
        b'["Listen", {"question": 1, "spec": {"kind": "tcp", "port": 65536}}]',
        b"[" * 100000,
    ],
)
def test_wrongFieldsAreRefused(data: bytes) -> None:
    """
    Names, fields, types and ranges are checked.
    """
    with pytest.raises(MessageError):
        decode(data)


def test_longMessageIsRefused() -> None:
    """
    The size has a limit, and the error says both.
    """
    spec = ListenSpec("unix", path="x" * messages.LONGEST)
    with pytest.raises(MessageError, match=str(messages.LONGEST)):
        encode(messages.Listen(1, spec))
