"""
What a long JSON text becomes in memory.
"""

from __future__ import annotations

import json

import pytest

from twisted_cluster.core import weighing
from twisted_cluster.core.codecs import JSON
from twisted_cluster.core.weighing import isTooHeavy, isTooHeavyCBOR
from twisted_cluster.errors import MessageError, NotSerializableError


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What is long, and heavy, is so for a test.
    """
    monkeypatch.setattr(weighing, "LIGHT", 1000)
    monkeypatch.setattr(weighing, "HEAVIEST", 1_000_000)
    monkeypatch.setattr(weighing, "PIECE", 300)


@pytest.mark.parametrize(
    "value", [[], {}, [0], 1.5, "x", {"a": 1}], ids=lambda value: json.dumps(value)
)
def test_manyValuesAreHeavy(value: object) -> None:
    """
    Whatever they are; few are not.
    """
    assert isTooHeavy(json.dumps([value] * 20_000).encode())
    assert not isTooHeavy(json.dumps([value] * 2000).encode())


@pytest.mark.parametrize("text", ["a,b [c] {d} ", "\\", '"', "\n"])
def test_textsAreNoHeavierThanTheyAre(text: str) -> None:
    """
    However much in them looks like values.
    """
    long = {"name": text * 20_000, "more": [text, 1]}
    assert not isTooHeavy(memoryview(json.dumps(long).encode()))


def test_wideCharactersWidenAll() -> None:
    """
    One that takes four bytes makes all of its text take as many; while that is decoded it
    is there three times.
    """
    for last, width in (("", 1), ("\xe4", 2), ("\u20ac", 2), ("\U0001f600", 4)):
        for held, isHeavy in ((900_000, False), (1_100_000, True)):
            text = '"' + "x" * (held // (1 + 2 * width)) + last + '"'
            assert isTooHeavy(text.encode()) is isHeavy
    assert isTooHeavy(b'"' + b"x" * 300_000 + b'\\ud83d\\ude00"')


def test_ofCBORValuesAreCounted() -> None:
    """
    Not bytes, nor texts, whatever is in them; what is cut short is no more than it is.
    """
    assert isTooHeavyCBOR(b"\x9f" + b"\x80" * 20_000 + b"\xff")
    assert isTooHeavyCBOR(b"\x9f" + b"\x19\x01\x00" * 20_000 + b"\xff")
    for kind in (b"\x59", b"\x79"):
        assert not isTooHeavyCBOR(kind + (30_000).to_bytes(2, "big") + bytes(30_000))
        assert not isTooHeavyCBOR((kind + b"\x75\x30" + bytes(30_000)) * 10)
        assert not isTooHeavyCBOR(kind + b"\xff\xff" + bytes(30_000))
    assert not isTooHeavyCBOR(memoryview(b"\x80" * 9000))


def test_ofCBORWideTextsAreWide() -> None:
    """
    But not bytes, which stay what they are.
    """
    for kind, isHeavy in ((b"\x5a", False), (b"\x7a", True)):
        for last in (b"x", "\U0001f600".encode()):
            text = bytes(250_000) + last
            data = kind + len(text).to_bytes(4, "big") + text
            assert isTooHeavyCBOR(data) is (isHeavy and len(last) > 1)


def test_whatIsTooHeavyIsNeitherSentNorHeard() -> None:
    """
    Who sends it is told.
    """
    heavy = [[]] * 20_000
    with pytest.raises(NotSerializableError, match="may take more than"):
        JSON.encode(heavy)
    with pytest.raises(MessageError, match="may take more than"):
        JSON.decode(json.dumps(heavy).encode())
