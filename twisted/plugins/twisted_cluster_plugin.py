"""
What twistd finds: the command, the workers' reactor, the policies. It must not import
the reactor.
"""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

from twisted_cluster.policies import PolicyMaker, noPolicy
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.policies.round_robin import RoundRobin

command = ServiceMaker(
    "cluster",
    "twisted_cluster.tap",
    "Run any Twisted server on every core.",
    "cluster",
)
reactor = Reactor(
    "cluster",
    "twisted_cluster.worker.reactor",
    "The reactor of 'twistd cluster' workers, over any other one.",
)
roundRobin = PolicyMaker("round-robin", "Each worker in turn.", RoundRobin)
leastConnections = PolicyMaker(
    "least-connections", "The worker with the fewest connections.", LeastConnections
)
randomChoice = PolicyMaker(
    "random", "Any worker; takes seed=NUMBER.", RandomChoice, {"seed": int}
)
none = PolicyMaker(
    "none", "The kernel chooses: workers accept from one shared socket.", noPolicy
)
