"""
docs/policies.md names all that there is.
"""

from __future__ import annotations

import re
import shlex

import pytest

import twisted_cluster
from tests.process.cluster import ROOT
from twisted_cluster.events import ConnectionFacts, ListenerFacts
from twisted_cluster.interfaces import IWorkerLoad
from twisted_cluster.plugins import findPolicies, parsePolicy
from twisted_cluster.policies import PolicyMaker
from twisted_cluster.tap import Options
from twisted_cluster.testing.simulate import OPTIONS

PAGE = (ROOT / "docs/policies.md").read_text()
BUILT_IN = [
    name
    for name, maker in sorted(findPolicies().items())
    if type(maker).__module__.startswith("twisted_cluster.")
]


def section(title: str) -> str:
    """
    What is below a heading.
    """
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """
    The cells of tables.
    """
    lines = re.findall(r"^\| (.*) \|$", text, re.M)
    return [re.split(r" \| ", line) for line in lines]


def test_everyBuiltInPolicyIsInTheTable() -> None:
    """
    As something that can be given, and no other.
    """
    given = [re.findall(r"`([^`]+)`", row[0]) for row in rows(section("Built in"))[1:]]
    texts = [text for cell in given for text in cell]
    for text in texts:
        parsePolicy(text)
    assert sorted({text.partition(":")[0] for text in texts}) == BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_everyArgumentIsInTheTable(name: str) -> None:
    """
    What a policy takes stands in its row, or one of its rows.
    """
    maker = findPolicies()[name]
    own = " ".join(
        " ".join(row)
        for row in rows(section("Built in"))
        if row[0].startswith(f"`{name}")
    )
    known = maker.parameters if isinstance(maker, PolicyMaker) else ["by", "default"]
    for argument in known:
        assert re.search(rf"[`:,]{argument}\b", own), argument


def test_everyFactIsInATable() -> None:
    """
    All that a policy can know.
    """
    facts = " ".join(row[0] for row in rows(section("What a policy knows")))
    for name in IWorkerLoad.names():
        assert f"`{name}`" in facts
    known = {*ConnectionFacts._fields, "peer", "local"} - {"peerName", "handed"}
    for name in known:
        assert f"`{name}`" in facts
    listener = section("What a policy knows")
    for name in {*ListenerFacts._fields, "address"} - {"socketName", "nameOf"}:
        assert f"`{name}`" in listener


def test_everyInterfaceIsInATable() -> None:
    """
    All that a policy can provide.
    """
    named = {row[0].strip("`") for row in rows(section("What a policy can ask for"))}
    known = {name for name in twisted_cluster.__all__ if name.endswith("Policy")}
    assert named - {"interface"} == known


def test_everyOptionOfTheSimulatorIsInATable() -> None:
    """
    Except for the seed, which the text has.
    """
    text = section("The simulator")
    for option in OPTIONS:
        assert f"`{option}" in text


def test_itsCommandsAreUnderstood() -> None:
    """
    Three dots stand for what is served.
    """
    lines = re.findall(r"^    \$ twistd cluster (.*) \.\.\.$", PAGE, re.M)
    assert len(lines) == 2
    for line in lines:
        Options().parseOptions([*shlex.split(line), "--app=hello.factory"])
