"""
For who writes a policy: tests to mix in, doubles, and a simulator
(C{python -m twisted_cluster.testing.simulate}).
"""

from twisted_cluster.testing.comparison import tableOf
from twisted_cluster.testing.facts import WorkerLoad, connectionFrom, idleWorkers
from twisted_cluster.testing.first_bytes import clientHello, httpHead, proxyHeader
from twisted_cluster.testing.outcome import Outcome
from twisted_cluster.testing.policy_tests import PolicyTestsMixin
from twisted_cluster.testing.scenario import Block, Scenario
from twisted_cluster.testing.simulation import simulatePolicy

__all__ = [
    "Block",
    "Outcome",
    "PolicyTestsMixin",
    "Scenario",
    "WorkerLoad",
    "clientHello",
    "connectionFrom",
    "httpHead",
    "idleWorkers",
    "proxyHeader",
    "simulatePolicy",
    "tableOf",
]
