"""
What C{--policy} finds.
"""

from by_port import ByPort

from twisted_cluster import PolicyMaker

byPort = PolicyMaker("by-port", "The client's port decides.", ByPort, {"offset": int})
