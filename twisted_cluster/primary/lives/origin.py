"""
How this process was started, as far as its workers are to be alike.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from attrs import frozen
from twisted.logger import Logger

from twisted_cluster.primary.lives.interpreter import interpreterOptions

log = Logger()


@frozen
class LastingPath(os.PathLike[str]):
    """
    A path that goes on meaning what it meant at the start, when a symbolic link on its
    way is switched to the next release. As long as it means the same it stays as it was
    given; if what it meant is gone it is what a person would call it.

    @ivar given: What a person, or Python, has said.
    @ivar meant: The same without symbolic links.
    @ivar called: The same with the link by which the working directory was entered:
        Python does not see that one.
    """

    given: str
    meant: str
    called: str

    @classmethod
    def of(cls, given: str) -> LastingPath:
        """
        Keep what a path means now.

        @param given: A relative one is kept as it is: it asks the working directory,
            which no link can change.
        """
        return cls(given, _meaning(given), _called(given))

    def anew(self) -> LastingPath:
        """
        @return: What it means now, from now on.
        """
        meant = _meaning(self.called)
        if meant == self.meant:
            return self
        return LastingPath(self.called, meant, self.called)

    def moved(self, old: LastingPath, new: LastingPath) -> LastingPath:
        """
        @param old: A directory.
        @param new: The one that takes its place.
        @return: What it is there; itself, if it is not inside.
        """
        for path, directory in ((self.called, old.called), (self.meant, old.meant)):
            if path == directory or path.startswith(os.path.join(directory, "")):
                there = new.called + path[len(directory) :]
                return LastingPath(there, _meaning(there), there)
        return self

    def __fspath__(self) -> str:
        if self.isGone:
            return self.called
        return self.given if _meaning(self.given) == self.meant else self.meant

    @property
    def isGone(self) -> bool:
        """
        Whether there is nothing any more of what it meant, and it means something else.
        """
        isSame = _meaning(self.called) == self.meant
        return not isSame and not os.path.exists(self.meant)


def _meaning(path: str) -> str:
    return os.path.realpath(path) if os.path.isabs(path) else path


def _called(path: str) -> str:
    """
    @see: C{gunicorn.util.getcwd}, which goes by the same variable for the same reason.
    """
    entered = os.environ.get("PWD", "")
    try:
        here = os.getcwd()
        isHere = os.path.isabs(entered) and os.path.samefile(entered, here)
    except OSError:
        return path
    if isHere and (path == here or path.startswith(os.path.join(here, ""))):
        return entered + path[len(here) :]
    return path


@frozen
class Origin:
    """
    @ivar directory: Where the interpreter is.
    @ivar name: Its name there. The link that it may be is never followed: an environment
        of its own is known by where the link is.
    @ivar options: The interpreter's.
    @ivar path: What C{sys.path} was.
    """

    directory: LastingPath
    name: str
    options: Sequence[str]
    path: Sequence[LastingPath]

    @classmethod
    def ofThisProcess(cls) -> Origin:
        """
        @return: What holds now.
        """
        directory, name = os.path.split(sys.executable)
        return cls(
            LastingPath.of(directory),
            name,
            interpreterOptions(),
            # Launchers put objects there which Python passes over.
            [LastingPath.of(each) for each in sys.path if isinstance(each, str)],
        )

    def sayWhatIsGone(self, *more: object) -> None:
        """
        Warn of paths that lead to something else now, for want of what they meant.

        @param more: What else a worker is given.
        """
        for path in (self.directory, *self.path, *more):
            if isinstance(path, LastingPath) and path.isGone:
                log.warn(
                    "{meant} is gone: a worker that starts now has {given} as it is now",
                    meant=path.meant,
                    given=path.called,
                )

    @property
    def executable(self) -> str:
        """
        The interpreter.
        """
        return os.path.join(self.directory, self.name)
