"""
What C{--policy} finds.
"""

from by_port import ByPort

from twisted_cluster import PolicyMaker
from twisted_cluster.policies.arguments import number

byPort = PolicyMaker(
    "by-port",
    "The client's port decides; takes offset=NUMBER.",
    ByPort,
    {"offset": number()},
)
