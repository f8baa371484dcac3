"""
What this process runs, and what that means for its workers, which run it as well.
"""

from __future__ import annotations

import os
import sys
from functools import cache

from attrs import evolve, frozen

from twisted_cluster.primary.lives.origin import LastingPath, Origin

MODULE = "-m "


@frozen
class Ground:
    """
    What workers begin with, as it is when they are set up.

    @ivar origin: The interpreter, and C{sys.path}.
    @ivar script: The file, folder or archive that they run; C{"-m name"} for a module.
    @ivar folder: What Python has put on C{sys.path} for this process's own script; not
        what it would for theirs.
    """

    origin: Origin
    script: str | LastingPath
    folder: str | None

    @classmethod
    def of(cls, script: str) -> Ground:
        """
        @param script: What workers are to run.
        """
        origin = Origin.ofThisProcess()
        isSame = script.startswith(MODULE) and script == thisScript()
        folder = None if isSame else _ownFolder()
        if folder == "":
            # Of an interpreter that runs no file: it is where it happens to be.
            path = [each for each in origin.path if each.given]
            origin, folder = evolve(origin, path=path), None
        isFile = script and not script.startswith(MODULE)
        kept = LastingPath.of(script) if isFile else script
        return cls(origin, kept, folder)


def thisScript() -> str:
    """
    @return: What C{exec} is where nothing was said; nothing if there is no script.
    """
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    # Absolute, and not what it means after a chdir.
    file = getattr(main, "__file__", None) or ""
    if spec is not None and spec.name != "__main__":
        name: str = spec.name
        return _runBy(file) or MODULE + name.removesuffix(".__main__")
    if spec is not None:
        file = os.path.dirname(file)  # of a directory or an archive that was run
    return os.path.abspath(file) if os.path.exists(file) else ""


def _runBy(module: str) -> str:
    """
    @param module: The file of a module that was run.
    @return: What it runs itself and calls C{sys.argv[0]}, as C{-m cProfile} does: workers
        run that alone; nothing if it is no such module.
    """
    run = sys.argv[0] if sys.argv else ""
    isAnother = (
        os.path.isfile(run)
        and os.path.isfile(module)
        and not os.path.samefile(run, module)
    )
    return os.path.abspath(run) if isAnother else ""


@cache
def _ownFolder() -> str | None:
    """
    Asked once: a link on the way to this script may be switched.

    @see: C{_PyPathConfig_ComputeSysPath0} of CPython.
    """
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    file: str = getattr(main, "__file__", None) or ""
    if spec is not None and spec.name == "__main__":
        return os.path.dirname(file)
    if getattr(sys.flags, "safe_path", False) or sys.flags.isolated:
        return None
    if spec is None:
        return os.path.dirname(os.path.realpath(file)) if file else ""
    # A module: it may be installed; what Python has put first is where it was started.
    return sys.path[0] if sys.path[:1] == [_here()] else None


def _here() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None
