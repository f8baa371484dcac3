"""
python -m tests.machines.document: write the state machines' diagrams into docs/lives.md.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from twisted_cluster.core.lifecycle import newLifecycle
from twisted_cluster.core.rollout import newRollout
from twisted_cluster.worker.ending import newEnding

PAGE = Path(__file__).resolve().parents[2] / "docs" / "lives.md"
HEADING = "## The machines\n"
INTRODUCTION = """
Made of the code by `python -m tests.machines.document`: what leads from one state to
another. What leaves a state as it is has been left out.
"""
MACHINES: dict[str, tuple[str, Any]] = {
    "A worker, as the primary sees it": ("core/lifecycle.py", newLifecycle),
    "A worker's own end": ("worker/ending.py", newEnding),
    "A reload": ("core/rollout.py", newRollout),
}


def diagram(machine: Any) -> str:
    """
    @return: One machine, in Mermaid's words.
    """
    automaton = machine.__automat_automaton__
    ways: dict[tuple[str, str], list[str]] = defaultdict(list)
    for before, event, after, _ in automaton.allTransitions():
        if before is not after:
            ways[_name(before), _name(after)].append(event)
    lines = ["stateDiagram-v2", f"    [*] --> {_name(automaton.initialState)}"]
    lines += [
        f"    {before} --> {after}: {', '.join(sorted(events))}"
        for (before, after), events in sorted(ways.items())
    ]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def _name(state: Any) -> str:
    return str(state.name).replace(" ", "_")


def section() -> str:
    """
    @return: What the page has below its last heading.
    """
    parts = [
        f"\n### {title}\n\n`twisted_cluster/{where}`\n\n{diagram(machine)}"
        for title, (where, machine) in MACHINES.items()
    ]
    return INTRODUCTION + "".join(parts)


def page() -> str:
    """
    @return: The page as it is to be; all that follows the heading is made.
    """
    before = PAGE.read_text().partition(HEADING)[0]
    return f"{before}{HEADING}{section()}"


if __name__ == "__main__":
    PAGE.write_text(page())
