"""
The package as a graph of imports, of which none leads back; and how much has no type.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Set

import grimp
import pytest

from tests.process.cluster import ROOT

PACKAGE = "twisted_cluster"
# Imports for type checkers alone count: what needs another's type knows the other.
GRAPH = grimp.build_graph(PACKAGE, exclude_type_checking_imports=False, cache_dir=None)
ROOMS = sorted(module for module in GRAPH.modules if GRAPH.find_children(module))
LINES_PER_ANY = 120


def arrowsIn(room: str) -> Mapping[str, Set[str]]:
    """
    Which parts of a package import which: its modules, the packages in it as a whole,
    and what its own F{__init__.py} says.
    """
    arrows: dict[str, set[str]] = defaultdict(set)
    for importer in GRAPH.find_descendants(room) | {room}:
        for imported in GRAPH.find_modules_directly_imported_by(importer):
            ends = _partOf(room, importer), _partOf(room, imported)
            if None not in ends and ends[0] != ends[1]:
                arrows[ends[0]].add(ends[1])
    return arrows


def _partOf(room: str, module: str) -> str | None:
    if module == room:
        return f"{room}.__init__"
    if not module.startswith(f"{room}."):
        return None
    return f"{room}.{module[len(room) + 1 :].partition('.')[0]}"


def circlesIn(arrows: Mapping[str, Set[str]]) -> list[list[str]]:
    """
    @return: The parts that can each be reached from each other, for each such set.
    """
    reached = {part: _reachable(part, arrows) for part in arrows}
    circles = {
        tuple(sorted(other for other in reached[part] if part in reached.get(other, ())))
        for part in arrows
        if part in reached[part]
    }
    return [list(circle) for circle in sorted(circles)]


def _reachable(part: str, arrows: Mapping[str, Set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [part]
    while ahead:
        new = arrows.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_nothingImportsInACircle(room: str) -> None:
    """
    Neither rooms nor the modules of one room.
    """
    assert circlesIn(arrowsIn(room)) == []


def test_circlesAreFound() -> None:
    """
    The test can fail.
    """
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"e"}}
    assert circlesIn(arrows) == [["b", "c"], ["e"]]


def test_mostIsTyped() -> None:
    """
    C{Any} is for what has no type, and that is rare.
    """
    lines, counts = 0, Counter[str]()
    for path in (ROOT / PACKAGE).rglob("*.py"):
        text = path.read_text()
        lines += text.count("\n")
        counts[str(path.relative_to(ROOT))] = text.count("Any")
    assert counts.total() * LINES_PER_ANY <= lines, counts.most_common(20)
