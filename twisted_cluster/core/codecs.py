"""
How users' messages become bytes: JSON, or CBOR for what JSON lacks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from functools import cache
from importlib import import_module
from sys import getrecursionlimit
from typing import Any
from uuid import UUID

from attrs import frozen

from twisted_cluster.core.frames import ADVANCED
from twisted_cluster.core.resting import REST
from twisted_cluster.core.weighing import HEAVIEST, isTooHeavy, isTooHeavyCBOR
from twisted_cluster.errors import MessageError, NotSerializableError, SettingsError

# What users say to each other: only they know its type.
Payload = Any

try:
    orjson: Any = import_module("orjson")
except ImportError:  # several times slower, and the same otherwise
    orjson = None
    _OPTIONS = 0
else:
    _OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


TOO_HEAVY = f"it may take more than {HEAVIEST} bytes where it is decoded"


@frozen
class Codec:
    """
    @ivar name: What the setting C{serialization} calls it.
    @ivar flag: Marks its frames.
    """

    name: str
    flag: int
    _dumps: Callable[[object], bytes]
    _loads: Callable[[bytes | memoryview], Payload]

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

    def decode(self, data: bytes | memoryview) -> Payload:
        """
        @raise MessageError: If C{data} is not what L{encode} makes.
        """
        try:
            return self._loads(data)
        except Exception as error:
            raise _undecoded(self, data, error) from None
        finally:
            if REST.isOn:
                REST.end()


def _undecoded(codec: Codec, data: bytes | memoryview, error: Exception) -> MessageError:
    return MessageError(f"not {codec.name}: {bytes(data[:40])!r} ({error})")


def _asOrjsonDoes(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} is nothing that JSON knows")


def _encoder(isCareful: bool) -> Callable[[object], str]:
    return json.JSONEncoder(
        separators=(",", ":"), check_circular=isCareful, default=_asOrjsonDoes
    ).encode


# What holds itself is too deep, and so found anyhow; to remember what it is in is a sixth
# of the time. (msgspec would take a sixth; but it makes texts of bytes, dates and
# decimals, and lists of sets, which are to be refused: to look for these first takes
# three quarters of what is saved.)
_toJSONQuickly, _toJSONCarefully = map(_encoder, (False, True))
# Where Python may go deeper, C's stack may not be deep enough.
_DEEP = 10_000


def _toJSON(message: object) -> str:
    isBounded = getrecursionlimit() <= _DEEP
    return (_toJSONQuickly if isBounded else _toJSONCarefully)(message)


_decoder = json.JSONDecoder(parse_constant=lambda name: None)
# What begins so is read by the standard library: it may hold what orjson would read
# otherwise (integers of more than 64 bits) or not at all (halves of surrogate pairs).
_EXACT = b" "
_BLANK = _EXACT[0]
# What is shorter has too few objects for the garbage collector to matter.
_LONG = 1 << 14


def _fromJSON(text: str) -> Payload:
    if text[:1] != " ":
        return _decoder.decode(text)
    # As that does it, but for two searches for what may stand around a value.
    value, end = _decoder.raw_decode(text, 1)
    return value if end == len(text) else _decoder.decode(text)


def _dumpExactly(message: object) -> bytes:
    return _light(_EXACT + _toJSON(message).encode("ascii"))


def _dumpFast(message: object) -> bytes:
    try:
        body: bytes = orjson.dumps(message, None, _OPTIONS)
    except TypeError:
        return _dumpExactly(message)
    return body if len(body) < _LONG else _light(body)


def _light(body: bytes) -> bytes:
    if isTooHeavy(body):
        raise ValueError(TOO_HEAVY)
    return body


def _load(data: bytes | memoryview) -> Payload:
    if orjson is None or data[0] == _BLANK:
        return _fromJSON(str(data, "utf-8"))
    return orjson.loads(data)


def _loadAny(data: bytes | memoryview) -> Payload:
    return _load(data) if len(data) < _LONG else _loadLong(data)


def _loadLong(data: bytes | memoryview) -> Payload:
    if isTooHeavy(data):
        raise ValueError(TOO_HEAVY)
    REST.begin()
    try:
        return _load(data)
    finally:
        REST.ease()


JSON = Codec("json", 0, _dumpExactly if orjson is None else _dumpFast, _loadAny)
_loadShort = None if orjson is None else orjson.loads


@cache
def _advanced() -> Codec:
    try:
        import cbor2
    except ImportError:
        raise SettingsError(
            "serialization 'advanced' needs the package cbor2: "
            "pip install 'twisted-cluster[advanced]'"
        ) from None

    def dumps(message: object) -> bytes:
        try:
            data = cbor2.dumps(message)
        except cbor2.CBOREncodeError:
            # It may hold itself. Marks for what is shared cannot stand in sets and keys.
            data = cbor2.dumps(message, value_sharing=True)
        if isTooHeavyCBOR(data):
            raise ValueError(TOO_HEAVY)
        return data

    def loads(data: bytes | memoryview) -> Payload:
        if isTooHeavyCBOR(data):
            raise ValueError(TOO_HEAVY)
        return cbor2.loads(data)

    return Codec("advanced", ADVANCED, dumps, loads)


def codecNamed(name: str) -> Codec:
    """
    @param name: C{"json"}: what JSON carries, tuples as lists, UUIDs as texts, members
        of enumerations as their values; floats that are no numbers arrive as L{None},
        as in Node. With orjson, if that is installed. C{"advanced"}: also
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


def decode(flags: int, data: bytes | memoryview) -> Payload:
    """
    While what has been decoded is in use the garbage collector rests, until L{REST} is
    told of its end.

    @param flags: A frame's.
    @param data: Its body.
    @raise MessageError: If it is none of its codec's, or that needs a package which is
        missing.
    """
    if flags & ADVANCED:
        return codecOf(flags).decode(data)
    # As JSON.decode() does it, without a few calls for each.
    try:
        if _loadShort is not None and len(data) < _LONG and data[0] != _BLANK:
            return _loadShort(data)
        return _loadAny(data)
    except Exception as error:
        raise _undecoded(JSON, data, error) from None


def codecOf(flags: int) -> Codec:
    """
    @param flags: A frame's.
    @return: What its body is to be decoded with.
    @raise MessageError: If that needs a package which is missing.
    """
    try:
        return _advanced() if flags & ADVANCED else JSON
    except SettingsError as error:
        raise MessageError(str(error)) from None
