"""
What the tests of listening share: workers that attempt things, and tell what came of it.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.conformance.scripts import Script, run

# Workers tell the primary what came of their attempts, and it says so.
TELL = """
PORT = int(os.environ.get("PORT", "0"))

def tell(*facts):
    cluster.worker.send(list(facts))

def attempt(what, listening):
    try:
        port = listening()
    except error.CannotListenError as problem:
        tell("refused", what, problem.socketError.errno)
    else:
        address = port.getHost()
        tell("listens", what, getattr(address, "port", None))
        return port

if cluster.isPrimary:
    cluster.schedulingPolicy = os.environ.get("POLICY", "round-robin")
    cluster.on("message", lambda worker, message:
        say(message[0], id=worker.id, of=message[1:]))
"""


def act(
    text: str, directory: Path, policy: str = "round-robin", **options: Any
) -> Script:
    """
    Run a script that begins with L{TELL}.
    """
    env = {"POLICY": policy, **options.pop("env", {})}
    return run(TELL + dedent(text), directory, env=env, **options)


def told(script: Script, what: str) -> list[tuple[Any, ...]]:
    """
    What workers told of one kind: (worker, fact, ...), sorted.
    """
    return sorted((event["id"], *event["of"]) for event in script.of(what))
