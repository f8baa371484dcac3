"""
One plain twistd process: BENCH_APP names the app, BENCH_PORT the port.
"""

import os

import apps
from twisted.application import service, strports

application = service.Application("plain")
strports.service(
    f"tcp:{os.environ['BENCH_PORT']}:interface=127.0.0.1:backlog=511",
    getattr(apps, os.environ["BENCH_APP"]),
).setServiceParent(application)
