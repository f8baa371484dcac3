"""
What WSGI applications are told of the processes beside theirs.
"""

from __future__ import annotations

from typing import Any

from twisted_cluster.worker.importing import whenImported


def tellMultiprocess() -> None:
    """
    From now on C{wsgi.multiprocess} is true: the same application is in other processes
    too. Twisted, which knows of none, says that it is not.

    @see: PEP 3333
    """
    whenImported("twisted.web.wsgi", _change)


def _change(wsgi: Any) -> None:
    stock: Any = wsgi._WSGIResponse

    class Response(stock):  # type: ignore[misc]
        """
        Calls an application for one request.
        """

        def __init__(self, *given: object) -> None:
            super().__init__(*given)
            self.environ["wsgi.multiprocess"] = True

    wsgi._WSGIResponse = Response
