"""
A script, with the cluster reactor installed.
"""

from __future__ import annotations

import os
import pkgutil
import runpy
import signal
import sys
from contextlib import suppress

from twisted_cluster.wire.inherited import claim
from twisted_cluster.worker.directory import leaveOutNowhere, workingDirectory
from twisted_cluster.worker.link import Link
from twisted_cluster.worker.reactor import install

# Seconds in which what was said last may leave, if the primary reads it at all.
LAST_WORDS = 1.0


def main() -> None:
    """
    Run the script that follows, as Python would, or the module that follows C{-m}.
    """
    claim(os.environ)
    leaveOutNowhere()
    install()
    from twisted.internet import reactor

    link: Link = reactor.clusterLink  # type: ignore[attr-defined]
    departure = link.departure
    link.sayBorn()
    try:
        _run(sys.argv[1:], link.told.folder)
    except SystemExit:
        if departure.planned or departure.isConnected:
            raise
    finally:
        link.peer.mail.flushNow(LAST_WORDS)
    _endBySignal(departure.signalled)


def _run(given: list[str], folder: str | None) -> None:
    """
    @param folder: What is on C{sys.path} for the primary's own script.
    """
    if folder in sys.path:
        sys.path.remove(folder)
    if given[0] == "-m":
        sys.argv[:] = given[1:]
        _importFrom(workingDirectory())
        runpy.run_module(given[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = given
        # What has an importer is a folder or an archive, and is put there by runpy.
        if pkgutil.get_importer(given[0]) is None:
            _importFrom(os.path.dirname(os.path.realpath(given[0])))
        runpy.run_path(given[0], run_name="__main__")


def _importFrom(directory: str | None) -> None:
    """
    Look for modules there first, as Python does, unless it was told not to (C{-P}).
    """
    isSafe = getattr(sys.flags, "safe_path", False) or sys.flags.isolated
    if directory is not None and not isSafe and sys.path[:1] != [directory]:
        sys.path.insert(0, directory)


def _endBySignal(number: int | None) -> None:
    """
    Who was told to end by a signal ends by it, when all is done, as twistd does.
    """
    if number is not None:
        for stream in (sys.stdout, sys.stderr):
            # There may be none, or nobody who reads it.
            with suppress(AttributeError, OSError, ValueError):
                stream.flush()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
