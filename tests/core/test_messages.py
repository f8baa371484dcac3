"""
Messages and their bytes.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis.strategies import binary, booleans, integers, text

from twisted_cluster.core import messages
from twisted_cluster.core.messages import decode, encode, stateOf
from twisted_cluster.core.socket_facts import SocketFacts
from twisted_cluster.errors import MessageError, VersionError
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
        messages.Answer(1, 2, socket=SocketFacts(2, ("::1", 80, 0, 3), [(1, 2, 3)])),
        messages.Answer(1, 2, socket=SocketFacts(1, "\0name\udcff", [(6, 11, "ff")])),
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
        b'[1, "Nothing", {}]',
        b'[1, "Unlisten", {}]',
        b'[1, "Unlisten", {"question": 1, "listener": "1"}]',
        b'[1, "Unlisten", {"question": 1, "listener": 1, "more": 2}]',
        b'[1, "Drain", {"timeout": -1}]',
        b'[1, "Answer", {"question": 1, "mode": "telepathy"}]',
        b'[1, "Limit", {"listener": 1, "willing": -1}]',
        b'[1, "Limit", {"listener": 1, "willing": true}]',
        b'[1, "Listening", {"address": 5, "port": 1, "addressType": 4}]',
        b'[1, "Listening", {"address": "::1", "port": 1, "addressType": 5}]',
        b'[1, "Listening", {"address": null, "port": "1", "addressType": 4}]',
        b'[1, "Listen", {"question": 1, "spec": {"kind": "tcp"}, "room": -1}]',
        b'[1, "Listen", {"question": 1, "spec": {"kind": "tcp", "fd": "5"}}]',
        b'[1, "Listen", {"question": 1, "spec": {"kind": "sctp"}}]',
        b'[1, "Listen", {"question": 1, "spec": {"kind": "tcp", "port": 65536}}]',
        b'[1, "Drain", {"timeout": NaN}]',
        b'[1, "Drain", {"timeout": 1e300}]',
        b'[1, "Drain", {"timeout": 1%s}]' % (b"0" * 400),
        b'[1, "Pause", {"listener": 1%s, "paused": true}]' % (b"0" * 400),
        b'[1, "Pause", {"listener": true, "paused": true}]',
        b'[1, "Limit", {"listener": 1, "willing": 9223372036854775808}]',
        b'[1, "Listen", {"question": 1, "spec": {"kind": []}}]',
        b'[1, "Unlisten"]',
        b"[]",
        b"{}",
        b"1",
        b"1" * 10000,
        b"[" * 100000,
        b'[1, "Unlisten", ' + b'{"a":' * 10000,
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
    spec = ListenSpec("unix", path="x" * messages.LONGEST_MESSAGE)
    with pytest.raises(MessageError, match=str(messages.LONGEST_MESSAGE)):
        encode(messages.Listen(1, spec))


@pytest.mark.parametrize("version", [0, 2, "1", None, 10**400])
def test_anotherVersionSaysSo(version: object) -> None:
    """
    It is not read as if it were ours, whatever its fields.
    """
    data = json.dumps([version, "Online", {}]).encode()
    with pytest.raises(VersionError, match="version"):
        decode(data)


def test_onlyTheLatestStateMatters() -> None:
    """
    States are told apart by what they are the state of; other messages are none.
    """
    paused = [messages.Pause(n, p) for n in (1, 2) for p in (True, False)]
    assert len({stateOf(message) for message in paused}) == 2
    assert stateOf(messages.Limit(1, 5)) != stateOf(paused[0])
    assert stateOf(messages.Drain(1)) == stateOf(messages.Drain(2))
    assert stateOf(messages.Answer(1)) is None
    assert stateOf(messages.Leaving()) is None
