"""
What binding makes, and what is left when it fails, or is undone.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import resource
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import asdict, evolve
from twisted.logger import capturedLogs, formatEvent
from twisted.python.lockfile import FilesystemLock, isLocked

from tests.leftovers import openNow
from tests.process.cluster import environment
from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec
from twisted_cluster.primary.ports.binding import Bound, adopt, bind
from twisted_cluster.wire.folder import Folder
from twisted_cluster.wire.socketfile import LockFile, SocketFile
from twisted_cluster.wire.user import User

LOCAL = "127.0.0.1"
NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    An empty directory, which is also the current one.
    """
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def nothingLeft(folder: Path) -> Iterator[None]:
    """
    What is made meanwhile is gone in the end.
    """

    def state() -> object:
        mask = os.umask(0o022)
        os.umask(mask)
        # What earlier tests have dropped must not be closed meanwhile.
        gc.collect()
        return sorted(openNow()), os.listdir(folder), os.getcwd(), mask

    before = state()
    yield
    assert state() == before


def pathOf(bound: Bound) -> str:
    assert bound.file is not None
    return bound.file.path


def asNobody(do: Callable[[], None]) -> None:
    """
    Do something in a child without privileges.
    """
    child = os.fork()
    if not child:
        status = 1
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            do()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


SPECS = {
    "tcp": ListenSpec(TCP, LOCAL, 0),
    "udp": ListenSpec(UDP, LOCAL, 0),
    "path": ListenSpec(UNIX, path="socket"),
    "locked": ListenSpec(UNIX, path="socket", wantPID=True),
    "abstract": ListenSpec(UNIX, path=f"\0twisted-cluster-{os.getpid()}", wantPID=True),
}


@pytest.mark.parametrize("name", SPECS)
def test_releaseUndoesIt(name: str, folder: Path) -> None:
    """
    Descriptor, name, file and lock are free again; and once more is not too much.
    """
    with nothingLeft(folder):
        for _ in range(2):
            bound = bind(SPECS[name])
            assert not bound.socket.get_inheritable()
            assert not bound.socket.getblocking()
            where = bound.socket.getsockname()
            bound.release()
            bound.release()
            if not SPECS[name].path:
                again = bind(ListenSpec(SPECS[name].kind, LOCAL, where[1]))
                again.release()


def test_aPathIsRelativeToADirectory(folder: Path) -> None:
    """
    The socket's name is what was asked for; what is removed, is where that was.
    """
    inner = folder / ("x" * 120)
    inner.mkdir()
    bound = bind(SPECS["locked"], str(inner))
    assert bound.socket.getsockname() == "socket"
    assert pathOf(bound) == str(inner / "socket")
    assert sorted(os.listdir(inner)) == ["socket", "socket.lock"]
    bound.release()
    assert os.listdir(inner) == []


@pytest.mark.parametrize("umask", [0o000, 0o077])
@pytest.mark.parametrize("mode", [0o666, 0o600, 0o777])
def test_permissionsAreAsAskedFor(folder: Path, mode: int, umask: int) -> None:
    """
    Whatever the umask.
    """
    before = os.umask(umask)
    try:
        bound = bind(ListenSpec(UNIX, path="socket", mode=mode))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat("socket").st_mode) == mode
    bound.release()


def test_anAbsolutePathNeedsNoDirectory(folder: Path) -> None:
    """
    The one that the process was started in may be gone.
    """
    gone = folder / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    bound = bind(ListenSpec(UNIX, path=str(folder / "socket"), wantPID=True))
    os.chdir(folder)
    bound.release()
    assert os.listdir(folder) == []


# What fails


LOCKED = {"path": "socket", "wantPID": True}
WRONG = {
    "no directory": (LOCKED, "gone", errno.ENOENT),
    "a file for a directory": (LOCKED, "file", errno.ENOTDIR),
    "a directory with NUL": (LOCKED, "a\0b", errno.EINVAL),
    "no such folder": ({"path": "gone/socket", "wantPID": True}, ".", errno.ENOENT),
    "no path": ({"path": "", "wantPID": True}, ".", errno.EINVAL),
    "a path with NUL": ({"path": "a\0b"}, ".", errno.EINVAL),
    "a long path": ({"path": "x" * 200, "wantPID": True}, ".", None),
    "a file": ({"path": "file", "wantPID": True}, ".", errno.EADDRINUSE),
    "a link": ({"path": "link", "wantPID": True}, ".", errno.EADDRINUSE),
    "a backlog": ({**LOCKED, "backlog": 10**400}, ".", errno.EINVAL),
}


