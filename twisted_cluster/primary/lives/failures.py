"""
Failures of workers, as far as a log can tell of them.

What a worker says is believed to be no more than text: nothing is imported, looked up in
files or called because of it.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import IO, TYPE_CHECKING

from twisted.python import log
from twisted.python.failure import Failure

from twisted_cluster.core.records import (
    MOST_FRAMES,
    SYSTEM,
    Frame,
    Variables,
    shortly,
)
from twisted_cluster.errors import MessageError


class WorkerFailure(Failure):
    """
    A failure of a worker's. Its traceback is what the worker made of it: the files are
    those of the worker's release, and only it may read them.
    """

    # Not in the dictionary: that is what observers write of a failure.
    __slots__ = ("_text",)

    if TYPE_CHECKING:
        _text: str

    @classmethod
    def told(cls, fields: object) -> WorkerFailure:
        """
        @param fields: A L{twisted_cluster.core.records.ToldFailure}.
        @raise MessageError: If it is none.
        """
        try:
            if not isinstance(fields, dict):
                raise TypeError(f"{shortly(fields)}")
            kind = _kind(_name(fields["module"]), _name(fields["name"]))
            made = cls(kind(_text(fields["value"])), kind)
            made.parents = list(map(_text, fields["parents"]))
            made.frames = _frames(fields["frames"])
            made._text = _text(fields["text"])
        except (LookupError, TypeError, ValueError) as error:
            raise MessageError(f"no failure: {error}") from None
        # As one that was unpickled; the older Twisted's have a stack besides.
        vars(made).update(pickled=1, stack=[])
        return made

    def printTraceback(
        self,
        file: IO[str] | None = None,
        elideFrameworkCode: bool = False,
        detail: str = "default",
    ) -> None:
        if detail == "default":
            (log.logerr if file is None else file).write(self._text)
        else:
            super().printTraceback(  # type: ignore[no-untyped-call]
                file, elideFrameworkCode, detail
            )


@lru_cache(maxsize=256)
def _kind(module: str, name: str) -> type[Exception]:
    """
    @raise ValueError: If a class cannot have such a name.
    """
    return type(name, (Exception,), {"__module__": module, "__qualname__": name})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{shortly(value)} is no text")
    return value


def _name(value: object) -> str:
    # Classes are remembered with their names.
    name = _text(value)
    if len(name) > SYSTEM:
        raise ValueError(f"{shortly(name)} is too long")
    return name


def _frames(value: object) -> list[Frame]:
    if not isinstance(value, list) or len(value) > MOST_FRAMES:
        raise TypeError(f"{shortly(value)} are no frames")
    return [_frame(*frame) for frame in value]


def _frame(
    name: object, file: object, line: object, local: object, whole: object
) -> Frame:
    if not isinstance(line, int) or not 0 <= line < 1 << 31:
        raise TypeError(f"{shortly(line)} is no line's number")
    return _text(name), _file(_text(file)), line, _variables(local), _variables(whole)


def _file(name: str) -> str:
    # Who looks at the frames may look for the line, and would read a pipe without end, or
    # wait for a file system that a worker serves, as whoever asks whether it is a file.
    # Who can put a file where programs are can have them run it.
    isOurs = name.startswith(_folders(tuple(sys.path))) and ".." not in name.split(os.sep)
    return name if isOurs else f"<{name}>"


@lru_cache(maxsize=1)
def _folders(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(os.path.join(os.path.abspath(folder), "") for folder in path)


def _variables(pairs: object) -> Variables:
    if not isinstance(pairs, list):
        raise TypeError(f"{shortly(pairs)} are no variables")
    return [(_text(name), _text(value)) for name, value in pairs]
