"""
The page of demo.py on two workers, as a service of a .tac file's application; other
services of the application run in the primary.

twistd -ny embedded.tac
"""

import os

from twisted.application.service import Application
from twisted.internet import reactor

from twisted_cluster import ClusterConfig, ClusterService

application = Application("demo")
config = ClusterConfig.forApp(
    "demo.Page",
    listen=[f"tcp:{os.environ.get('PORT', '8080')}"],
    workers=2,
    policy="least-connections",
)
ClusterService(reactor, config).setServiceParent(application)
