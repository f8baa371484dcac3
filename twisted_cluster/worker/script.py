"""
C{python -m twisted_cluster.worker.script}: a script, with the cluster reactor installed.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys

from twisted_cluster.worker.link import Link
from twisted_cluster.worker.reactor import install

# Seconds in which what was said last may leave, if the primary reads it at all.
LAST_WORDS = 1.0


def main() -> None:
    """
    Run the script that follows, as Python would, or the module that follows C{-m}.
    """
    install()
    from twisted.internet import reactor

    link: Link = reactor.clusterLink  # type: ignore[attr-defined]
    departure = link.departure
    link.sayBorn()
    try:
        _run(sys.argv[1:])
    except SystemExit:
        if departure.planned or departure.isConnected:
            raise
    finally:
        link.peer.mail.flushNow(LAST_WORDS)
    _endBySignal(departure.signalled)


def _run(given: list[str]) -> None:
    if given[0] == "-m":
        sys.argv[:] = given[1:]
        _importFrom(os.getcwd())
        runpy.run_module(given[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = given
        script = os.path.abspath(given[0])
        _importFrom(os.path.dirname(script))
        runpy.run_path(given[0], run_name="__main__")


def _importFrom(directory: str) -> None:
    """
    Begin to look for modules there, unless Python was told not to (C{-P}).
    """
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = directory


def _endBySignal(number: int | None) -> None:
    """
    Who was told to end by a signal ends by it, when all is done, as twistd does.
    """
    if number is not None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


if __name__ == "__main__":
    main()
