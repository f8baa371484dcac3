"""
What a case came to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tests.intrusions.case import Intrusion
from tests.intrusions.innocents import Request
from tests.process.cluster import RunningCluster

# The name is before what a worker says, and what is said of that.
ERROR = re.compile(r"\S+ (worker \d+ )?\[[^\]]*#(?:error|critical)\] ")

# More than this does not come of what noise there is, in bytes.
GROWN = 16 << 20


@frozen
class Size:
    """
    @ivar descriptors: How many the primary has.
    @ivar rss: Its resident memory, in bytes.
    """

    descriptors: int
    rss: int


def sizeOf(cluster: RunningCluster) -> Size:
    """
    How large the primary is just now.
    """
    of = Path(f"/proc/{cluster.pid}")
    kilobytes = re.search(r"VmRSS:\s+(\d+)", (of / "status").read_text())
    assert kilobytes is not None
    return Size(len(list((of / "fd").iterdir())), int(kilobytes[1]) * 1024)


@frozen
class Report:
    """
    @ivar slot: Whose worker did it.
    @ivar pid: Which process that was.
    @ivar quiet: What became of the innocent before the attack.
    @ivar attacked: What became of them from its beginning on, whom the attacker's worker
        did not hold.
    @ivar held: How many it held.
    @ivar before: The primary's size.
    @ivar after: The same, when all was over.
    @ivar errors: The errors that were logged meanwhile, line by line.
    @ivar heard: What the attacker's code came to, if that is known.
    """

    case: Intrusion
    slot: int
    pid: int
    quiet: Sequence[Request]
    attacked: Sequence[Request]
    held: int
    before: Size
    after: Size
    errors: Sequence[str]
    heard: str | None

    @property
    def failed(self) -> Sequence[Request]:
        """
        Who was not served, and should have been.
        """
        return [each for each in [*self.quiet, *self.attacked] if not each.pid]

    @property
    def told(self) -> Sequence[str]:
        """
        The errors that the case expects and that kill nobody.
        """
        return [line for line in self.errors if self._tells(line)]

    def check(self) -> None:
        """
        @raise AssertionError: If something went otherwise than it should.
        """
        if self.case.spares:
            assert not self.failed
        assert self.after.descriptors <= self.before.descriptors
        assert self.after.rss < self.before.rss + GROWN
        self._checkErrors()
        if self.case.said is None and not self.case.hangs:
            assert self.heard == "done"

    def _checkErrors(self) -> None:
        named = [line for line in self.errors if self._names(line)]
        assert len(named) == (self.case.said is not None), self.errors
        told = self.told
        assert bool(told) == (self.case.tells is not None), self.errors
        # It may write what it likes under its own name.
        others = [line for line in self.errors if not isWorkers(line)]
        assert set(others) <= {*named, *told}, self.errors

    def _names(self, line: str) -> bool:
        """
        Whether it is the one that says who was killed, and for what.
        """
        if self.case.said is None:
            return False
        pattern = rf"\] worker {self.slot} \({self.pid}\).*{self.case.said}"
        return bool(re.search(pattern, line))

    def _tells(self, line: str) -> bool:
        return self.case.tells is not None and bool(re.search(self.case.tells, line))


def errorsIn(text: str) -> Sequence[str]:
    """
    @return: The lines that are errors.
    """
    return [line for line in text.splitlines() if ERROR.match(line)]


def isWorkers(line: str) -> bool:
    """
    Whether an error is said under a worker's name.
    """
    found = ERROR.match(line)
    return found is not None and found[1] is not None


def chosenIn(path: Path) -> Mapping[int, int]:
    """
    @param path: What the policy has noted.
    @return: By each client's port, the id of the worker to whom it was handed last.
    """
    pairs = (line.split() for line in path.read_text().splitlines())
    return {int(port): int(worker) for port, worker in pairs}
