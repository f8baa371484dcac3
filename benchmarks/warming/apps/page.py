"""
For twistd cluster. C{Site} takes the reactor when it is made, so it is made in workers.
"""

from __future__ import annotations

import os

from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from warming.apps.importing import spend

spend()


class Page(Resource):
    """
    Which process answers.
    """

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        return b"%d\n" % os.getpid()


class QuietSite(Site):
    """
    Without an access log, as the others.
    """

    noisy = False

    def log(self, request: Request) -> None:
        """
        Write nothing.
        """


def site() -> Site:
    """
    Make it.
    """
    return QuietSite(Page())
