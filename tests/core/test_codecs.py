"""
Users' messages, there and back.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis.strategies import (
    booleans,
    dictionaries,
    floats,
    integers,
    lists,
    none,
    recursive,
    sampled_from,
    text,
)

from twisted_cluster.core import codecs
from twisted_cluster.core.codecs import JSON, codecNamed, codecOf
from twisted_cluster.core.frames import ADVANCED
from twisted_cluster.errors import MessageError, NotSerializableError, SettingsError

anyText = text(max_size=20)
scalars = none() | booleans() | integers() | floats(allow_nan=False) | anyText
json = recursive(
    scalars.filter(lambda value: value not in (float("inf"), float("-inf"))),
    lambda inner: lists(inner, max_size=4) | dictionaries(anyText, inner, max_size=4),
    max_leaves=12,
)
WAYS = [
    pytest.param(JSON.encode, id="as installed"),
    pytest.param(codecs._dumpExactly, id="standard library"),
]


@given(encode=sampled_from([JSON.encode, codecs._dumpExactly]), message=json)
def test_JSONComesBack(encode: Callable[[object], bytes], message: object) -> None:
    """
    What JSON can say arrives as it was, whichever library wrote it: integers of any
    size, and text that is no proper Unicode, too.
    """
    assert JSON.decode(memoryview(encode(message))) == message


@pytest.mark.parametrize("encode", WAYS)
@pytest.mark.parametrize(
    ("given", "arrives"),
    [
        (float("nan"), None),
        ([float("inf")], [None]),
        ((1, (2,)), [1, [2]]),
        ({1: 2}, {"1": 2}),
        (UUID(int=1), str(UUID(int=1))),
        (2**70, 2**70),
    ],
)
def test_whatJSONLacksArrivesAsInNode(
    encode: Callable[[object], bytes], given: object, arrives: object
) -> None:
    """
    Floats that are no numbers become null, keys text, tuples lists; the same with and
    without the faster library.
    """
    assert JSON.decode(memoryview(encode(given))) == arrives


@pytest.fixture
def deep() -> Iterator[None]:
    """
    More recursion than C's stack is sure to have room for.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1 << 30)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("deep")
def test_whatHoldsItselfIsFoundHoweverDeepPythonMayGo() -> None:
    """
    That it is remembered takes the place of the limit.
    """
    with pytest.raises(NotSerializableError, match="Circular"):
        codecs.Codec("json", 0, codecs._dumpExactly, JSON.decode).encode(itself())


def itself() -> list[Any]:
    """
    A list that holds itself.
    """
    ring: list[Any] = []
    ring.append(ring)
    return ring


@pytest.mark.parametrize(
    "message",
    [b"bytes", {1, 2}, datetime(2026, 1, 1), lambda: 0, object(), itself()],
    ids=["bytes", "set", "date", "function", "object", "cycle"],
)
def test_JSONRefusesWhatItCannotCarry(message: object) -> None:
    """
    One line says what was given and with what codec.
    """
    with pytest.raises(NotSerializableError, match="cannot be sent as json"):
        JSON.encode(message)


def test_advancedCarriesMore() -> None:
    """
    Bytes, sets, dates with a zone, big and exact numbers, and cycles arrive.
    """
    advanced = codecNamed("advanced")
    now = datetime(2026, 1, 2, 3, 4, 5, 6, timezone.utc)
    message: list[Any] = [b"\0", {1, 2}, now, 2**80, Decimal("1.50"), UUID(int=7), {1: 2}]
    message.append(message)
    come = advanced.decode(memoryview(advanced.encode(message)))
    assert come[:-1] == message[:-1]
    assert come[-1] is come


def test_advancedCarriesWhatIsKeyAndValue() -> None:
    """
    One object in a set and elsewhere: what is shared need not be marked.
    """
    advanced = codecNamed("advanced")
    peer = ("127.0.0.1", 8080)
    come = advanced.decode(advanced.encode({"from": peer, "seen": {peer}}))
    assert come == {"from": list(peer), "seen": {peer}}


@pytest.mark.parametrize("message", [lambda: 0, object(), datetime(2026, 1, 1)])
def test_advancedRefusesTheRest(message: object) -> None:
    """
    What is no data is refused; a date without a zone too.
    """
    with pytest.raises(NotSerializableError, match="cannot be sent as advanced"):
        codecNamed("advanced").encode(message)


@pytest.mark.parametrize("data", [b"", b"{", b" {", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("flags", [0, ADVANCED])
def test_garbageIsNoMessage(data: bytes, flags: int) -> None:
    """
    Whatever a hostile process sends, decoding ends with an error of ours.
    """
    if flags and data in (b"{", b" {"):
        data = b"\x9b" + b"\xff" * 8
    with pytest.raises(MessageError):
        codecOf(flags).decode(memoryview(data))


def test_unknownCodecsAreNamed() -> None:
    """
    pickle is none of them.
    """
    with pytest.raises(SettingsError, match="'pickle': give 'json' or 'advanced'"):
        codecNamed("pickle")