@pytest.mark.parametrize("case", WRONG)
def test_failureLeavesNothing(folder: Path, case: str) -> None:
    """
    No descriptor, no file, no lock, and the current directory is what it was.
    """
    wanted, directory, expected = WRONG[case]
    (folder / "file").write_text("mine")
    (folder / "link").symlink_to("nowhere")
    with nothingLeft(folder), pytest.raises(OSError) as caught:  # noqa: PT011
        bind(ListenSpec(UNIX, **wanted), directory)
    assert caught.value.errno == expected
    assert (folder / "file").read_text() == "mine"


@pytest.mark.parametrize(
    "wanted",
    [
        {"interface": "x" * 80 + ".y"},
        {"interface": "a\0b"},
        {"interface": "192.0.2.1"},
        {"interface": "::1", "backlog": 10**400},
        {"backlog": 10**400},
    ],
    ids=str,
)
def test_failingPortsLeaveNothing(folder: Path, wanted: dict[str, object]) -> None:
    """
    The same of TCP; and whatever is wrong, it is the system's refusal.
    """
    with nothingLeft(folder), pytest.raises(OSError):  # noqa: PT011
        bind(ListenSpec(TCP, **wanted))


@pytest.mark.parametrize("name", SPECS)
def test_shortOfDescriptors(name: str, folder: Path) -> None:
    """
    Wherever they run out, nothing is left.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = set(map(int, openNow()))
    # One of them was for the listing itself.
    used = {fd for fd in used if os.path.exists(f"/proc/self/fd/{fd}")}
    free = sorted(set(range(len(used) + 5)) - used)
    failures = 0
    with nothingLeft(folder):
        # So many are left.
        for limit in free[:4]:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            try:
                bind(SPECS[name]).release()
            except OSError:
                failures += 1
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert 1 <= failures <= 2


@pytest.mark.parametrize("fd", [10**400, 9999])
def test_descriptorsThatAreNone(folder: Path, fd: int) -> None:
    """
    A number that is too large is refused as well.
    """
    with nothingLeft(folder), pytest.raises(OSError):  # noqa: PT011
        adopt(ListenSpec(TCP, fd=fd))


# The lock


def test_twistedSeesTheLock(folder: Path) -> None:
    """
    Another process, too; and we see others'.
    """
    bound = bind(SPECS["locked"])
    code = "from twisted.python.lockfile import *; print(isLocked('socket.lock'))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert said.stdout == b"True\n"
    bound.release()
    assert not isLocked("socket.lock")
    assert FilesystemLock("socket.lock").lock()
    with pytest.raises(OSError, match="Cannot acquire lock") as caught:
        bind(SPECS["locked"])
    assert caught.value.errno == errno.EAGAIN
    assert os.listdir(folder) == ["socket.lock"]


def deadProcess() -> int:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_whatADeadProcessHasLeftIsReplaced(folder: Path) -> None:
    """
    If it is a socket.
    """
    with socket.socket(socket.AF_UNIX) as left:
        left.bind("socket")
    os.symlink(str(deadProcess()), "socket.lock")
    bind(SPECS["locked"]).release()
    (folder / "socket").write_text("mine")
    os.symlink(str(deadProcess()), "socket.lock")
    with pytest.raises(OSError, match="in use"):
        bind(SPECS["locked"])
    assert os.listdir(folder) == ["socket"]


@pytest.mark.parametrize("owner", ["somebody", "9" * 40])
def test_aLockThatIsNone(folder: Path, owner: str) -> None:
    """
    It is refused, and stays.
    """
    os.symlink(owner, "socket.lock")
    with nothingLeft(folder), pytest.raises(OSError):  # noqa: PT011
        bind(SPECS["locked"])


# What is not ours to remove


def test_aStrangersSocketStays(folder: Path) -> None:
    """
    Who has taken the path meanwhile keeps it.
    """
    ours = bind(SPECS["path"])
    os.unlink("socket")
    theirs = bind(SPECS["path"])
    ours.release()
    assert os.listdir(folder) == ["socket"]
    ours.release()
    theirs.release()
    assert os.listdir(folder) == []


def test_aLinkIsNotFollowed(folder: Path) -> None:
    """
    Nor removed, if it is in the place of our file.
    """
    bound = bind(SPECS["path"])
    os.rename("socket", "moved")
    os.symlink("moved", "socket")
    bound.release()
    assert sorted(os.listdir(folder)) == ["moved", "socket"]


def test_whatIsGoneIsGone(folder: Path) -> None:
    """
    Of which nothing is said.
    """
    bound = bind(SPECS["locked"])
    for name in os.listdir(folder):
        os.unlink(name)
    with capturedLogs() as logs:
        bound.release()
    assert logs == []


def test_whatTheSystemRefusesIsSaid(folder: Path) -> None:
    """
    In a directory of root's, after its privileges were shed: each file that stays
    behind, with the reason; the rest is done.
    """
    bound = bind(SPECS["locked"])
    folder.chmod(0o555)
    for above in folder.parents[:3]:
        above.chmod(above.stat().st_mode | 0o111)

    def release() -> None:
        with capturedLogs() as logs:
            bound.release()
        lines = [formatEvent(event) for event in logs]
        assert len(lines) == 2
        for line, name in zip(lines, ("socket", "socket.lock")):
            assert line.startswith(f"{folder / name} stays behind: ")
        assert "denied" in lines[0] or "not permitted" in lines[0]
        assert bound.socket.fileno() == -1

    asNobody(release)
    folder.chmod(0o755)
    bound.release()
    assert os.listdir(folder) == []


# On another user's word


asRoot = pytest.mark.skipif(os.getuid() != 0, reason="needs root")
THEM = User(NOBODY, NOBODY)


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """
    A directory of nobody's, which is also the current one, with one of root's in it.
    """
    # Not in pytest's, where nobody else may go.
    with tempfile.TemporaryDirectory() as public:
        os.chmod(public, 0o755)
        made = Path(public, "theirs")
        (made / "etc").mkdir(parents=True)
        os.chown(made, NOBODY, NOBODY)
        monkeypatch.chdir(made)
        yield made


def whoIs() -> object:
    return os.getresuid(), os.getresgid(), sorted(os.getgroups()), os.getcwd()


@asRoot
def test_whatIsMadeIsTheirs(theirs: Path) -> None:
    """
    Socket, file and lock, as if they had made them; and this process is who it was.
    """
    before = whoIs()
    with nothingLeft(theirs):
        bound = bind(SPECS["locked"], str(theirs), THEM)
        assert whoIs() == before
        for name in ("socket", "socket.lock"):
            assert (os.lstat(name).st_uid, os.lstat(name).st_gid) == (NOBODY, NOBODY)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("socket")
            told = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        assert struct.unpack("iII", told) == (os.getpid(), NOBODY, NOBODY)
        bound.release()
        assert whoIs() == before


def lowPort() -> int:
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    first = int(start.read_text()) if start.exists() else 1024
    for port in range(first - 1, first - 100, -1):
        with socket.socket() as probe:
            try:
                probe.bind((LOCAL, port))
            except OSError:
                continue
            return port
    return pytest.skip("anybody may bind any port here")


@asRoot
@pytest.mark.parametrize(
    ("path", "error"),
    [("etc/socket", errno.EACCES), ("../socket", errno.EACCES), ("gone/x", errno.ENOENT)],
)
def test_whatTheyMayNotDoFails(theirs: Path, path: str, error: int) -> None:
    """
    With the same error that they would have, and nothing is left.
    """
    before = whoIs()
    spec = ListenSpec(UNIX, path=path, wantPID=True)
    with nothingLeft(theirs), nothingLeft(theirs.parent):
        with pytest.raises(OSError) as caught:  # noqa: PT011
            bind(spec, str(theirs), THEM)
        with pytest.raises(OSError) as again:  # noqa: PT011
            bind(evolve(spec, path=os.path.join(theirs, path)), ".", THEM)
    assert caught.value.errno == again.value.errno == error
    assert whoIs() == before


@asRoot
def test_lowPortsAreNotTheirs(theirs: Path) -> None:
    """
    Nor those of others, however much is to be reused.
    """
    with nothingLeft(theirs):
        with pytest.raises(PermissionError):
            bind(ListenSpec(TCP, LOCAL, lowPort()), ".", THEM)
        with socket.socket() as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            ours.bind((LOCAL, 0))
            ours.listen()
            spec = ListenSpec(TCP, LOCAL, ours.getsockname()[1], reusePort=True)
            with pytest.raises(OSError, match="in use"):
                bind(spec, ".", THEM)


IMPORTING = """
import os
import sys
from twisted_cluster.events import ListenSpec
from twisted_cluster.primary.ports.binding import bind
from twisted_cluster.wire.user import User


