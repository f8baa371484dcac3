"""
How simulated connections come, and how long they take.
"""

from __future__ import annotations

from itertools import islice
from random import Random
from statistics import fmean

import pytest

from twisted_cluster.testing.distributions import parseArrivals, parseTimes

MANY = 100_000


@pytest.mark.parametrize(
    ("text", "mean"),
    [
        ("constant:value=2", 2.0),
        ("exponential:mean=2", 2.0),
        ("uniform:low=1,high=4", 2.5),
        ("lognormal:mean=2", 2.0),
        ("lognormal:mean=2,sigma=0.5", 2.0),
        ("pareto:mean=2,shape=3", 2.0),
        ("mixed:usual=1,slow=11,share=0.1", 2.0),
    ],
)
def test_meansAreAsSaid(text: str, mean: float) -> None:
    """
    A distribution knows its mean, and what it draws has it.
    """
    times, random = parseTimes(text), Random(1)
    drawn = [times.draw(random) for _ in range(MANY)]
    assert times.mean == pytest.approx(mean)
    assert fmean(drawn) == pytest.approx(mean, rel=0.03)
    assert min(drawn) > 0


@pytest.mark.parametrize(
    "text", ["poisson:rate=50", "regular:rate=50", "bursts:rate=50,size=5"]
)
def test_ratesAreAsSaid(text: str) -> None:
    """
    So many come in a second.
    """
    arrivals = parseArrivals(text)
    gaps = list(islice(arrivals.gaps(Random(1)), MANY))
    assert arrivals.rate == 50
    assert arrivals.clients == 0
    assert sum(gaps) == pytest.approx(MANY / 50, rel=0.02)
    assert gaps.count(0.0) == (MANY * 4 // 5 if "size" in text else 0)


def test_clientsThink() -> None:
    """
    Between an answer and the next question, if they are to.
    """
    eager, slow = (
        parseArrivals("closed:clients=3"),
        parseArrivals("closed:clients=3,pause=2"),
    )
    assert (eager.rate, eager.clients) == (0, 3)
    assert next(eager.gaps(Random(1))) == 0
    assert fmean(islice(slow.gaps(Random(1)), MANY)) == pytest.approx(2, rel=0.03)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("normal:mean=1", "there are constant:value=NUMBER; exponential:mean=NUMBER"),
        ("exponential", "missing a required argument: 'mean'; write exponential:mean="),
        ("exponential:mean", "write exponential:mean=NUMBER"),
        ("exponential:mean=x", "could not convert string to float: 'x'"),
        ("exponential:mean=0", "0.0 is not above 0"),
        ("exponential:mean=inf", "inf is not above 0"),
        ("exponential:mean=nan", "nan is not above 0"),
        ("exponential:rate=1", "write exponential:mean=NUMBER"),
        ("constant:value=-1", "0 <= -1.0 is not true"),
        ("uniform:low=3,high=2", "0 <= 3.0 <= 2.0 is not true"),
        ("lognormal:mean=1,sigma=-1", "0 <= -1.0 is not true"),
        ("pareto:mean=1,shape=1", "1.0 is not above 1"),
        ("mixed:usual=1,slow=2,share=1.5", "0 <= 1.5 <= 1 is not true"),
        ("mixed:usual=2,slow=1,share=0.5", "0 <= 2.0 <= 1.0 is not true"),
        ("", "there are"),
    ],
)
def test_badTimesAreExplained(text: str, says: str) -> None:
    """
    In one line: what was given, and what can be.
    """
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        parseTimes(text)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sometimes", "there are bursts:rate=NUMBER,size=NUMBER; closed:clients="),
        ("poisson:rate=0", "0.0 is not above 0"),
        ("regular:rate=-1", "-1.0 is not above 0"),
        ("bursts:rate=1,size=0", "1 <= 0 is not true"),
        ("bursts:rate=1,size=1.5", "write bursts:rate=NUMBER,size=NUMBER"),
        ("closed:clients=0", "1 <= 0 is not true"),
        ("closed:clients=1,pause=-1", "0 <= -1.0 is not true"),
    ],
)
def test_badArrivalsAreExplained(text: str, says: str) -> None:
    """
    The same for arrivals.
    """
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        parseArrivals(text)
    assert says in str(raised.value)
