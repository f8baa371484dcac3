"""
How workers live: what can be said of it, and what holds where nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import asdict, frozen

from twisted_cluster.defaults import (
    DRAIN_TIMEOUT,
    LOG_RATE,
    MAIL_LIMIT,
    START_TIMEOUT,
    STOP_TIMEOUT,
    TWISTED,
    WARM,
)
from twisted_cluster.errors import ConfigError

# More is a slip of the pen.
MOST = 1e9
# A worker that works shows life some 20 times in so many seconds, or once at least.
BEAT = 1.0
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
# Many a message is longer than less.
LEAST_MAIL = 1 << 20
ON_HUP = ("reload", "forward", "ignore")


@frozen
class Portion:
    """
    Some of the workers: so many, or so many of a hundred.
    """

    number: float
    isPercent: bool = False

    @classmethod
    def parse(cls, given: object) -> Portion:
        """
        @param given: C{2}, or C{"25%"}.
        @raise ValueError: If it is neither, or nobody, or more than all.
        """
        if isinstance(given, Portion):
            return given
        text = str(given)
        portion = cls(float(text.rstrip("%")), text.endswith("%"))
        whole = portion.isPercent or portion.number.is_integer()
        if not whole or not 0 < portion.number <= (100 if portion.isPercent else MOST):
            raise ValueError(text)
        return portion

    def of(self, total: int) -> int:
        """
        @return: How many that is of so many: 1 at least, and not more.
        """
        number = total * self.number / 100 if self.isPercent else self.number
        return max(1, min(total, int(number)))

    def shareOf(self, total: int) -> float:
        """
        @return: Which part of so many it is, 1.0 at most: exactly, where C{of} is whole.
        """
        return min(1.0, self.number / (100 if self.isPercent else total))


@frozen
class Rules:
    """
    Seconds, where nothing else is said; 0 is never, for what need not be.

    @ivar drainTimeout: How long a worker that ends may finish what it serves.
    @ivar stopTimeout: How long its application may then take to stop.
    @ivar stopDelay: How long a cluster that stops is not ready, and goes on accepting.
    @ivar startTimeout: How long a start may take, before it is a failed one.
    @ivar hangWarning: After how long a silence a worker's stacks are logged.
    @ivar hangTimeout: After how long a silence it is killed, and replaced.
    @ivar minReady: With fewer workers the cluster is not ready; 1 or more.
    @ivar giveUpAfter: How many early deaths of a slot in a row end the cluster.
    @ivar reloadStep: How many workers are renewed at a time.
    @ivar reloadTrial: How long the first new one has to have been ready before one of
        those before it leaves.
    @ivar followSymlink: Whether a reload runs where its release's path leads by then.
    @ivar maxAge: After how long a worker is renewed.
    @ivar maxServed: After how many connections.
    @ivar maxRss: Above how many bytes of resident memory.
    @ivar mailLimit: How many bytes of memory users' messages may take that wait.
    @ivar noNewPrivileges: Whether programs that a worker starts give it nothing that it
        has not: setuid ones run as the worker itself.
    @ivar logRate: How many lines a second a worker may log; what is more is left out.
    @ivar onHup: What SIGHUP does: one of L{ON_HUP}.
    @ivar warm: What workers have imported before they are forked: one of L{WARM}.
    """

    drainTimeout: float = DRAIN_TIMEOUT
    stopTimeout: float = STOP_TIMEOUT
    stopDelay: float = 0.0
    startTimeout: float = START_TIMEOUT
    hangWarning: float = 1.0
    hangTimeout: float = 30.0
    minReady: int = 1
    giveUpAfter: int = 0
    reloadStep: Portion = Portion(1)
    reloadTrial: float = 5.0
    followSymlink: bool = False
    maxAge: float = 0.0
    maxServed: int = 0
    maxRss: int = 0
    mailLimit: int = MAIL_LIMIT
    noNewPrivileges: bool = False
    logRate: float = LOG_RATE
    onHup: str = ON_HUP[0]
    warm: str = TWISTED

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> Rules:
        """
        @param given: What is said, by name, as values or as texts.
        @raise ConfigError: If a value is not accepted.
        @raise TypeError: If there is no such rule.
        """
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name not in RULES:
                raise TypeError(f"there is no setting {name!r}")
            values[name] = RULES[name].parse(name, value)
        return cls(**values)


@frozen
class Rule:
    """
    What can be said of one of them.

    @ivar accepts: Makes a value of what was given, or raises ValueError or TypeError.
    @ivar accepted: What is accepted, in words; C{None}: it is said or not.
    @ivar help: What it is, for who reads C{--help}.
    """

    accepts: Callable[[Any], Any]
    accepted: str | None
    help: str

    def parse(self, name: str, given: object) -> Any:
        """
        @raise ConfigError: If it is not accepted.
        """
        try:
            return self.accepts(given)
        except (TypeError, ValueError, OverflowError):
            raise ConfigError(name, given, f"give {self.accepted}") from None


def _number(kind: type[float], least: float) -> tuple[Callable[[Any], float], str]:
    """
    @return: What makes a number of a text, and which is accepted.
    """

    def accepts(given: Any) -> float:
        value = kind(given)
        if isinstance(given, bool) or not least <= value < MOST:
            raise ValueError(given)
        return value

    whole = ", and whole" if kind is int else ""
    return accepts, f"a number, {least} or more, below 1e9{whole}"


def _bytes(given: Any) -> int:
    found = re.fullmatch(r"(\d{1,12})([KMG]?)", str(given))
    if found is None:
        raise ValueError(given)
    return int(found[1]) * UNITS[found[2]]


def _mailLimit(given: Any) -> int:
    value = _bytes(given)
    if value < LEAST_MAIL:
        raise ValueError(given)
    return value


def _oneOf(names: tuple[str, ...]) -> tuple[Callable[[Any], str], str]:
    def accepts(given: Any) -> str:
        return names[names.index(given)]

    return accepts, f"one of {', '.join(names)}"


def _hangTimeout(given: Any) -> float:
    seconds: float = _SECONDS[0](given)
    if 0 < seconds < BEAT:
        raise ValueError(given)
    return seconds


_SECONDS = _number(float, 0)
_COUNT = _number(int, 0)
RULES: Mapping[str, Rule] = {
    "drainTimeout": Rule(
        *_SECONDS, "How long a worker that ends may finish what it serves, in seconds."
    ),
    "stopTimeout": Rule(
        *_SECONDS,
        "How long the application of a worker that ends may take to stop when it has "
        "drained, in seconds.",
    ),
    "stopDelay": Rule(
        *_SECONDS,
        "How long a cluster that stops tells that it is not ready, and still accepts, "
        "in seconds.",
    ),
    "startTimeout": Rule(
        *_number(float, 1), "How long a worker may take to start, in seconds."
    ),
    "hangWarning": Rule(
        *_SECONDS, "After how many silent seconds a worker's stacks are logged; 0: never."
    ),
    "hangTimeout": Rule(
        _hangTimeout,
        "0 for never, or a number of seconds, 1 or more, below 1e9: within less a worker "
        "that is only busy may show no life",
        "After how many silent seconds a worker is killed, and replaced; 0: never.",
    ),
    "minReady": Rule(*_number(int, 1), "With fewer workers the cluster is not ready."),
    "giveUpAfter": Rule(
        *_COUNT, "How many early deaths in a row end the cluster, with 1; 0: never."
    ),
    "reloadStep": Rule(
        Portion.parse,
        "a number, 1 or more, or such as 25%",
        "How many workers a reload renews at a time: a number, or such as 25%.",
    ),
    "reloadTrial": Rule(
        *_SECONDS,
        "How long the first worker of a reload has to stay up before others leave, in "
        "seconds.",
    ),
    "followSymlink": Rule(
        bool, None, "A reload runs where the release's path leads by then."
    ),
    "maxAge": Rule(*_SECONDS, "After how many seconds a worker is renewed; 0: never."),
    "maxServed": Rule(
        *_COUNT, "After how many connections a worker is renewed; 0: never."
    ),
    "maxRss": Rule(
        _bytes,
        "a number of bytes, such as 500M",
        "With how much resident memory a worker is renewed, such as 500M; 0: never.",
    ),
    "mailLimit": Rule(
        _mailLimit,
        "a number of bytes, 1M or more, such as 500M",
        "How much memory users' messages may take that wait for workers.",
    ),
    "noNewPrivileges": Rule(
        bool,
        None,
        "Programs that a worker starts cannot give it more than it has: setuid ones run "
        "as the worker itself.",
    ),
    "logRate": Rule(
        *_SECONDS,
        "How many lines a second a worker may log, where 1 KiB is a line at least: what "
        "is more is left out, and counted; 0: any number.",
    ),
    "onHup": Rule(*_oneOf(ON_HUP), f"What SIGHUP does: {', '.join(ON_HUP)}."),
    "warm": Rule(
        *_oneOf(WARM),
        "What is imported before workers are forked: twisted, the application as well "
        "(app), or nothing (no), so that each is started by itself.",
    ),
}


# What else there is to be at least one of.
COUNT = Rule(*_number(int, 1), "")


def defaultTexts() -> Mapping[str, str]:
    """
    @return: What holds where nothing is said, as it would be said, by name; without what
        is only said or not.
    """
    values = asdict(Rules(), recurse=False)
    return {name: _text(values[name]) for name, rule in RULES.items() if rule.accepted}


def _text(value: object) -> str:
    if isinstance(value, Portion):
        return f"{value.number:g}{'%' if value.isPercent else ''}"
    if isinstance(value, int) and value >= LEAST_MAIL:
        return f"{value // UNITS['M']}M"
    return value if isinstance(value, str) else f"{value:g}"
