"""
The options that this interpreter was started with.
"""

from __future__ import annotations

import _imp
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence


def interpreterOptions() -> Sequence[str]:
    """
    What another interpreter is to be given, to be as this one; not what only says how a
    script is read: C{-x}, C{-i}.

    @see: L{multiprocessing}, which hands on C{subprocess._args_from_interpreter_flags},
        and no more.
    """
    found: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [*found, *_otherFlags(), *_otherXOptions(found)]


def _otherFlags() -> Iterator[str]:
    if any(
        isinstance(_binary(s), io.RawIOBase) for s in (sys.__stdout__, sys.__stderr__)
    ):
        yield "-u"
    if sys.flags.hash_randomization and os.environ.get("PYTHONHASHSEED") == "0":
        yield "-R"
    mode: str = getattr(_imp, "check_hash_based_pycs", "default")
    if mode != "default":
        yield from ("--check-hash-based-pycs", mode)


def _binary(stream: object) -> object:
    return getattr(stream, "buffer", None)


def _otherXOptions(found: Sequence[str]) -> Iterator[str]:
    for name, value in sys._xoptions.items():
        text = name if value is True else f"{name}={value}"
        if text not in found:
            yield from ("-X", text)
