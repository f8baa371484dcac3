"""
How users' messages become bytes: JSON, or CBOR for what JSON lacks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from attrs import frozen

from twisted_cluster.core.frames import ADVANCED
from twisted_cluster.errors import MessageError, NotSerializableError, SettingsError


@frozen
class Codec:
    """
    @ivar name: What the setting C{serialization} calls it.
    @ivar flag: Marks its frames.
    """

    name: str
    flag: int
    _dumps: Callable[[object], bytes]
    _loads: Callable[[bytes | memoryview], Any]

    def encode(self, message: object) -> bytes:
        """
        @raise NotSerializableError: If the message holds something that this codec
            cannot carry.
        """
        try:
            return self._dumps(message)
        except Exception as error:
            raise NotSerializableError(
                f"a message of type {type(message).__name__} cannot be sent as "
                f"{self.name}: {error}"
            ) from None

    def decode(self, data: bytes | memoryview) -> Any:
        """
        @raise MessageError: If C{data} is not what L{encode} makes.
        """
        try:
            return self._loads(data)
        except Exception as error:
            raise MessageError(
                f"not {self.name}: {bytes(data[:40])!r} ({error})"
            ) from None


_toJSON = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_fromJSON = json.JSONDecoder().decode

JSON = Codec(
    "json",
    0,
    lambda message: _toJSON(message).encode("ascii"),
    lambda data: _fromJSON(str(data, "ascii")),
)


@cache
def _advanced() -> Codec:
    try:
        import cbor2
    except ImportError:
        raise SettingsError(
            "serialization 'advanced' needs the package cbor2: "
            "pip install 'twisted-cluster[advanced]'"
        ) from None
    return Codec(
        "advanced",
        ADVANCED,
        lambda message: cbor2.dumps(message, value_sharing=True),
        cbor2.loads,
    )


def codecNamed(name: str) -> Codec:
    """
    @param name: C{"json"}: what JSON carries, and nothing else. C{"advanced"}: also
        bytes, sets, tuples as lists, datetimes that know their zone, decimals,
        integers of any size, UUIDs, and structures that hold themselves (CBOR,
        RFC 8949; no code is ever run by decoding).
    @raise SettingsError: If there is no such codec, or its package is missing.
    """
    if name == JSON.name:
        return JSON
    if name == "advanced":
        return _advanced()
    raise SettingsError(f"serialization {name!r}: give 'json' or 'advanced'")


def codecOf(flags: int) -> Codec:
    """
    @param flags: A frame's.
    @return: What its body is to be decoded with.
    """
    return _advanced() if flags & ADVANCED else JSON
