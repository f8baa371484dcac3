"""
For who writes a policy: tests to mix in, doubles, and a simulator
(C{python -m twisted_cluster.testing.simulate}).
"""

from twisted_cluster.testing.facts import WorkerLoad, connectionFrom, idleWorkers
from twisted_cluster.testing.first_bytes import clientHello, httpHead, proxyHeader
from twisted_cluster.testing.policy_tests import PolicyTestsMixin

__all__ = [
    "PolicyTestsMixin",
    "WorkerLoad",
    "clientHello",
    "connectionFrom",
    "httpHead",
    "idleWorkers",
    "proxyHeader",
]
