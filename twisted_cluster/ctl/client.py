"""
Talks to a control socket.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlencode

from twisted_cluster.admin.peers import Peer, peerOf
from twisted_cluster.core.visible import visible
from twisted_cluster.ctl.failures import FAILED, FORBIDDEN, NOBODY, USAGE, Failure

# It answers within a tenth of a second, also when every worker hangs.
PATIENCE = 10.0
BAD = 400
Progress = Callable[[str], object]


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)
        peer = strangerAt(self.sock)
        if peer is not None and os.geteuid() != 0:
            # Before it is told anything, or shows anything. Root names whom it asks.
            raise Failure(FORBIDDEN, f"{self._path} is another user's: {peer} listens")


def strangerAt(connection: socket.socket) -> Peer | None:
    """
    @return: Who listens, unless that is root or who asks: in a directory where everybody
        may write it can be anybody.
    """
    peer = peerOf(connection)
    return None if peer is None or peer.mayControl else peer


class Client:
    """
    Asks one cluster. Whatever it cannot be told is a L{Failure}.
    """

    def __init__(self, path: str) -> None:
        """
        @param path: Its control socket.
        """
        self._path = path

    def status(self) -> dict[str, Any]:
        """
        What there is just now.
        """
        with self._asking("GET", "/status", {}) as response:
            text = response.read()
        try:
            status: dict[str, Any] = json.loads(text)
            return status
        except ValueError:
            raise Failure(FAILED, f"{self._path} is no control socket") from None

    def tell(self, verb: str, given: Mapping[str, str], progress: Progress) -> str:
        """
        Have something done, and wait for that.

        @param progress: Is told how far it is.
        @return: What came of it.
        """
        with self._asking("POST", f"/{verb}", given, waits=True) as response:
            for line in iter(response.readline, b""):
                said = self._heard(line)
                if "error" in said:
                    code = USAGE if response.status == BAD else FAILED
                    raise Failure(code, said["error"])
                if "done" in said:
                    return said["done"]
                progress(said.get("progress", ""))
        raise Failure(FAILED, f"the cluster has ended before {verb} was done")

    def logs(self, given: Mapping[str, str]) -> Iterator[str]:
        """
        @return: What is logged, line by line.
        """
        waits = given.get("follow") == "1"
        with self._asking("GET", "/logs", given, waits) as response:
            if response.status != 200:
                raise Failure(FAILED, self._heard(response.read()).get("error", ""))
            for line in iter(response.readline, b""):
                yield visible(line.decode("utf-8", "replace"))

    def _heard(self, line: bytes) -> dict[str, str]:
        """
        @return: What it says, that a terminal may be shown.
        """
        try:
            return {name: visible(str(text)) for name, text in json.loads(line).items()}
        except (ValueError, AttributeError):
            raise Failure(FAILED, f"{self._path} is no control socket") from None

    def pid(self) -> int | None:
        """
        The primary's process, as the system knows it.
        """
        pid = self.status().get("pid")
        return pid if isinstance(pid, int) else None

    @contextmanager
    def _asking(
        self, method: str, page: str, given: Mapping[str, str], waits: bool = False
    ) -> Iterator[HTTPResponse]:
        connection = _Connection(self._path)
        query = f"?{urlencode(given, errors='surrogateescape')}" if given else ""
        try:
            connection.connect()
            if waits:
                connection.sock.settimeout(None)
            connection.request(method, page + query)
            yield connection.getresponse()
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise Failure(NOBODY, f"no cluster runs at {self._path}") from None
        except PermissionError:
            raise Failure(FORBIDDEN, f"{self._path} is another user's") from None
        except TimeoutError:
            why = f"the cluster at {self._path} has not answered for {PATIENCE:.0f} s"
            raise Failure(FAILED, why) from None
        except (ConnectionError, HTTPException):
            raise self._cutOff() from None
        except OSError as error:
            why = error.strerror or str(error)
            raise Failure(FAILED, f"{self._path}: {why}") from None
        finally:
            connection.close()

    def _cutOff(self) -> Failure:
        if os.geteuid() not in (0, _ownerOf(self._path)):
            return Failure(FORBIDDEN, f"{self._path} answers root and its own user only")
        return Failure(FAILED, f"the cluster at {self._path} has closed the connection")


def _ownerOf(path: str) -> int | None:
    try:
        return os.stat(path).st_uid
    except OSError:
        return None
