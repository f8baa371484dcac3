"""
The same as C{apps.web}, for granian.
"""

BODY = b"hello, world\n"
HEADERS = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(BODY))]


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})
