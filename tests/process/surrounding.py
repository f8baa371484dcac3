"""
The same server under a cluster of one worker, and under stock twistd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.process.cluster import RunningCluster, environment, eventually, freePort
from tests.process.trouble import Line

FIXTURES = Path(__file__).parent / "fixtures"
LIBRARYS = 0b11 << 31
TAC = """
import os
from twisted.application.internet import TCPServer
from twisted.application.service import Application
from surrounded import tell

application = Application("surrounded")
TCPServer(int(os.environ["PORT"]), tell, interface="127.0.0.1").setServiceParent(
    application
)
"""


class Stock(RunningCluster):
    """
    C{twistd -n ...}.
    """

    PLUGIN = ()


def signalsOf(pid: int) -> dict[str, int]:
    """
    What a process ignores and blocks.
    """
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return maskIn(" ".join(line for line in status if line.startswith(("SigI", "SigB"))))


def maskIn(told: str) -> dict[str, int]:
    """
    What lines of F{/proc/self/status} say, but for the two signals that are the C
    library's own: these it leaves ignored in whatever it spawns.
    """
    words = told.split()
    return {
        name: int(value, 16) & ~LIBRARYS for name, value in zip(words[::2], words[1::2])
    }


@contextmanager
def surrounded(
    kind: type[RunningCluster],
    directory: Path,
    before: Callable[[], None] | None = None,
    under: Sequence[str] = (),
    more: Sequence[str] = (),
    twistd: Sequence[str] = ("-n", "--pidfile="),
) -> Iterator[tuple[RunningCluster, int]]:
    """
    @param kind: The cluster or the stock twistd.
    @param before: Called in the new process, before it is what it is to be.
    @param more: Options of the cluster.
    @param twistd: Those of twistd.
    @return: It, and its port.
    """
    port = freePort()
    (directory / "surrounded.tac").write_text(TAC)
    path = f"{FIXTURES}:{environment()['PYTHONPATH']}"
    env = {"PYTHONPATH": path, "PORT": str(port)}
    own = ["--workers=1"] if kind is RunningCluster else []
    arguments = [*own, *more, "-y", "surrounded.tac"]
    with kind(arguments, directory, env, twistd, before=before, under=under) as running:
        eventually(lambda: isServed(port), "it serves")
        yield running, port


def isServed(port: int) -> bool:
    """
    Whether anybody answers there.
    """
    try:
        with Line(port) as line:
            return bool(line.say(b"pid"))
    except OSError:
        return False
