"""
Where modules come from in the workers of a script: as in what C{python script.py} starts,
of which the primary is one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipapp
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.process.cluster import ROOT, environment, eventually, membersOf

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
SCRIPT = """
import sys
was = list(sys.path)
# Here it may change that.
from twisted.internet import reactor
from twisted_cluster import cluster
import json, os

spec = __spec__ and [__spec__.name, __spec__.origin]
facts = {"path": was, "name": __name__, "file": os.path.abspath(__file__), "spec": spec,
    "argv": sys.argv[1:], "package": __package__ or "",
    "main": sys.modules["__main__"].__dict__ is globals()}
if cluster.isPrimary:
    print(json.dumps(facts))
    worker = cluster.fork()
    worker.on("message", lambda told: print(json.dumps(told)))
    worker.on("exit", lambda code, signal: reactor.stop())
else:
    cluster.worker.send(facts)
    cluster.worker.disconnect()
reactor.run()
"""


def runIt(
    command: Sequence[str], directory: Path, env: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], ...]:
    """
    Run Python.

    @return: What the primary is like, and its worker.
    """
    process = subprocess.Popen(
        [sys.executable, *command, "an", "argument"],
        cwd=directory,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=40)
    finally:
        process.kill()
    eventually(lambda: not membersOf(process.pid), "every process has ended", 5.0)
    assert process.returncode == 0
    return tuple(map(json.loads, said.splitlines()))


def write(file: Path) -> Path:
    """
    Put the script somewhere.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(SCRIPT)
    return file


def checkSame(command: Sequence[str], directory: Path) -> dict[str, Any]:
    """
    A worker is as the primary is.
    """
    for name in ("json", "queue", "resource", "calendar"):
        (directory / f"{name}.py").write_text("1 / 0\n")
    primary, worker = runIt(command, directory)
    assert worker == primary
    return worker


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """
    A directory to be in.
    """
    made = tmp_path / "elsewhere"
    made.mkdir()
    return made


def test_fileInAnotherFolder(tmp_path: Path, elsewhere: Path) -> None:
    """
    Its own folder is looked in, and not the working directory.
    """
    script = write(tmp_path / "app" / "script.py")
    assert checkSame([str(script)], elsewhere)["path"][0] == str(script.parent)
    assert checkSame(["../app/script.py"], elsewhere)["path"][0] == str(script.parent)


def test_linkToAFile(tmp_path: Path, elsewhere: Path) -> None:
    """
    The folder is that of the file.
    """
    script = write(tmp_path / "app" / "script.py")
    (elsewhere / "link.py").symlink_to(script)
    assert checkSame(["link.py"], elsewhere)["path"][0] == str(script.parent)


@pytest.mark.parametrize("isArchive", [False, True])
def test_folderOrArchive(tmp_path: Path, elsewhere: Path, isArchive: bool) -> None:
    """
    It is looked in itself, and not the folder that it is in.
    """
    folder = tmp_path / "app"
    write(folder / "__main__.py")
    if isArchive:
        zipapp.create_archive(folder, tmp_path / "app.pyz")
        folder = tmp_path / "app.pyz"
    told = checkSame([str(folder)], elsewhere)
    assert (told["path"][0], told["spec"][0]) == (str(folder), "__main__")


@pytest.mark.parametrize("name", ["app", "app.module", "alone"])
def test_module(elsewhere: Path, name: str) -> None:
    """
    The working directory is looked in, as C{python -m} does; its modules are what that
    finds, so it has none of other names here.
    """
    for file in ("app/__main__.py", "app/module.py", "alone.py"):
        write(elsewhere / file)
    (elsewhere / "app" / "__init__.py").touch()
    primary, worker = runIt(["-m", name], elsewhere)
    assert worker == primary
    assert worker["path"][0] == str(elsewhere)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="it has no -P")
def test_nothingIsPutFirstIfThatIsWanted(tmp_path: Path, elsewhere: Path) -> None:
    """
    C{python -P}: the script's folder is not looked in.
    """
    script = write(tmp_path / "app" / "script.py")
    assert str(script.parent) not in checkSame(["-P", str(script)], elsewhere)["path"]


def test_anotherScriptHasItsOwnFolder(tmp_path: Path, elsewhere: Path) -> None:
    """
    C{exec}: what is looked in for the primary's own script is not for it.
    """
    other = write(tmp_path / "other" / "script.py")
    script = write(tmp_path / "app" / "script.py")
    set = f"cluster.setupPrimary(exec={str(other)!r})\n    worker ="
    script.write_text(SCRIPT.replace("worker =", set))
    _, worker = runIt([str(script)], elsewhere)
    stock, _ = runIt([str(other)], elsewhere)
    assert (worker["path"], worker["file"]) == (stock["path"], str(other))


@pytest.mark.parametrize(
    "change",
    [
        "sys.path.pop(0)",
        "sys.path[0] = '/its-own'",
        "sys.path.remove(os.path.dirname(__file__))",
        "sys.path[0:0] = ['/its-own', 'relative']",
    ],
)
def test_scriptsMayChangeTheirPath(tmp_path: Path, elsewhere: Path, change: str) -> None:
    """
    A worker runs the same again on what that has come to: it finds the same modules.
    """
    script = tmp_path / "script.py"
    text = SCRIPT.replace("# Here", f"import os; {change}\n# Here")
    script.write_text(
        text.replace('"path": was', '"path": list(dict.fromkeys(sys.path))')
    )
    primary, worker = runIt([str(script)], elsewhere)
    assert worker == primary


def test_installedModuleForksAScript(tmp_path: Path, elsewhere: Path) -> None:
    """
    C{python -m} of a module that is on the path anyway takes nothing away from it.
    """
    script = write(tmp_path / "other" / "script.py")
    library = tmp_path / "library"
    text = f"cluster.setupPrimary(exec={str(script)!r})\n    worker ="
    library.mkdir()
    (library / "installed.py").write_text(SCRIPT.replace("worker =", text))
    more = {"PYTHONPATH": f"{library}{os.pathsep}{ROOT}"}
    _, worker = runIt(["-m", "installed"], elsewhere, more)
    stock, _ = runIt([str(script)], elsewhere, more)
    assert worker["path"] == stock["path"]


def test_aScriptThatAModuleRuns(tmp_path: Path, elsewhere: Path) -> None:
    """
    Workers run the script, and not the module once more.
    """
    script = write(tmp_path / "app" / "script.py")
    primary, worker = runIt(["-m", "cProfile", "-o", os.devnull, str(script)], elsewhere)
    for what in ("file", "argv", "name", "path"):
        assert worker[what] == primary[what]
