"""
The names of sockets and files, which a root primary makes and removes.
"""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

from tests.intrusions.case import Intrusion

NOBODY = 65534
PRIVATE = "nobody else's"

# A port opened and closed by the application's own means, from another thread.
LISTENING = """
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.threads import blockingCallFromThread

OWN, ETC = os.path.join(BESIDE, "own"), os.path.join(BESIDE, "etc")


def listen(kind, where, *more, **options):
    call = getattr(reactor, "listen" + kind)
    return blockingCallFromThread(reactor, call, where, *more, **options)


def stop(port):
    blockingCallFromThread(reactor, port.stopListening)


def refused(*arguments, **options):
    try:
        port = listen(*arguments, **options)
    except CannotListenError as error:
        return os.strerror(error.socketError.errno)
    raise AssertionError(f"{port} is open")

"""


def _code(text: str) -> str:
    return LISTENING + dedent(text)


def _makeBoth(directory: Path) -> None:
    """
    A directory of the worker's, and one of root's, in which there is something.
    """
    etc, own = directory / "etc", directory / "own"
    etc.mkdir()
    for made in (own, own / "inner"):
        made.mkdir()
        os.chown(made, NOBODY, NOBODY)
    for name in ("passwd", "passwd.lock", "socket", "socket.lock"):
        (etc / name).write_text(PRIVATE)
        (etc / name).chmod(0o600)


def _checkRoots(directory: Path) -> None:
    """
    Nothing was made, removed or changed among what is root's.
    """
    there = {each.name: each for each in (directory / "etc").iterdir()}
    assert set(there) == {"passwd", "passwd.lock", "socket", "socket.lock"}
    for each in there.values():
        assert each.read_text() == PRIVATE
        assert each.stat().st_mode & 0o777 == 0o600


def _checkAll(directory: Path) -> None:
    """
    The same, and what was made for the worker is gone with its port.
    """
    _checkRoots(directory)
    left = [each.name for each in (directory / "own").rglob("*socket*")]
    assert sorted(left) == ["socket", "socket.lock"]


CASES: list[Intrusion] = [
    Intrusion(
        name="it puts a link in the place of what a root primary removes",
        code=_code("""
        inner = os.path.join(OWN, "inner")
        port = listen("UNIX", os.path.join(inner, "socket"), obey, wantPID=True)
        made = os.stat(port.getHost().name)
        assert (made.st_uid, made.st_gid) == (65534, 65534)
        os.rename(inner, os.path.join(OWN, "moved"))
        os.symlink(ETC, inner)
        stop(port)
        assert os.listdir(os.path.join(OWN, "moved")) == []

        path = os.path.join(OWN, "socket")
        port = listen("UNIX", path, obey, wantPID=True)
        os.unlink(path)
        os.unlink(path + ".lock")
        os.symlink(os.path.join(ETC, "socket"), path)
        os.symlink(os.path.join(ETC, "socket.lock"), path + ".lock")
        stop(port)
        """),
        uid=NOBODY,
        before=_makeBoth,
        after=_checkAll,
    ),
    Intrusion(
        name="it switches a link while a root primary binds and removes",
        code=_code("""
        link, end = os.path.join(OWN, "link"), threading.Event()


        def switch():
            while not end.is_set():
                for where in (OWN, ETC):
                    os.symlink(where, link + "!")
                    os.rename(link + "!", link)


        os.symlink(OWN, link)
        switching = threading.Thread(target=switch)
        switching.start()
        try:
            for n in range(40):
                try:
                    stop(listen("UNIX", f"{link}/passwd", obey, wantPID=bool(n % 2)))
                except CannotListenError:
                    pass
        finally:
            end.set()
            switching.join()
        """),
        uid=NOBODY,
        before=_makeBoth,
        after=_checkRoots,
    ),
    Intrusion(
        name="it asks a root primary for ports, files and sockets that are not for it",
        code=_code("""
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
            low = int(file.read()) - 1
        if low > 0:
            assert refused("TCP", low, obey) == "Permission denied"
            assert refused("UDP", low, DatagramProtocol()) == "Permission denied"
        for path in (os.path.join(ETC, "new"), os.path.relpath(os.path.join(ETC, "new"))):
            for wantPID in (False, True):
                said = refused("UNIX", path, obey, wantPID=wantPID)
                assert said == "Permission denied", said
        for fd in range(3, 33):
            assert refused("TCP", 0, obey, fd=fd) == "Operation not permitted"
        """),
        uid=NOBODY,
        before=_makeBoth,
        after=_checkRoots,
    ),
]
