"""
Programs in the kernel, and who may have them.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.primary.ports.streams import mayLoad
from tests.process.somebody import asRoot, pathsForNobody, pythonForNobody

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such programs"),
    asRoot,
]
GROUP = """
import os, sys
from tests.steering.groups import listening
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.primary.ports.steered import Served
from twisted_cluster.primary.ports.steering import steer
from twisted_cluster.steering.places import Place

def fill(group, steering):
    for index, member in enumerate(group.sockets[1:]):
        steering.add(index, member)
"""
ORDINARY = """
with listening(4) as group:
    steering = steer(RandomChoice(), group.sockets[0])
    fill(group, steering)
    steering.allow([Place(1)])
    print(steering.kind, steering.instead, dict(group.chosen(5)), sep="; ")
"""
# As the default profile of container runtimes: bpf(2) is refused, whoever asks.
CONTAINED = """
import ctypes, platform
from array import array
from twisted_cluster.steering.classic import assemble, jeq, ld, ret
from twisted_cluster.wire.bpf import CALLS

NO_NEW_PRIVILEGES, SECCOMP, BY_FILTER, REFUSED, ALLOWED = 38, 22, 2, 0x50001, 0x7FFF0000
program = assemble(
    [ld(0), jeq(CALLS[platform.machine()], no=1), ret(REFUSED), ret(ALLOWED)]
)
steps = array("B", program)
asked = array("Q", [len(program) // 8, steps.buffer_info()[0]])
prctl = ctypes.CDLL(None).prctl
assert prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
assert prctl(SECCOMP, BY_FILTER, ctypes.c_void_p(asked.buffer_info()[0]), 0, 0) == 0
"""
SHED = """
with listening(4) as group:
    steering = steer(LeastConnections(), group.sockets[0])
    fill(group, steering)
    # What Python imports to connect may be where nobody can read it.
    group.chosen(1)
    os.setgid(65534)
    os.setuid(65534)
    steering.allow([Place(0), Place(2)])
    steering.attach()
    steering.reckon({0: Served(1, 1), 2: Served(0, 0)}, 1.0)
    print(steering.kind, sorted(group.chosen(7).items()), sep="; ")
"""


def said(python: str, program: str, **whose: int) -> str:
    done = subprocess.run(
        [python, "-c", GROUP + program],
        env={"PYTHONPATH": pathsForNobody()},
        capture_output=True,
        text=True,
        timeout=30,
        **whose,  # type: ignore[call-overload]
    )
    assert done.stderr == ""
    return str(done.stdout).strip()


def test_everybodyMaySteer() -> None:
    """
    An ordinary user has a classic program, and is told what is missing for more.
    """
    told = said(pythonForNobody(), ORDINARY, user=65534, group=65534)
    assert told == "classic; extended BPF: it takes CAP_BPF; {2: 5}"


def test_containersMaySteer() -> None:
    """
    So has root, where the system call is refused.
    """
    told = said(sys.executable, CONTAINED + ORDINARY)
    assert told == "classic; extended BPF: it takes CAP_BPF; {2: 5}"


@pytest.mark.skipif(not mayLoad(), reason="needs CAP_BPF")
def test_itGoesOnWithoutPrivileges() -> None:
    """
    Once loaded, an extended program is told all that it needs by whoever has it.
    """
    assert said(sys.executable, SHED) == "extended; [(1, 3), (3, 4)]"
