"""
A server that is put to the test: how it is started, and what can be asked of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from harness import HERE, TOP
from machine import descendants, freePort
from servers import STOP_LIMIT, StartError, answers

from tests.process.cluster import membersOf

APPS = HERE / "chaos" / "apps"
START_LIMIT = 30.0


class Contender:
    """
    One server, in a directory of its own.

    @cvar name: What the table calls it.
    @cvar app: Which file of C{apps} it serves, as C{service}.
    @cvar reloads: Whether SIGHUP renews its workers.
    @cvar scales: Whether SIGTTIN and SIGTTOU do.
    @cvar heals: Whether it replaces who dies.
    @cvar recycling: Options that renew workers again and again.
    @cvar dispatches: Whether it can be asked how connections reach workers.
    """

    name = ""
    app = "on_asgi.py"
    reloads = True
    scales = False
    heals = True
    recycling: Sequence[str] = ()
    dispatches = False

    def __init__(self, workers: int = 4) -> None:
        self.count = workers
        self.port = freePort()
        self.directory = Path(tempfile.mkdtemp(prefix="chaos-"))
        self.directory.chmod(0o755)
        self.options: list[str] = []
        self._log = (self.directory / "log").open("ab")
        self._main: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """
        @return: What starts it in the foreground.
        """
        raise NotImplementedError

    @property
    def environment(self) -> Mapping[str, str]:
        """
        Besides ours.
        """
        return {}

    @property
    def service(self) -> Path:
        """
        The application's file.
        """
        return self.directory / f"service{Path(self.app).suffix}"

    def good(self) -> None:
        """
        Put the application there that works.
        """
        self._put((APPS / self.app).read_bytes())

    def bad(self, text: str) -> None:
        """
        Put another there.
        """
        self._put(text.encode())

    def _put(self, text: bytes) -> None:
        """
        Not by a new file of the same size and second: Python would take what it has
        compiled for it.
        """
        shutil.rmtree(self.directory / "__pycache__", ignore_errors=True)
        self.service.write_bytes(text)

    @property
    def pid(self) -> int:
        """
        The process that the others are children of.
        """
        assert self._main is not None
        return self._main.pid

    def isAlive(self) -> bool:
        """
        Whether that one is.
        """
        return self._main is not None and self._main.poll() is None

    def workers(self) -> list[int]:
        """
        @return: Those that serve, or are about to.
        """
        return [pid for pid in descendants(self.pid) if self._serves(pid)]

    def _serves(self, pid: int) -> bool:
        """
        Whether a child is no helper of Python's.
        """
        try:
            return b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def start(self) -> None:
        """
        @raise StartError: If it does not serve within L{START_LIMIT}.
        """
        if not self.service.exists():
            self.good()
        paths = filter(None, [str(TOP), os.environ.get("PYTHONPATH", "")])
        known = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        self._main = subprocess.Popen(
            self.command(),
            cwd=self.directory,
            env={**known, "PYTHONDONTWRITEBYTECODE": "1", **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_LIMIT
        while len(self.workers()) < self.count or not answers(self.port):
            if not self.isAlive() or time.monotonic() > deadline:
                raise StartError(f"{self.name} does not start:\n{self.logged()}")
            time.sleep(0.05)

    def logged(self, most: int = 3000) -> str:
        """
        @return: The end of what it has printed.
        """
        return (self.directory / "log").read_bytes()[-most:].decode(errors="replace")

    def saidCut(self) -> int | None:
        """
        @return: How many connections its log says to have been cut by deaths, if it
            says that.
        """
        return None

    def signal(self, number: int) -> None:
        """
        Send its main process a signal; one that is gone gets none.
        """
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def signalAll(self, number: int) -> None:
        """
        Send all of its processes a signal.
        """
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def ended(self, patience: float) -> bool:
        """
        Wait for all of its processes.

        @return: Whether they ended in so many seconds; they have now.
        """
        deadline = time.monotonic() + patience
        while self._left() and time.monotonic() < deadline:
            time.sleep(0.01)
        isInTime = not self._left()
        self.signalAll(signal.SIGKILL)
        self.signalAll(signal.SIGCONT)
        assert self._main is not None
        self._main.wait()
        return isInTime

    def _left(self) -> bool:
        """
        Whether any lives: who is dead, and waits for process 1 to see that, does not.
        """
        return self.isAlive() or bool(membersOf(self.pid))

    def remove(self) -> None:
        """
        End it, and leave nothing.
        """
        if self._main is not None:
            self.signal(signal.SIGTERM)
            self.ended(STOP_LIMIT)
        self._log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
