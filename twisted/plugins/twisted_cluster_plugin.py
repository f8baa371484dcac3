"""
What twistd finds: the command, the workers' reactor, the policies. It must not import
the reactor.
"""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

from twisted_cluster.policies import PolicyMaker, noPolicy
from twisted_cluster.policies.arguments import number, quantity
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.least_lag import LeastLag
from twisted_cluster.policies.pinned import Pinned
from twisted_cluster.policies.power_of_two import PowerOfTwo
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.policies.route import RouteMaker
from twisted_cluster.policies.sticky import PARAMETERS, makeSticky
from twisted_cluster.policies.weighted import Weighted

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
lean = Reactor(
    "lean", "twisted_cluster.lean.reactor", "The epoll reactor, with fewer system calls."
)
epollStock = Reactor(
    "epoll-stock",
    "twisted_cluster.lean.stock",
    "The epoll reactor as it is; workers have a lean one for 'epoll'.",
)
roundRobin = PolicyMaker("round-robin", "Each worker in turn.", RoundRobin)
leastConnections = PolicyMaker(
    "least-connections", "The worker with the fewest connections.", LeastConnections
)
leastLag = PolicyMaker(
    "least-lag",
    "The worker whose event loop is least late; takes within=MICROSECONDS.",
    LeastLag,
    {"within": quantity(1e9, "microseconds", zero=True)},
)
pinned = PolicyMaker(
    "pinned",
    "One worker serves the port; takes worker=NUMBER.",
    Pinned,
    {"worker": number(1)},
)
powerOfTwo = PolicyMaker(
    "power-of-two",
    "The less busy of any two; takes seed=NUMBER.",
    PowerOfTwo,
    {"seed": number()},
)
randomChoice = PolicyMaker(
    "random", "Any worker; takes seed=NUMBER.", RandomChoice, {"seed": number()}
)
route = RouteMaker()
sticky = PolicyMaker(
    "sticky",
    "The same worker again by=address, or by=cookie|header|query,name=NAME.",
    makeSticky,
    PARAMETERS,
    ("by=address|cookie|header|query",),
)
weighted = PolicyMaker("weighted", "Each in turn, as often as its weight says.", Weighted)
none = PolicyMaker(
    "none", "The kernel chooses: workers accept from one shared socket.", noPolicy
)
