"""
A page that says which process answered: a plain twisted.web application.
"""

import os

from twisted.web.resource import Resource
from twisted.web.server import Request

PAGE = """<!doctype html>
<meta charset="utf-8"><title>Which worker?</title>
<style>body {{ font: 1.2em sans-serif; margin: 20vh auto; text-align: center }}
b {{ display: block; font-size: 4em }}</style>
<p>You were served by process <b>{pid}</b> its request number {count}.
<p><a href="/">ask again</a>
"""


class Page(Resource):
    """
    Answers every path.
    """

    isLeaf = True
    count = 0

    def render_GET(self, request: Request) -> bytes:
        # The browser connects anew for each request, so that each is dispatched anew.
        request.setHeader(b"connection", b"close")
        self.count += 1
        return PAGE.format(pid=os.getpid(), count=self.count).encode()
