"""
Starts a load, sees how it goes, and ends it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import asdict, field, frozen

from tests.process.loading.crowd import Plan
from tests.process.loading.outcome import Outcome

ROOT = Path(__file__).resolve().parents[3]


@frozen
class Progress:
    """
    How it goes.

    @ivar last: When each process served last; C{time.monotonic}.
    """

    served: int = 0
    failed: int = 0
    last: Mapping[int, float] = field(factory=dict)


class Load:
    """
    A steady load while a C{with} block lasts, which ends when all have their answers.

    @ivar outcome: What became of the requests, when it is over.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._line = ""
        self._isOver = threading.Event()
        self.outcome = Outcome()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.process.loading", json.dumps(asdict(plan))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._line = line
        self._isOver.set()

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._finish()
        finally:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()

    def _finish(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        patience = self._plan.patience + 20
        assert self._isOver.wait(patience), f"the load does not end within {patience} s"
        self.outcome = Outcome.fromJson(self._line)

    @property
    def progress(self) -> Progress:
        """
        How it goes, a twentieth of a second ago.
        """
        line = self._line
        if not line or self._isOver.is_set():
            return Progress()
        told = json.loads(line)
        if "last" not in told:
            return Progress()
        last = {int(pid): when for pid, when in told["last"].items()}
        return Progress(told["served"], told["failed"], last)

    def until(self, isTrue: Callable[[Progress], object], patience: float = 20.0) -> bool:
        """
        Wait until something is true of it.

        @return: Whether it was, in that time.
        """
        deadline = time.monotonic() + patience
        while not isTrue(self.progress):
            if time.monotonic() > deadline or self._process.poll() is not None:
                return False
            time.sleep(0.02)
        return True

    def untilServed(self, more: int, patience: float = 20.0) -> bool:
        """
        Wait until so many more have been served.
        """
        enough = self.progress.served + more
        return self.until(lambda progress: progress.served >= enough, patience)
