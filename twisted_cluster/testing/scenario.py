"""
What a simulation is of: who comes, and who is there to serve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from random import Random

from attrs import Factory, field, frozen
from attrs.validators import and_, deep_mapping, ge, gt, instance_of, le, lt

from twisted_cluster.core.member import WINDOW
from twisted_cluster.defaults import MOST_WORKERS
from twisted_cluster.events import ConnectionFacts
from twisted_cluster.testing.distributions import Arrivals, Distribution, constant
from twisted_cluster.testing.facts import clientAddress, connectionFrom
from twisted_cluster.testing.first_bytes import httpHead

NOTHING: float = 0
POSITIVE = [gt(NOTHING), lt(inf)]


@frozen
class Block:
    """
    What stops a worker's event loop now and then.

    @ivar every: Seconds from one to the next, on average; more than 0.
    @ivar lasting: Seconds that one takes; more than 0.
    """

    every: float = field(validator=POSITIVE)
    lasting: float = field(validator=POSITIVE)


def clientsFacts(number: int) -> ConnectionFacts:
    """
    A client with an address of its own, that says in a cookie and in the query who it
    is: C{sid=NUMBER}.
    """
    head = httpHead(f"/?sid={number}", headers={"Cookie": f"sid={number}"})
    return connectionFrom(clientAddress(number), first=head)


@frozen(kw_only=True)
class Scenario:
    """
    @ivar arrivals: When connections come.
    @ivar service: For how long each keeps an event loop busy.
    @ivar hold: For how long it stays open after that; the loop is free meanwhile.
    @ivar workers: How many there are.
    @ivar connections: How many come in all.
    @ivar weights: The workers', by number; 1 where there is none.
    @ivar groups: The workers', by number.
    @ivar slow: How many times as long a worker takes for the same, by number.
    @ivar blocks: What stops workers' event loops, by number.
    @ivar staleness: How old what the workers say of themselves may be, in seconds; 0 is
        not at all, as it is in reality with connections.
    @ivar window: How many connections a worker is given before it has taken them; a
        loyal policy may go on to L{twisted_cluster.core.decision.PATIENCE}.
    @ivar rescue: Whether workers that take nothing are passed over, and what they have
        not taken is given to others, as in reality.
    @ivar clients: How many there are, each of which may come again.
    @ivar facts: What is known of a client, by its number.
    @ivar seed: The same seed makes the same connections.
    """

    arrivals: Arrivals
    service: Distribution
    hold: Distribution = Factory(lambda: constant(0.0))
    workers: int = field(default=4, validator=[instance_of(int), ge(1), le(MOST_WORKERS)])
    connections: int = field(default=20_000, validator=[instance_of(int), ge(1)])
    weights: Mapping[int, int] = Factory(dict)
    groups: Mapping[int, str] = Factory(dict)
    slow: Mapping[int, float] = field(
        factory=dict, validator=deep_mapping(instance_of(int), and_(*POSITIVE))
    )
    blocks: Mapping[int, Block] = Factory(dict)
    staleness: float = field(default=0.0, validator=ge(0))
    window: int = field(default=WINDOW, validator=ge(1))
    rescue: bool = True
    clients: int = field(default=1000, validator=[ge(1), le(1 << 24)])
    facts: Callable[[int], ConnectionFacts] = clientsFacts
    seed: int = 1

    def __attrs_post_init__(self) -> None:
        for number in (*self.weights, *self.groups, *self.slow, *self.blocks):
            if not 1 <= number <= self.workers:
                raise ValueError(f"there is no worker {number}: 1 to {self.workers}")

    @property
    def load(self) -> float:
        """
        What share of the workers' time is asked for; 0 if that depends on the policy.
        """
        speeds = [1 / self.slow.get(n, 1.0) for n in range(1, self.workers + 1)]
        return self.arrivals.rate * self.service.mean / sum(speeds)

    def random(self, purpose: str) -> Random:
        """
        @return: A source of chance that nothing else draws from.
        """
        return Random(f"{self.seed} {purpose}")
