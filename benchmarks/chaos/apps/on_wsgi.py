import os
import time

FILLING = b"." * 1000


def app(environ, start_response):
    first = b"%d\n%s" % (os.getpid(), FILLING)
    length = str(len(first) + 5)
    headers = [("Content-Length", length), ("Content-Type", "text/plain")]
    start_response("200 OK", headers)
    yield first
    time.sleep(0.005)
    yield b"\nend\n"
