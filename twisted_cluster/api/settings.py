"""
What C{cluster.setupPrimary} takes, and what it comes to.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict, TypeGuard

from attrs import frozen

from twisted_cluster.api.ground import thisScript
from twisted_cluster.api.held import specsOf
from twisted_cluster.core.codecs import codecNamed
from twisted_cluster.core.rules import LEAST_MAIL
from twisted_cluster.defaults import DRAIN_TIMEOUT, NO, STOP_TIMEOUT, TWISTED
from twisted_cluster.errors import SettingsError
from twisted_cluster.events import AT_LIMIT
from twisted_cluster.plugins import findReactors, usableReactors
from twisted_cluster.primary.lives.interpreter import interpreterOptions
from twisted_cluster.wire.libc import NOT_HERE
from twisted_cluster.wire.privileges import canRenounce

STREAMS = ("inherit", "pipe", "ignore", "ipc")
# More than any program has been seen to want; each is a descriptor of the primary's.
MOST_STREAMS = 64


class Settings(TypedDict, total=False):
    """
    What L{twisted_cluster.api.base.Cluster.setupPrimary} takes; L{None} takes away.
    """

    exec: str | None
    args: Sequence[str] | None
    execArgv: Sequence[str] | None
    cwd: str | os.PathLike[str] | None
    silent: bool | None
    stdio: str | Sequence[str | int] | None
    serialization: str | None
    uid: int | None
    gid: int | None
    noNewPrivileges: bool | None
    warm: str | None
    env: Mapping[str, str] | None
    reactor: str | None
    drainTimeout: float | None
    stopTimeout: float | None
    weight: int | None
    group: str | None
    generation: int | None
    dispatch: str | Sequence[str] | None
    maxConnections: int | None
    maxPerAddress: int | None
    atLimit: str | None
    keepListening: bool | None
    mailLimit: int | None
    listen: str | Sequence[str] | None


@frozen
class Kind:
    """
    @ivar accepts: Whether a value is of this kind.
    @ivar text: What is accepted, in words.
    """

    accepts: Callable[[object], bool]
    text: str


def _isText(value: object) -> bool:
    """
    Whether the system can be given it.
    """
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _isTexts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_isText, value))


def _isEnvironment(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        _isText(k) and _isText(v) and "=" not in k for k, v in value.items()
    )


def _isPath(value: object) -> bool:
    return isinstance(value, (str, os.PathLike)) and _isText(os.fspath(value))


def _isNumber(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _isId(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _isCount(value: object) -> bool:
    return _isId(value) and value > 0


def _isStdio(value: object) -> bool:
    if value in STREAMS[:3]:
        return True
    return (
        isinstance(value, (list, tuple))
        and 3 <= len(value) <= MOST_STREAMS
        and all(stream in STREAMS or _isId(stream) for stream in value)
        and list(value).count("ipc") == 1
        and "ipc" not in value[:3]
    )


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kind)


_STDIO = (
    "'inherit', 'pipe', 'ignore', or a list of these and of descriptor numbers, "
    "with 'ipc' once after the first three"
)
_SECONDS = Kind(lambda v: _isNumber(v) and 0 <= v < 1e9, "seconds, 0 or more")
SETTING_KINDS: Mapping[str, Kind] = {
    "exec": Kind(_isText, "a script's path, or '-m package.module'"),
    "args": Kind(_isTexts, "a list of texts"),
    "execArgv": Kind(_isTexts, "a list of texts"),
    "cwd": Kind(_isPath, "a path"),
    "silent": Kind(_is(bool), "True or False"),
    "stdio": Kind(_isStdio, _STDIO),
    "serialization": Kind(lambda v: v in ("json", "advanced"), "'json' or 'advanced'"),
    "uid": Kind(_isId, "a number, 0 or more"),
    "gid": Kind(_isId, "a number, 0 or more"),
    "noNewPrivileges": Kind(_is(bool), "True or False"),
    "warm": Kind(lambda v: v in (NO, TWISTED), "'twisted' or 'no'"),
    "env": Kind(_isEnvironment, "a mapping of text to text"),
    "reactor": Kind(_is(str), "the short name of a reactor, such as 'asyncio'"),
    "drainTimeout": _SECONDS,
    "stopTimeout": _SECONDS,
    "weight": Kind(_isId, "a number, 0 or more"),
    "group": Kind(_isText, "a name"),
    "generation": Kind(_isCount, "a number, 1 or more"),
    "dispatch": Kind(
        lambda v: _isText(v) or _isTexts(v), "'kernel', or ['handoff', 'tcp:80=kernel']"
    ),
    "maxConnections": Kind(_isCount, "a number, 1 or more"),
    "maxPerAddress": Kind(_isCount, "a number, 1 or more"),
    "atLimit": Kind(lambda v: v in AT_LIMIT, "'wait', 'refuse' or 'shed'"),
    "keepListening": Kind(_is(bool), "True or False"),
    "mailLimit": Kind(
        lambda v: _isId(v) and v >= LEAST_MAIL, f"a number of bytes, {LEAST_MAIL} or more"
    ),
    "listen": Kind(
        lambda v: _isText(v) or _isTexts(v), "an endpoint, such as 'tcp:80', or a list"
    ),
}


def defaults() -> Settings:
    """
    @return: What holds where nothing was said; as Node, it is asked for at each set-up.
    """
    return {
        "exec": thisScript(),
        "args": sys.argv[1:],
        "execArgv": interpreterOptions(),
        "silent": False,
        "serialization": "json",
        "drainTimeout": DRAIN_TIMEOUT,
        "stopTimeout": STOP_TIMEOUT,
        "keepListening": False,
    }


def merged(current: Settings, given: Settings) -> Settings:
    """
    @param current: The settings so far.
    @param given: What is to change; L{None} takes a setting away.
    @raise SettingsError: If there is no such setting, or a value is not accepted.
    """
    settings: Settings = {**defaults(), **current, **given}
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """
    @raise SettingsError: If there is no such setting, or a value is not accepted.
    """
    for name, value in settings.items():
        if name not in SETTING_KINDS:
            known = ", ".join(SETTING_KINDS)
            raise SettingsError(f"there is no setting {name!r}; there are: {known}")
        kind = SETTING_KINDS[name]
        if value is not None and not kind.accepts(value):
            raise SettingsError(f"setting {name}={value!r:.80}: give {kind.text}")
    specsOf(settings.get("listen"))
    if settings.get("serialization") == "advanced":
        codecNamed("advanced")
    if settings.get("noNewPrivileges") and not canRenounce():
        raise SettingsError(f"setting noNewPrivileges=True: {NOT_HERE}")
    reactor = settings.get("reactor")
    if reactor is not None and reactor not in findReactors():
        raise SettingsError(
            f"setting reactor={reactor!r}: there is no such reactor; "
            f"there are: {', '.join(usableReactors())}"
        )


def signalNumber(given: str | int) -> signal.Signals:
    """
    @param given: C{"SIGTERM"}, C{"TERM"} or a number.
    @raise ValueError: If there is no such signal.
    """
    try:
        if isinstance(given, str):
            return signal.Signals["SIG" + given.removeprefix("SIG")]
        return signal.Signals(given)
    except (KeyError, ValueError):
        raise ValueError(f"there is no signal {given!r}; such as 'SIGTERM'") from None
