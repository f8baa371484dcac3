"""
C{twisted-cluster}: asks a running cluster, and tells it what to do.

It is started often and by people: it imports no Twisted.
"""
