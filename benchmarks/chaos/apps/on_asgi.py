import asyncio
import os

FILLING = b"." * 1000


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    first = b"%d\n%s" % (os.getpid(), FILLING)
    headers = [(b"content-length", b"%d" % (len(first) + 5))]
    headers.append((b"content-type", b"text/plain"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": first, "more_body": True})
    await asyncio.sleep(0.005)
    await send({"type": "http.response.body", "body": b"\nend\n"})


async def lifespan(receive, send):
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
