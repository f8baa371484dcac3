"""
What a listening socket says of itself, for who has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Union

from attrs import field, frozen
from attrs.validators import instance_of

from twisted_cluster.events import SocketName

# Bytes are in hexadecimal.
Said = Union[int, str]
Option = tuple[int, int, Said]


def _toName(name: object) -> object:
    return tuple(name) if isinstance(name, list) else name


def _toOptions(options: Iterable[Iterable[Said]]) -> tuple[tuple[Said, ...], ...]:
    return tuple(tuple(option) for option in options)


@frozen
class SocketFacts:
    """
    @ivar family: Its address family.
    @ivar name: What C{getsockname} says; an abstract UNIX address is text.
    @ivar options: Triples of (level, option, value).
    """

    family: int
    name: SocketName = field(
        converter=_toName, validator=instance_of((str, tuple)), default=""
    )
    options: tuple[Option, ...] = field(converter=_toOptions, default=())
