"""
Clusters in a program that tells them what to do.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.process.cluster import ROOT, RunningCluster, environment, freePort

FIXTURES = ROOT / "tests/process/fixtures"
LIVES = FIXTURES / "lives"


class Told(RunningCluster):
    """
    C{twistd -n -y told.tac}, while a C{with} block lasts.

    @ivar port: Where it serves.
    """

    PLUGIN = ("-y", "told.tac")
    port: int

    def tell(self, verb: str, *given: object, patience: float = 20.0) -> list[list[str]]:
        """
        Have it done.

        @return: All that is said, line by line, with what came of it at the end.
        """
        with self.telling(verb, *given, patience=patience) as line:
            return list(line)

    @contextmanager
    def telling(
        self, verb: str, *given: object, patience: float = 20.0
    ) -> Iterator[Iterator[list[str]]]:
        """
        The same, while it is done.
        """
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(patience)
            client.connect(f"/proc/{self.pid}/cwd/verbs")
            client.sendall(json.dumps([verb, *given]).encode() + b"\n")
            with client.makefile() as file:
                yield _untilDone(file)


def _untilDone(file: Any) -> Iterator[list[str]]:
    for line in file:
        said = json.loads(line)
        yield said
        if said[0] != "-":
            return


@contextmanager
def told(
    directory: Path,
    workers: int | str,
    app: str,
    env: Mapping[str, str] | None = None,
    **settings: object,
) -> Iterator[Told]:
    """
    One whose first workers are all online.

    @param env: What its applications find besides.
    """
    shutil.copy(FIXTURES / "told.tac", directory)
    port = freePort()
    folders = [str(FIXTURES / "faults"), str(LIVES)]
    path = os.pathsep.join([*folders, environment()["PYTHONPATH"]])
    given = {"app": app, "listen": f"tcp:{port}", "workers": workers, **settings}
    found = {"SETTINGS": json.dumps(given), "PYTHONPATH": path, "PORT": str(port)}
    found.update(env or {})
    with Told([], directory, found) as cluster:
        cluster.port = port
        cluster.waitOnline(int(str(workers).partition("-")[0]))
        yield cluster
