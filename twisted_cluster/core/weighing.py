"""
What a long message takes in memory, before it is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# In bytes: half of a small machine's. Some 5 million values, or 170 MiB of text; a list
# of 2 bytes takes 72.
HEAVIEST = 1 << 29
# What is shorter, in bytes, cannot be too heavy by far.
LIGHT = 1 << 22
# A value takes so many at most, beside its text; each begins with one of these marks.
VALUE = 100
# While a text is decoded there is all of it, and each text in it once more.
COPIES = 2
MARKS = (b",", b"[", b"{")
# How UTF-8 begins what takes four bytes; an escape may stand for such.
WIDEST = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4", b"\\u")
# So much is looked at at a time, in bytes: it is copied for that.
PIECE = 1 << 20
# CBOR's kinds of what is as long as it says: bytes, and texts.
TEXTS = (2, TEXT := 3)
# With more quotation marks texts are not told from what is between them.
QUOTES = 200_000
_texts = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def isTooHeavy(json: bytes | memoryview) -> bool:
    """
    Whether a JSON text may take more than L{HEAVIEST} bytes of memory, with its own,
    while it is decoded. Where it holds many texts, marks within them count as values.
    """
    if len(json) < LIGHT:
        return False
    width, values, quotes = 1, 0, 0
    for piece in _piecesOf(json):
        width = max(width, _widthOf(piece))
        values += _valuesIn(piece)
        quotes += piece.count(b'"')
    text = (1 + COPIES * width) * len(json)
    if text + values * VALUE > HEAVIEST and quotes <= QUOTES:
        values = sum(map(_valuesIn, _piecesOf(_texts.sub(b"", json))))
    return text + values * VALUE > HEAVIEST


def isTooHeavyCBOR(data: bytes | memoryview) -> bool:
    """
    The same of CBOR, of which a list takes one byte. What is none is not too heavy.
    """
    if len(data) * VALUE <= HEAVIEST:
        return False
    view = memoryview(data)
    left, at, size = HEAVIEST - 2 * len(data), 0, len(data)
    while at < size and left > 0:
        head = data[at]
        at += 1
        left -= VALUE
        length = head & 31
        if 24 <= length <= 27:
            count = 1 << (length - 24)
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        if head >> 5 in TEXTS and head & 31 < 28:
            # That of a short one is in its value.
            if head >> 5 == TEXT and length > VALUE // 4:
                left -= length * (_widest(view[at : at + length]) - 1)
            at += length
    return left <= 0


def _widest(text: memoryview) -> int:
    return max(map(_widthOf, _piecesOf(text)), default=1)


def _piecesOf(json: bytes | memoryview) -> Iterator[bytes]:
    view = memoryview(json)
    for start in range(0, len(view), PIECE):
        yield bytes(view[start : start + PIECE])


def _valuesIn(piece: bytes) -> int:
    return sum(map(piece.count, MARKS))


def _widthOf(piece: bytes) -> int:
    """
    How many bytes one byte may become: Python holds a text in characters that are all as
    wide as the widest.
    """
    isNarrow = piece.isascii()
    if isNarrow and b"\\u" not in piece:
        return 1
    return 4 if isNarrow or any(map(piece.__contains__, WIDEST)) else 2
