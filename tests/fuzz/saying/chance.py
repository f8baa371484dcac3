"""
Values that are nearly right, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

NUMBERS = (0, 1, 2, 3, 7, 64, 255, 256, 65535, 65536, -1, -2, 1 << 31, (1 << 31) - 1)
LARGE = (
    (1 << 32) - 1,
    1 << 53,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
    -(1 << 63),
    10**30,
)
FLOATS = (0.0, -0.0, 0.5, 1e9, 1e308, float("inf"), float("-inf"), float("nan"))
TEXTS = (
    "",
    "x",
    "\0",
    "127.0.0.1",
    "::1",
    "fe80::1%lo",
    "256.1.1.1",
    "localhost",
    "..",
    "/",
    "\ud800",
    "\N{SNOWMAN}" * 40,
    "{log_level.__class__}",
    "%(x)99999s",
    "x" * 5000,
)


def oddNumber(random: Random) -> int:
    """
    A number at some edge.
    """
    return random.choice(LARGE if random.random() < 0.3 else NUMBERS)


def oddValue(random: Random, depth: int = 2) -> object:
    """
    Anything that JSON knows, and a little more.
    """
    kind = random.randrange(8 if depth else 6)
    if kind == 0:
        return oddNumber(random)
    if kind == 1:
        return random.choice(FLOATS)
    if kind == 2:
        return random.choice((None, True, False))
    if kind < 6:
        return random.choice(TEXTS)
    count = random.randrange(4)
    if kind == 6:
        return [oddValue(random, depth - 1) for _ in range(count)]
    return {random.choice(TEXTS): oddValue(random, depth - 1) for _ in range(count)}


def mutatedFields(random: Random, fields: Mapping[str, object]) -> dict[str, object]:
    """
    The same with one of them changed, left out, or one more.
    """
    changed = dict(fields)
    kind = random.randrange(4)
    if kind == 0 or not changed:
        changed[random.choice(TEXTS)] = oddValue(random)
        return changed
    name = random.choice(list(changed))
    inner = changed[name]
    if isinstance(inner, dict) and kind < 3:
        changed[name] = mutatedFields(random, inner)
    elif kind == 1:
        del changed[name]
    else:
        changed[name] = oddValue(random)
    return changed


def mutatedBytes(random: Random, data: bytes) -> bytes:
    """
    The same with something changed, cut off, doubled or put in.
    """
    kind = random.randrange(6)
    at = random.randrange(len(data) + 1)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[at:]
    if kind == 2:
        return data + data
    if kind == 3:
        return data[:at] + random.randbytes(random.randrange(9)) + data[at:]
    if kind == 4:
        return data + bytes(random.randrange(20_000))
    changed = bytearray(data)
    for _ in range(random.randrange(1, 4)):
        if changed:
            changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)
