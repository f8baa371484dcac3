"""
The same for gunicorn.
"""

import os

from warming.apps.importing import spend

spend()


def app(environ, start_response):
    body = b"%d\n" % os.getpid()
    headers = [("Content-Type", "text/html"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