class Watch:
    def find_spec(self, name, path=None, target=None):
        assert os.geteuid() == 0, name


sys.meta_path.insert(0, Watch())
assert "encodings.idna" not in sys.modules
bind(ListenSpec("tcp", "127.0.0.1", 0), ".", User(65534, 65534)).release()
"""


@asRoot
def test_nothingIsImportedAsSomebodyElse() -> None:
    """
    Who may not be able to read it.
    """
    command = [sys.executable, "-c", IMPORTING]
    subprocess.run(command, env=environment(), check=True, timeout=20)


@asRoot
@pytest.mark.parametrize("name", ["socket", "socket.lock"])
def test_aDirectoryThatIsSwappedHarmsNobody(theirs: Path, name: str) -> None:
    """
    What is removed is what was made, where it is by then.
    """
    (theirs / "inner").mkdir()
    os.chown("inner", NOBODY, NOBODY)
    bound = bind(ListenSpec(UNIX, path="inner/socket", wantPID=True), ".", THEM)
    (theirs / "etc" / name).write_text("ours")
    os.rename("inner", "moved")
    os.symlink("etc", "inner")
    bound.release()
    assert (theirs / "etc" / name).read_text() == "ours"
    assert os.listdir("moved") == []


@asRoot
@pytest.mark.parametrize("name", ["socket", "socket.lock"])
def test_whatIsPutInItsPlaceStays(theirs: Path, name: str) -> None:
    """
    Another file, a link: it is not ours.
    """
    (theirs / "etc" / "socket").write_text("ours")
    bound = bind(SPECS["locked"], ".", THEM)
    os.unlink(name)
    os.symlink("etc/socket", name)
    with capturedLogs():
        bound.release()
    assert (theirs / "etc" / "socket").read_text() == "ours"
    assert os.readlink(name) == "etc/socket"


@asRoot
def test_aLockThatIsALinkIsNotFollowed(theirs: Path) -> None:
    """
    It is only read: nothing is made or removed where it leads.
    """
    os.symlink("etc/lock", "socket.lock")
    with pytest.raises(OSError, match="invalid literal"):
        bind(SPECS["locked"], ".", THEM)
    os.unlink("socket.lock")
    os.symlink(str(deadProcess()), "socket.lock")
    (theirs / "etc" / "socket").write_text("ours")
    os.symlink("etc/socket", "socket")
    with pytest.raises(OSError, match="in use"):
        bind(SPECS["locked"], ".", THEM)
    assert (theirs / "etc" / "socket").read_text() == "ours"
    assert os.listdir("etc") == ["socket"]


@asRoot
def test_whatIsTheirsGoesAlsoFromWhereTheyMayNotWrite(theirs: Path) -> None:
    """
    By then; nothing stays behind.
    """
    bound = bind(SPECS["locked"], ".", THEM)
    theirs.chmod(0)
    os.chown(theirs, 0, 0)
    bound.release()
    assert os.listdir(theirs) == ["etc"]


@asRoot
def test_nobodyMayBecomeAStranger(theirs: Path) -> None:
    """
    Who is not in the list of users can start no worker.
    """
    before = whoIs()
    with nothingLeft(theirs), pytest.raises(PermissionError):
        bind(SPECS["locked"], ".", User(54321, 54321))
    assert whoIs() == before


# Written down


@pytest.mark.parametrize("name", SPECS)
def test_itCanBeWrittenDown(name: str, folder: Path) -> None:
    """
    Who reads it has the same port, and the whole of it to end.
    """
    with nothingLeft(folder):
        first = bind(SPECS[name])
        where = first.socket.getsockname()
        facts = asdict(first, filter=lambda field, value: field.name != "socket")
        text = json.dumps({**facts, "socket": first.socket.detach()})
        first.release()
        found = json.loads(text)
        file, lock = found["file"], found["lock"]
        there = found["folder"] and Folder(**found["folder"])
        again = Bound(
            ListenSpec(**found["spec"]),
            socket.socket(fileno=found["socket"]),
            file and SocketFile(**{**file, "folder": there}),
            lock and LockFile(**{**lock, "folder": there}),
            there,
        )
        assert again.spec == SPECS[name]
        assert again.socket.getsockname() == where
        again.release()
