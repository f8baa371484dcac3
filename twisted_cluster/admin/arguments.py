"""
What a request is given besides its path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted_cluster.errors import ClusterError


class ArgumentError(ClusterError, ValueError):
    """
    An argument is missing, unknown, given twice, or is not accepted.
    """


class Arguments:
    """
    The arguments of one request, each at most once.
    """

    def __init__(
        self, given: Mapping[bytes, Sequence[bytes]], known: Sequence[str]
    ) -> None:
        """
        @param given: As Twisted has them.
        @param known: What they are called.
        @raise ArgumentError: If one is unknown, or given twice.
        """
        self._values: dict[str, str] = {}
        for key, values in given.items():
            name = key.decode("utf-8", "replace")
            if name not in known:
                there = ", ".join(known) or "none"
                raise ArgumentError(f"unknown argument {name!r:.40}; there are: {there}")
            if len(values) > 1:
                raise ArgumentError(f"{name} is given {len(values)} times")
            self._values[name] = values[0].decode("utf-8", "surrogateescape")

    def get(self, name: str) -> str | None:
        """
        @return: Its value; L{None} if it is not given.
        """
        return self._values.get(name)

    def need(self, name: str) -> str:
        """
        @raise ArgumentError: If it is not given.
        """
        if not self._values.get(name):
            raise ArgumentError(f"say {name}=...")
        return self._values[name]

    def isSet(self, name: str) -> bool:
        """
        @return: Whether it is given, and not as C{0} or C{no}.
        """
        return self._values.get(name, "0").lower() not in ("0", "no", "false")

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """
        @raise ArgumentError: If it is none between these.
        """
        try:
            value = float(self._values.get(name) or default)
            if not least <= value <= most:
                raise ValueError
        except ValueError:
            raise ArgumentError(
                f"{name}={self._values[name]!r:.40}: give a number, {least:g} to {most:g}"
            ) from None
        return value

    def __str__(self) -> str:
        return "".join(f" {name}={value}" for name, value in self._values.items())
