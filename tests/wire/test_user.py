"""
Acting as somebody else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.process.test_locked_sockets import NOWHERE, mayLock
from twisted_cluster.wire import identity
from twisted_cluster.wire.user import User, acting

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root alone can be others")
NOBODY = User(65534, 65534)


def whoAmI() -> tuple[list[str], list[str], list[str]]:
    """
    @return: The users, groups and other groups of the thread that calls.
    """
    said = Path("/proc/thread-self/status").read_text().splitlines()
    fields = {line.partition(":")[0]: line.split()[1:] for line in said}
    return fields["Uid"], fields["Gid"], fields["Groups"]


def test_onlyTheThreadThatAsksActsAsSomebodyElse() -> None:
    """
    And is who it was afterwards.
    """
    before, inside, outside = whoAmI(), threading.Event(), threading.Event()
    found: list[object] = []

    def look() -> None:
        inside.wait(5.0)
        found.append(whoAmI())
        outside.set()

    thread = threading.Thread(target=look)
    thread.start()
    with acting(NOBODY):
        uids, gids, groups = whoAmI()
        assert (os.geteuid(), os.getegid()) == (65534, 65534)
        inside.set()
        assert outside.wait(5.0)
    thread.join()
    assert uids[:3] == ["0", "65534", "0"]
    assert gids[:3] == ["0", "65534", "0"]
    assert groups == list(map(str, NOBODY.groups))
    assert found == [before]
    assert whoAmI() == before


def test_whereTheCallsAreNotKnownTheLibraryDoesIt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    For all threads.
    """
    before = whoAmI()
    monkeypatch.setattr(identity, "_numbers", lambda: ())
    with acting(NOBODY):
        assert whoAmI()[0][1] == "65534"
    assert whoAmI() == before


def test_whatMayNotBeIsSaid() -> None:
    """
    As the system says it.
    """
    with acting(NOBODY), pytest.raises(PermissionError):
        identity.setGroups([0])


STUCK = """
import os, socket, struct, time
from twisted_cluster.wire.aside import aside
from twisted_cluster.wire.options import setOption
from twisted_cluster.wire.user import User, acting

server = socket.create_server(("127.0.0.1", 0))
one = socket.create_connection(server.getsockname())
locker = os.fork()
if not locker:
{}
    system.send(one.fileno(), nowhere, 100, 0)
try:
    time.sleep(0.2)
    which = socket.SOL_SOCKET, socket.SO_LINGER
    aside(lambda: setOption(one.fileno(), *which, bytes(8)), print)
except TimeoutError:
    with acting(User(65534, 65534)):
        print(os.geteuid(), flush=True)
finally:
    os.kill(locker, 9)
os._exit(0)
"""


@pytest.mark.skipif(not mayLock(), reason="needs userfaultfd")
def test_aThreadThatIsStuckHoldsNobodyUp() -> None:
    """
    Whatever a worker keeps it from.
    """
    memory = NOWHERE.partition("queue =")[0]
    code = STUCK.format("".join(f"    {line}\n" for line in memory.splitlines()))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=10)
        finally:
            os.killpg(process.pid, 9)
    assert said.split() == [b"65534"]
