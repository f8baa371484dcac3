"""
What a field of a message may be: whatever its sender has made of it.
"""

from __future__ import annotations

from attrs import Attribute
from attrs.validators import ge, instance_of, optional

from twisted_cluster.core.socket_facts import SocketFacts
from twisted_cluster.events import ListenSpec

# What fits into 64 bits, so that no sum or float of it is an error.
LARGEST = 1 << 63


def toSpec(value: object) -> object:
    """
    Make a spec of what JSON had for one.
    """
    return ListenSpec(**value) if isinstance(value, dict) else value


def toFacts(value: object) -> object:
    """
    The same of the facts about a socket.
    """
    return SocketFacts(**value) if isinstance(value, dict) else value


def whole(instance: object, attribute: Attribute[int], value: object) -> None:
    """
    An attrs validator: a number of 64 bits.

    @raise TypeError: If C{value} is no number; True and False are none.
    @raise ValueError: If it is larger.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{attribute.name}={value!r}: it must be a whole number")
    if not -LARGEST <= value < LARGEST:
        raise ValueError(f"{attribute.name} is not a number of 64 bits")


COUNT = optional([whole, ge(0)])
TEXT = instance_of(str)
FLAG = instance_of(bool)
