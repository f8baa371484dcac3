"""
What a request is answered.
"""

from __future__ import annotations

import json

from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request

JSON = b"application/json"
LINES = b"application/x-ndjson"
OK, BAD, UNKNOWN, METHOD, CONFLICT = 200, 400, 404, 405, 409
__all__ = ["NOT_DONE_YET", "Answer", "refused", "whole"]


def whole(request: Request, value: object) -> bytes:
    """
    @return: A value as JSON, to be the answer.
    """
    request.setHeader(b"content-type", JSON)
    return json.dumps(value).encode() + b"\n"


def refused(request: Request, code: int, why: str) -> bytes:
    """
    @return: Why there is no other answer.
    """
    request.setResponseCode(code)
    return whole(request, {"error": why})


class Answer:
    """
    Lines of JSON, as they come: C{{"progress": "..."}} any number of times, and then
    C{{"done": "..."}} or C{{"error": "..."}}. What fails before there was any progress
    has the status of a conflict as well.

    @ivar isOver: Whether nothing more can be said.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._hasBegun = False
        self.isOver = False
        request.setHeader(b"content-type", LINES)
        request.notifyFinish().addErrback(self._left)

    def progress(self, text: str) -> None:
        """
        It goes on.
        """
        self._say("progress", text)

    def done(self, text: str = "") -> None:
        """
        It is done.

        @param text: What came of it.
        """
        self._end("done", text)

    def failed(self, why: str) -> None:
        """
        It could not be done.
        """
        if not self._hasBegun and not self.isOver:
            self._request.setResponseCode(CONFLICT)
        self._end("error", why)

    def _say(self, kind: str, text: str) -> None:
        if not self.isOver:
            self._hasBegun = True
            self._request.write(json.dumps({kind: text}).encode() + b"\n")

    def _end(self, kind: str, text: str) -> None:
        self._say(kind, text)
        if not self.isOver:
            self.isOver = True
            self._request.finish()

    def _left(self, _: Failure) -> None:
        self.isOver = True
