"""
Sockets that a process was started with.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from tests.wire.poor import fewDescriptors
from twisted_cluster.wire.inherited import ANYBODY, Inherited, accepts, claim, listenFDs


@pytest.fixture
def left() -> Iterator[socket.socket]:
    """
    One that listens, and that somebody has left open for this process.
    """
    with socket.create_server(("127.0.0.1", 0)) as made:
        os.set_inheritable(made.fileno(), True)
        yield made


def test_whatWasLeftOpenIsFound(left: socket.socket) -> None:
    """
    But not what this process has opened for itself, nor what is no port.
    """
    with (
        socket.create_server(("127.0.0.1", 0)) as own,
        socket.socket() as idle,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        os.set_inheritable(idle.fileno(), True)
        datagrams.bind(("127.0.0.1", 0))
        os.set_inheritable(datagrams.fileno(), True)
        found = Inherited.find().numbers
        assert found == {left.fileno(), datagrams.fileno()}
        assert Inherited.find([own.fileno()]).numbers == found | {own.fileno()}


def test_whatElseWasLeftOpenIsFoundIfWanted(left: socket.socket) -> None:
    """
    A pipe of a supervisor's, a file, a connection: workers have it as it is.
    """
    with socket.socket() as idle, open(os.devnull) as own:
        os.set_inheritable(idle.fileno(), True)
        found = Inherited.find()
        assert found.others == set()
        whole = found.withOthers()
        assert whole.numbers == found.numbers
        assert idle.fileno() in whole.others
        assert not whole.others & {left.fileno(), own.fileno(), 0, 1, 2}
        with whole.copies() as given:
            assert given[idle.fileno()] == idle.fileno()


def test_aNumberThatIsSomethingElseByNowIsNotGiven(left: socket.socket) -> None:
    """
    Closed here, it is soon a client's, who would wait for the worker's end.
    """
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    number = left.fileno()
    found = Inherited.find().withOthers()
    with socket.socket() as client:
        for fd in (number, reading):
            os.dup2(client.fileno(), fd, inheritable=False)
        with found.copies() as given:
            assert not {number, reading} & set(given)
    os.close(reading)
    os.close(writing)


def test_anotherSocketStandsForOneThatListens(left: socket.socket) -> None:
    """
    Of the same family and kind; what is no stream, and where the kernel chooses all, is
    given itself.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        numbers = frozenset([left.fileno(), datagrams.fileno(), 987654])
        with Inherited(numbers).copies() as given:
            assert sorted(given) == [left.fileno(), datagrams.fileno()]
            assert given[datagrams.fileno()] == datagrams.fileno()
            with socket.socket(fileno=os.dup(given[left.fileno()])) as standIn:
                assert (standIn.family, standIn.type) == (left.family, left.type)
                assert not accepts(standIn)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(given[left.fileno()])
        with Inherited(numbers, isReal=True).copies([datagrams.fileno()]) as given:
            assert given == {left.fileno(): left.fileno()}


def test_noDescriptorIsFreeForAStandIn(left: socket.socket) -> None:
    """
    There is no worker then, rather than one that has the socket itself.
    """
    copies = Inherited(frozenset([left.fileno()])).copies()
    with fewDescriptors(0), pytest.raises(OSError, match="Too many open files"):
        copies.__enter__()


def test_workersAreToldByTheirOwnNumber() -> None:
    """
    And what was said to another process stays as it is.
    """
    told = {"LISTEN_PID": ANYBODY, "LISTEN_FDS": "2", "LISTEN_PIDFDID": "9"}
    claim(told)
    assert told == {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"}
    others = {"LISTEN_PID": "1", "LISTEN_FDS": "2"}
    claim(others)
    assert others == {"LISTEN_PID": "1", "LISTEN_FDS": "2"}


def test_whatIsAnnouncedStaysForOthers(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where Twisted's endpoints have not been imported, nothing is taken from whoever looks
    in the environment next.
    """
    monkeypatch.delitem(sys.modules, "twisted.internet.endpoints", raising=False)
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_FDNAMES", "web:dns")
    assert listenFDs().inheritedNamedDescriptors() == {"web": 3, "dns": 4}
    assert Inherited.find().environment == {
        "LISTEN_PID": ANYBODY,
        "LISTEN_FDS": "2",
        "LISTEN_FDNAMES": "web:dns",
    }
