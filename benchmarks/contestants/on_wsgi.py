"""
The same as C{apps.web}, for gunicorn.
"""

BODY = b"hello, world\n"


def app(environ, start_response):
    headers = [("Content-Type", "text/html"), ("Content-Length", str(len(BODY)))]
    start_response("200 OK", headers)
    return [BODY]
