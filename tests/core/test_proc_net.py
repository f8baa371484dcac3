"""
What Linux's tables of sockets say.
"""

from __future__ import annotations

import pytest

from twisted_cluster.core.proc_net import (
    Taken,
    hostOf,
    internetSockets,
    isAddressInUse,
    namedIn,
    unixSockets,
)
from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec

TCP_FILE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4244 1 0000000000000000 20 4 30 10 -1
   3: no line: of
   4: XX00007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4245 1
   5: 0100007F:1F
"""  # noqa: E501
TCP6_FILE = """\
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5 1
   1: 0000000000000000FFFF00000100007F:0017 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 6 1
   2: 00000000000000000000000000000000:0018 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1
"""  # noqa: E501
UNIX_FILE = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 11 /run/a socket
0000000000000000: 00000002 00000000 00000000 0001 03 12 /run/connected
0000000000000000: 00000002 00000000 00010000 0001 01 13 @abstract
0000000000000000: 00000002 00000000 00010000 0001 01 14
0000000000000000: 00000002 00000000 0001
"""


def test_whoListensIsFound() -> None:
    """
    Connections are not, nor lines that are cut off or none.
    """
    assert list(internetSockets(TCP, TCP_FILE, "little")) == [
        Taken(TCP, 4242, "127.0.0.1", 8080),
        Taken(TCP, 4243, "", 80),
    ]
    assert list(internetSockets(TCP, "", "little")) == []


def test_anyUDPSocketHasItsPort() -> None:
    """
    Whatever its state.
    """
    found = [one.inode for one in internetSockets(UDP, TCP_FILE, "little")]
    assert found == [4242, 4243, 4244]


def test_bytesStandAsInTheMachinesNumbers() -> None:
    """
    C{7F000001} is 127.0.0.1 on a big-endian one.
    """
    swapped = TCP_FILE.replace("0100007F:1F90", "7F000001:1F90")
    [first, _] = internetSockets(TCP, swapped, "big")
    assert first.host == "127.0.0.1"


def test_IPv6AddressesAreRead() -> None:
    """
    An IPv4 address in one is that address.
    """
    found = [(one.host, one.port) for one in internetSockets(TCP, TCP6_FILE, "little")]
    assert found == [("::1", 22), ("127.0.0.1", 23), ("", 24)]


def test_UNIXSocketsThatListenAreFound() -> None:
    """
    With their names; an abstract one has a NUL, as elsewhere.
    """
    assert list(unixSockets(UNIX_FILE)) == [
        Taken(UNIX, 11, path="/run/a socket"),
        Taken(UNIX, 13, path="\0abstract"),
    ]


@pytest.mark.parametrize(
    ("interface", "host"),
    [("", ""), ("0.0.0.0", ""), ("::", ""), ("::1", "::1"), ("fe80::1%eth0", "fe80::1")],
)
def test_allAddressesAreOne(interface: str, host: str) -> None:
    """
    In every spelling.
    """
    assert hostOf(interface) == host


@pytest.mark.parametrize(
    ("spec", "isIt"),
    [
        (ListenSpec(TCP, "127.0.0.1", 80), True),
        (ListenSpec(TCP, "", 80), True),
        (ListenSpec(TCP, "127.0.0.2", 80), False),
        (ListenSpec(TCP, "127.0.0.1", 81), False),
        (ListenSpec(UDP, "127.0.0.1", 80), False),
    ],
)
def test_whatIsInTheWay(spec: ListenSpec, isIt: bool) -> None:
    """
    The same kind, port, and address, or all addresses.
    """
    assert Taken(TCP, 1, "127.0.0.1", 80).isInTheWayOf(spec) is isIt
    if spec.kind == TCP and spec.port == 80:
        assert Taken(TCP, 1, "", 80).isInTheWayOf(spec)


def test_aPathIsInTheWayOfItself() -> None:
    """
    And of no other.
    """
    taken = Taken(UNIX, 1, path="/run/a")
    assert taken.isInTheWayOf(ListenSpec(UNIX, path="/run/a"))
    assert not taken.isInTheWayOf(ListenSpec(UNIX, path="/run/b"))


def test_aRelativePathMayBe() -> None:
    """
    In which directory that is it does not say.
    """
    taken = Taken(UNIX, 1, path="./a")
    assert taken.isRelative
    assert taken.isInTheWayOf(ListenSpec(UNIX, path="/run/a"))
    assert not taken.isInTheWayOf(ListenSpec(UNIX, path="/run/ba"))
    assert not Taken(UNIX, 1, path="\0a").isRelative


def test_whatItIsCalled() -> None:
    """
    As C{--listen} would have it.
    """
    assert str(Taken(TCP, 1, "127.0.0.1", 80)) == "tcp:80"
    assert str(Taken(UNIX, 1, path="\0a")) == "unix:@a"


@pytest.mark.parametrize(
    "complaint",
    [
        "OSError: [Errno 98] error while attempting to bind on address "
        "('127.0.0.1', 8080): address already in use",
        "Couldn't listen on 127.0.0.1:8080: [Errno 98] Address already in use.",
        "bind() to 0.0.0.0:8080 failed (Address already in use)",
    ],
)
def test_complaintsNamePorts(complaint: str) -> None:
    """
    A number in an address, or of an error, is none.
    """
    others = [Taken(TCP, number, "", number) for number in (0, 1, 98, 127, 8081)]
    meant = Taken(TCP, 7, "127.0.0.1", 8080)
    assert isAddressInUse(complaint)
    assert namedIn([complaint], [*others, meant]) == [meant]


def test_complaintsNamePaths() -> None:
    """
    A socket without a name is in none.
    """
    taken = [Taken(UNIX, 1, path="/run/a"), Taken(UNIX, 2)]
    assert namedIn(["/run/a: Address already in use"], taken) == taken[:1]


@pytest.mark.parametrize("path", ["/run/a", "/run/a.s", "a.s", "s", "\0name"])
def test_partsOfNamesAreNone(path: str) -> None:
    """
    Many a socket's name is a letter that stands in every complaint.
    """
    others = ["/run", "/a.s", "run", "e", "Errno", "n", "98", "ru", "."]
    there = [Taken(UNIX, number, path=other) for number, other in enumerate(others)]
    meant = Taken(UNIX, 99, path=path)
    for shown in (repr(path), repr(path.encode()), f"({path})"):
        said = f"Couldn't listen on any:{shown}: [Errno 98] Address already in use."
        assert namedIn([said], [*there, meant]) == [meant]


def test_otherTroubleIsNoComplaint() -> None:
    """
    Only that somebody else is there.
    """
    assert not isAddressInUse("OSError: [Errno 13] Permission denied")
