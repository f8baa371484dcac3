"""
What has come from another process, until it is heard.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from math import inf

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_cluster.core.allowance import Allowance
from twisted_cluster.core.frames import ASK, MESSAGE, Frame
from twisted_cluster.core.resting import REST
from twisted_cluster.talk.ears import Ears
from twisted_cluster.wire.closing import discard

log = Logger()

# What of a kind may wait for a listener: more is left with its sender, but for questions,
# which are refused.
UNHEARD_BYTES = 1 << 24
UNHEARD_COUNT = 10_000
# What a descriptor counts as, in bytes: there may be far fewer of them, 256.
DESCRIPTOR = 1 << 16
# How much is heard in one turn of the loop: some milliseconds, if each message takes
# some microseconds; other connections are served in between.
FRAMES_A_TURN = 256
# Nor for longer than so many seconds, which is looked at after so many frames.
SHARE = 0.001
FRAMES_A_LOOK = 8
# What fewer take, with all that it takes to read them.
FEW = 0.0001
# What is of no use to anybody may take this part of the time, and so much at once.
USELESS = 0.1
USELESS_AT_ONCE = 0.002

# All others are heard at any time.
FOR_LISTENERS = (MESSAGE, ASK)

Delivery = tuple[Frame, "int | None"]


class Hearing:
    """
    Has frames heard in order, so many in a turn; those that nobody hears yet wait, each
    kind by itself. While many messages wait no more is read.
    """

    def __init__(
        self,
        clock: IReactorTime,
        ears: Ears,
        hear: Callable[[Frame, int | None], bool],
        read: Callable[[bool], object],
    ) -> None:
        """
        @param ears: Who hears, or does not yet.
        @param hear: Called with a frame, and the descriptor that came with it; also with
            a question that nobody hears, when too many wait. Says whether it was of use.
        @param read: Called with whether more is to be read.
        """
        self._clock = clock
        self._ears = ears
        self._hear = hear
        self._read = read
        self._come: deque[Delivery] = deque()
        self._unheard: deque[Delivery] = deque()
        # By kind; those of which none waits are not there.
        self._unheardCounts: Counter[int] = Counter()
        self._unheardSizes: Counter[int] = Counter()
        self._isReading = True
        self._later: IDelayedCall | None = None
        self._isHeld = False
        self._isResting = False
        self._useless = Allowance(USELESS, USELESS_AT_ONCE)

    def take(self, come: Iterable[Delivery]) -> None:
        """
        Hear what has come, behind what has come before, though not all at once.
        """
        waiting = self._come
        waiting.extend(come)
        # This may find that the channel has ended, and so read on: what that brings is
        # behind what has come.
        try:
            self._ears.before()
        except BaseException:
            log.failure("what came on another wire was not heard first")
        isAlone = len(waiting) == 1 and not self._unheard
        if not isAlone or self._isResting or self._isHeld:
            self._hearSome()
            return
        # As that does it, without a count and a look at the clock.
        frame, fd = waiting.popleft()
        kind = frame.kind
        if kind in FOR_LISTENERS and not self._ears.hears(kind):
            self._postpone(frame, fd)
        elif self._hear(frame, fd) is False:
            self._waste(FEW)
        if REST.isOn:
            REST.end()
        if waiting or self._unheard or self._isResting or not self._isReading:
            self._regulate()

    def _hearSome(self) -> None:
        if self._isResting or self._isHeld:
            return
        # Of a few the time is not taken: it would be dearer than they are.
        isFew = len(self._come) < FRAMES_A_LOOK
        begun = 0.0 if isFew else self._clock.seconds()
        useless = self._hearMost(FRAMES_A_TURN, begun + SHARE)
        if useless:
            self._waste(useless * (FEW if isFew else self._clock.seconds() - begun))
        if self._come or self._unheard or self._isResting or not self._isReading:
            self._regulate()

    def _waste(self, seconds: float) -> None:
        """
        So much time went into what was of no use; what comes next may have to wait.
        """
        rest = self._useless.spend(self._clock.seconds(), seconds)
        if rest and self._later is None:
            self._isResting = True
            self._later = self._clock.callLater(rest, self._goOn)

    def hold(self, isHeld: bool) -> None:
        """
        Hear nothing for now, nor read: what has come waits.
        """
        self._isHeld = isHeld
        self._regulate()

    def hearAll(self) -> None:
        """
        Hear what has come: there will be no later.
        """
        self._hearMost(len(self._come), inf)

    def listen(self) -> None:
        """
        Somebody hears now who did not before: what has waited is heard soon.
        """
        if self._unheard and self._later is None:
            self._later = self._clock.callLater(0, self._goOn)

    def forget(self) -> None:
        """
        Nothing more is to be heard of what has come, but for what waits for a listener.
        """
        _close(self._come)

    def drop(self) -> None:
        """
        Nobody will listen any more.
        """
        if self._later is not None:
            self._later.cancel()
            self._later = None
        _close(self._come)
        _close(self._unheard)
        self._unheardCounts.clear()
        self._unheardSizes.clear()

    def _goOn(self) -> None:
        self._later = None
        self._isResting = False
        self._takeUp()
        self._hearSome()

    def _takeUp(self) -> None:
        """
        What has waited for somebody who hears it now comes first.
        """
        heard = {kind for kind in self._unheardCounts if self._ears.hears(kind)}
        if not heard:
            return
        again = [one for one in self._unheard if one[0].kind in heard]
        self._unheard = deque(one for one in self._unheard if one[0].kind not in heard)
        for kind in heard:
            del self._unheardCounts[kind], self._unheardSizes[kind]
        self._come.extendleft(reversed(again))

    def _hearMost(self, count: int, end: float) -> float:
        """
        @param end: When it has been enough, in seconds; if never, who hears cannot ask
            for a rest either.
        @return: Which part of it was of no use to anybody, 0 to 1.
        """
        come, unheard = self._come, self._unheardCounts
        hears, hear = self._ears.hears, self._hear
        useless, heard, isLast = 0, 0, end == inf
        for heard in range(1, count + 1):
            # Who hears may forget the rest, or cannot go on.
            if not come or (self._isHeld and not isLast):
                break
            if heard % FRAMES_A_LOOK == 0 and self._clock.seconds() > end:
                break
            frame, fd = come.popleft()
            kind = frame.kind
            # What has waited comes first.
            if kind not in FOR_LISTENERS or (hears(kind) and kind not in unheard):
                useless += hear(frame, fd) is False
            elif kind == ASK and self._isFull(ASK):
                useless += hear(frame, fd) is False
            else:
                self._postpone(frame, fd)
            if REST.isOn:
                REST.end()
        return useless / heard if useless else 0.0

    def _postpone(self, frame: Frame, fd: int | None) -> None:
        # A copy: the frame's is part of all that came with it.
        unheard = frame._replace(body=bytes(frame.body)), fd
        self._unheard.append(unheard)
        self._unheardCounts[frame.kind] += 1
        self._unheardSizes[frame.kind] += _sizeOf(unheard)

    def _isFull(self, kind: int) -> bool:
        return (
            self._unheardCounts[kind] >= UNHEARD_COUNT
            or self._unheardSizes[kind] >= UNHEARD_BYTES
        )

    def _regulate(self) -> None:
        if self._come and self._later is None and not self._isHeld:
            self._later = self._clock.callLater(0, self._goOn)
        isFull = self._isFull(MESSAGE)
        isReading = not (self._come or isFull or self._isHeld or self._isResting)
        if isReading != self._isReading:
            self._isReading = isReading
            self._read(isReading)
            if isFull:
                log.warn(
                    "{count} messages wait for a listener; no more are read before",
                    count=self._unheardCounts[MESSAGE],
                )


def _sizeOf(delivery: Delivery) -> int:
    """
    What it counts as while nobody hears it.
    """
    frame, fd = delivery
    return len(frame.extra) + len(frame.body) + (0 if fd is None else DESCRIPTOR)


def _close(frames: deque[Delivery]) -> None:
    """
    Forget what has come, and close what came with it.
    """
    discard(fd for _, fd in frames if fd is not None)
    frames.clear()
