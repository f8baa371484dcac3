"""
What programs write that outlive the worker that has started them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from tests.logged import Logged
from twisted_cluster.primary.lives.outliving import Outliving
from twisted_cluster.primary.lives.streams import StandardStreams


class Pipe:
    """
    @ivar isRead: Whether it is read.
    @ivar ended: To be called when nobody writes any more.
    """

    isRead = True

    def __init__(self, isShared: bool = True) -> None:
        self.isShared = isShared

    def outlive(self, ended: Callable[[], None]) -> bool:
        self.ended = ended
        self.isRead = self.isShared
        return self.isShared

    def finish(self) -> None:
        self.isRead = False


def kept(outliving: Outliving, count: int, isShared: bool = True) -> list[Pipe]:
    """
    Pipes of workers that are gone, by number.
    """
    pipes = [Pipe(isShared) for _ in range(count)]
    for number, pipe in enumerate(pipes, 1):
        outliving.keep(cast(StandardStreams, pipe), f"worker {number}")
    return pipes


def test_soManyAreRead(logged: Logged) -> None:
    """
    Of more the oldest is given up, which is said.
    """
    outliving = Outliving(lambda: 2)
    pipes = kept(outliving, 2)
    assert all(pipe.isRead for pipe in pipes)
    pipes += kept(outliving, 1)
    assert [pipe.isRead for pipe in pipes] == [False, True, True]
    (said,) = logged.events
    assert said["worker"] == "worker 1"


def test_whatHasEndedCountsNoMore(logged: Logged) -> None:
    """
    Nor does what nobody outlives.
    """
    outliving = Outliving(lambda: 2)
    first, second = kept(outliving, 2)
    kept(outliving, 5, isShared=False)
    first.ended()
    kept(outliving, 1)
    assert second.isRead
    assert not logged.events


def test_atTheEndNobodyIsRead(logged: Logged) -> None:
    """
    It is said if there was anybody.
    """
    outliving = Outliving()
    outliving.closeAll()
    assert not logged.events
    pipes = kept(outliving, 3)
    outliving.closeAll()
    assert not any(pipe.isRead for pipe in pipes)
    assert [event["count"] for event in logged.events] == [3]
    assert "that 3 workers had started" in logged.texts()[0]
    pipes[0].ended()


def test_whoCannotBeKilledIsNoProgramOfItsOwn(logged: Logged) -> None:
    """
    It goes on itself, whatever it has started.
    """
    outliving = Outliving()
    outliving.keep(cast(StandardStreams, Pipe()), "worker 1", isLeft=True)
    outliving.closeAll()
    (said,) = logged.texts()
    assert said.startswith("processes go on of 1 worker that cannot be killed: ")
