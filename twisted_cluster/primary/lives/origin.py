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
    given, and so it does if what it meant is gone.

    @ivar given: What a person, or Python, has said.
    @ivar meant: The same without symbolic links.
    """

    given: str
    meant: str

    @classmethod
    def of(cls, given: str) -> LastingPath:
        """
        Keep what a path means now.

        @param given: A relative one is kept as it is: it asks the working directory,
            which no link can change.
        """
        return cls(given, _meaning(given))

    def __fspath__(self) -> str:
        return self.given if self._isSame or self.isGone else self.meant

    @property
    def isGone(self) -> bool:
        """
        Whether there is nothing any more of what it meant, and it means something else.
        """
        return not self._isSame and not os.path.exists(self.meant)

    @property
    def _isSame(self) -> bool:
        return _meaning(self.given) == self.meant


def _meaning(path: str) -> str:
    return os.path.realpath(path) if os.path.isabs(path) else path


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
                    given=path.given,
                )

    @property
    def executable(self) -> str:
        """
        The interpreter.
        """
        return os.path.join(self.directory, self.name)
