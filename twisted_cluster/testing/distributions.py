"""
When connections come, and how long they take: C{exponential:mean=0.002}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter, signature
from itertools import pairwise
from math import cos, exp, inf, pi
from random import Random
from typing import TypeVar

from attrs import frozen

Made = TypeVar("Made")


@frozen
class Distribution:
    """
    Of times, in seconds.

    @ivar mean: What they come to on average.
    @ivar draw: Gives one.
    """

    mean: float
    draw: Callable[[Random], float]


@frozen
class Arrivals:
    """
    @ivar rate: Connections per second, on average; 0 if that depends on the service.
    @ivar gaps: Gives the seconds between each and the one before.
    @ivar clients: If not 0, so many clients that come again when they were served,
        after a gap.
    """

    rate: float
    gaps: Callable[[Random], Iterator[float]]
    clients: int = 0


def constant(value: float) -> Distribution:
    """
    Always the same.
    """
    _ascending(0, value)
    return Distribution(value, lambda random: value)


def exponential(mean: float) -> Distribution:
    """
    Without memory.
    """
    _above(0, mean)
    return Distribution(mean, lambda random: random.expovariate(1 / mean))


def uniform(low: float, high: float) -> Distribution:
    """
    Anything between two.
    """
    _ascending(0, low, high)
    return Distribution((low + high) / 2, lambda random: random.uniform(low, high))


def lognormal(mean: float, sigma: float = 1.0) -> Distribution:
    """
    As what people and databases take often is.

    @param sigma: Of the logarithm; the larger, the longer the tail.
    """
    _above(0, mean)
    _ascending(0, sigma)
    scale = mean / exp(sigma**2 / 2)
    return Distribution(mean, lambda random: scale * random.lognormvariate(0, sigma))


def pareto(mean: float, shape: float = 1.5) -> Distribution:
    """
    With a heavy tail: few that take most of the time.

    @param shape: Above 1; below 2 the variance is infinite.
    """
    _above(0, mean)
    scale = mean * (_above(1, shape) - 1) / shape
    return Distribution(mean, lambda random: scale * random.paretovariate(shape))


def mixed(usual: float, slow: float, share: float) -> Distribution:
    """
    One of two.

    @param share: How many take C{slow} seconds, 0 to 1.
    """
    _ascending(0, usual, slow)
    _ascending(0, share, 1)
    mean = usual + (slow - usual) * share
    return Distribution(mean, lambda random: slow if random.random() < share else usual)


def poisson(rate: float) -> Arrivals:
    """
    Many clients that know nothing of each other.
    """
    _above(0, rate)
    return Arrivals(rate, lambda random: iter(lambda: random.expovariate(rate), None))


def regular(rate: float) -> Arrivals:
    """
    As a clock ticks.
    """
    gap = 1 / _above(0, rate)
    return Arrivals(rate, lambda random: iter(lambda: gap, None))


def waves(low: float, high: float, period: float) -> Arrivals:
    """
    As C{poisson}, now more and now fewer.

    @param period: Seconds from one crest to the next.
    """
    _ascending(0, low, high)
    _above(0, period)
    mean, swing = (low + high) / 2, (high - low) / 2
    return changing(high, lambda now: mean - swing * cos(2 * pi * now / period), mean)


def changing(
    most: float, rateAt: Callable[[float], float], mean: float = 0.0
) -> Arrivals:
    """
    As C{poisson}, with another rate at each time.

    @param most: The highest rate.
    @param rateAt: Gives it, of seconds since the beginning.
    @param mean: What it comes to on average; C{0}: nobody knows.
    """
    _above(0, most)

    def gaps(random: Random) -> Iterator[float]:
        now = last = 0.0
        while True:
            now += random.expovariate(most)
            if random.random() * most < rateAt(now):
                yield now - last
                last = now

    return Arrivals(mean, gaps)


def bursts(rate: float, size: int) -> Arrivals:
    """
    So many at once, as a clock ticks.
    """
    gap = size / _above(0, rate)
    _ascending(1, size)

    def gaps(random: Random) -> Iterator[float]:
        while True:
            yield gap
            yield from [0.0] * (size - 1)

    return Arrivals(rate, gaps)


def closed(clients: int, pause: float = 0.0) -> Arrivals:
    """
    So many clients, of whom each waits for its answer, and comes again.

    @param pause: How long it thinks about the answer, on average.
    """
    _ascending(1, clients)
    _ascending(0, pause)
    thought = exponential(pause) if pause else constant(0)
    return Arrivals(0, lambda random: iter(lambda: thought.draw(random), None), clients)


TIMES: Mapping[str, Callable[..., Distribution]] = {
    kind.__name__: kind
    for kind in (constant, exponential, lognormal, mixed, pareto, uniform)
}
ARRIVALS: Mapping[str, Callable[..., Arrivals]] = {
    kind.__name__: kind for kind in (bursts, closed, poisson, regular, waves)
}


def parseTimes(text: str) -> Distribution:
    """
    @param text: C{NAME:key=value,key=value}.
    @raise ValueError: If there is no such thing, or it does not take that.
    """
    return _parse(text, TIMES)


def parseArrivals(text: str) -> Arrivals:
    """
    The same for L{Arrivals}.
    """
    return _parse(text, ARRIVALS)


def howTo(kinds: Mapping[str, Callable[..., object]]) -> str:
    """
    @return: What can be written, for each kind.
    """
    return "; ".join(f"{name}:{_arguments(kind)}" for name, kind in kinds.items())


def _parse(text: str, kinds: Mapping[str, Callable[..., Made]]) -> Made:
    name, _, rest = text.partition(":")
    if name not in kinds:
        raise ValueError(f"{text!r}: there are {howTo(kinds)}")
    kind = kinds[name]
    try:
        given = dict(part.split("=") for part in rest.split(",") if part)
        wanted = signature(kind, eval_str=True)
        wanted.bind(**given)
        values = {k: wanted.parameters[k].annotation(v) for k, v in given.items()}
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{text!r}: {error}; write {name}:{_arguments(kind)}") from None


def _arguments(kind: Callable[..., object]) -> str:
    return ",".join(
        f"{each.name}={'NUMBER' if each.default is Parameter.empty else each.default}"
        for each in signature(kind).parameters.values()
    )


def _above(limit: float, value: float) -> float:
    if not limit < value < inf:
        raise ValueError(f"{value} is not above {limit}")
    return value


def _ascending(*values: float) -> None:
    if not all(one <= other < inf for one, other in pairwise(values)):
        raise ValueError(f"{' <= '.join(map(str, values))} is not true")
