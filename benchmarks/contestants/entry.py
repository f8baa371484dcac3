"""
What is to be known of a server to start it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
# In commands and files, where the files are.
FOLDER = "<folder>"
BACKLOG = 511
TWISTD = [
    sys.executable,
    "-c",
    "from twisted.scripts.twistd import run; run()",
    "-n",
    "--pidfile=",
]


@dataclass(frozen=True)
class Contestant:
    """
    How to start one server.

    @ivar name: What the table and C{--only} call it.
    @ivar port: Where it will listen, on 127.0.0.1.
    @ivar commands: The command line of each of its main processes.
    @ivar before: How many of these, the first ones, only stand before the others.
    @ivar children: How many workers the first is to have; 0: the main processes serve.
    @ivar mark: What is in the command lines of workers, and of no other children.
    @ivar environment: Added to ours.
    @ivar files: Texts by name, put into L{FOLDER}.
    @ivar missing: Why it cannot take part, and how to get what it needs; empty: it can.
    """

    name: str
    port: int
    commands: Sequence[Sequence[str]]
    before: int = 0
    children: int = 0
    mark: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
