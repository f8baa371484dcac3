"""
The policy, as C{--policy} finds it.
"""

from unittest import TestCase

from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.plugins import parsePolicy
from twisted_cluster.testing import PolicyTestsMixin, connectionFrom, idleWorkers


class ByPortTests(PolicyTestsMixin, TestCase):
    """
    What every policy must keep, and what this one promises.
    """

    def makePolicy(self):
        return parsePolicy("by-port:offset=1")()

    def choose(self, host, port=0):
        """
        Which of three workers serves.
        """
        connection = connectionFrom(host, port)
        return self.makePolicy().choose(connection, idleWorkers(3)).number

    def test_portDecides(self):
        """
        Whoever asks, and whatever was asked before.
        """
        self.assertEqual(self.choose("192.0.2.1", 3000), 2)
        self.assertEqual(self.choose("2001:db8::1", 3000), 2)
        self.assertEqual(self.choose("192.0.2.1", 3001), 3)

    def test_noPortIsTheFirstWorkers(self):
        """
        Peers at UNIX sockets have none.
        """
        self.assertEqual(self.choose(""), 1)

    def test_argumentIsANumber(self):
        """
        The user is told otherwise.
        """
        with self.assertRaisesRegex(PolicyArgumentError, "offset=x: give a whole number"):
            parsePolicy("by-port:offset=x")
