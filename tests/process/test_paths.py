"""
Where modules come from in a worker: as in a process that the user starts with twistd.
"""

from __future__ import annotations

import zipapp
from pathlib import Path
from urllib.request import urlopen

import pytest

import twisted
from tests.process.cluster import ROOT, RunningCluster, eventually, freePort
from tests.process.facts import LAUNCHER, TAC, Stock, factsOf, launcherIn

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
NAMES = ("json", "queue", "resource", "calendar", "socket", "random")
PACKAGES = Path(twisted.__file__).parents[1]


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """
    A directory of files that have the names of modules.
    """
    made = tmp_path / "served"
    made.mkdir()
    for name in NAMES:
        (made / f"{name}.py").write_text("open('was-run', 'w').close(); 1 / 0\n")
    return made


@pytest.mark.parametrize("kind", [Stock, RunningCluster])
def test_filesOfTheWorkingDirectoryAreServed(
    kind: type[RunningCluster], trap: Path, tmp_path: Path
) -> None:
    """
    And not run, whatever they are called.
    """
    port, program = freePort(), [str(launcherIn(tmp_path))]
    arguments = ["web", "--listen", f"tcp:{port}:interface=127.0.0.1", "--path", "."]
    with kind(arguments, trap, program=program):
        eventually(lambda: _get(port, "json.py"), "it serves")
        for name in NAMES:
            assert b"was-run" in _get(port, f"{name}.py")
    assert not (trap / "was-run").exists()


def _get(port: int, name: str) -> bytes:
    try:
        with urlopen(f"http://127.0.0.1:{port}/{name}", timeout=5) as response:
            return bytes(response.read())
    except OSError:
        return b""


def test_appIsFoundBehindTheStandardLibrary(trap: Path, tmp_path: Path) -> None:
    """
    C{--app} looks in the working directory as well, and there last.
    """
    (trap / "mine.py").write_text(
        "import json, sys\n"
        "from twisted.web.static import Data\n"
        "resource = Data(json.dumps(sys.path[-1]).encode(), 'text/plain')\n"
        "resource.isLeaf = True\n"
    )
    port, program = freePort(), [str(launcherIn(tmp_path))]
    arguments = ["--app=mine.resource", f"--listen=tcp:{port}:interface=127.0.0.1"]
    with RunningCluster([*arguments, "--workers=2"], trap, program=program):
        eventually(lambda: _get(port, ""), "it serves")
        assert _get(port, "") == f'"{trap}"'.encode()
    assert not (trap / "was-run").exists()


def _checkSamePath(program: list[str], directory: Path, **options: object) -> list[str]:
    stock = factsOf(Stock, program, directory, **options)
    worker = factsOf(RunningCluster, program, directory, **options)
    path: list[str] = worker["first"]["path"]
    assert path == stock["first"]["path"]
    assert worker["first"]["environment"] == []
    return path


def test_pathIsThatOfTheLauncher(tmp_path: Path) -> None:
    """
    With what it has put there, in the same order: odd names, and some that Python passes
    over, included.
    """
    text = (
        "import pathlib, sys\n"
        "sys.path[0:0] = ['/first', 'relative', 'a:b\\nc', 'caf\\udce9', '/caf\xe9']\n"
        "sys.path.insert(3, pathlib.Path('/object'))\n"
        "sys.path.append('/last')\n"
    )
    plain = (
        "import sys\nsys.path[:] = [each for each in sys.path if isinstance(each, str)]\n"
    )
    stock = factsOf(Stock, [str(launcherIn(tmp_path, text + plain + LAUNCHER))], tmp_path)
    program = [str(launcherIn(tmp_path, text + LAUNCHER))]
    path = factsOf(RunningCluster, program, tmp_path)["first"]["path"]
    assert path == stock["first"]["path"]
    assert path[:4] == ["/first", "relative", "a:b\nc", "caf\udce9"]
    assert path[-1] == "/last"


def test_pathIsThatOfAnArchive(tmp_path: Path) -> None:
    """
    C{python app.pyz cluster ...}.
    """
    source = tmp_path / "source"
    source.mkdir()
    (source / "__main__.py").write_text(LAUNCHER)
    zipapp.create_archive(source, tmp_path / "app.pyz")
    path = _checkSamePath(["app.pyz"], tmp_path)
    assert path[0].endswith("app.pyz")
    path = _checkSamePath([str(source)], tmp_path)
    assert path[0] == str(source)


def test_pathIsThatOfAModule(tmp_path: Path) -> None:
    """
    C{python -m launching cluster ...}: what this puts first is where it is started.
    """
    (tmp_path / "launching.py").write_text(LAUNCHER)
    path = _checkSamePath(["-m", "launching"], tmp_path)
    assert path[0] == str(tmp_path)


def test_everythingMayComeFromALauncher(tmp_path: Path) -> None:
    """
    Python alone finds neither Twisted nor the cluster: a folder of libraries, an archive
    that has them.
    """
    library = tmp_path / "library"
    (library / "twisted" / "plugins").mkdir(parents=True)
    (library / "twisted_cluster").symlink_to(ROOT / "twisted_cluster")
    plugin = "twisted/plugins/twisted_cluster_plugin.py"
    (library / plugin).symlink_to(ROOT / plugin)
    text = f"import sys\nsys.path[0:0] = [{str(library)!r}, {str(PACKAGES)!r}]\n"
    program = ["-S", "-E", str(launcherIn(tmp_path, text + LAUNCHER))]
    path = _checkSamePath(program, tmp_path, env={"PYTHONPATH": ""})
    assert path[:2] == [str(library), str(PACKAGES)]


def test_everythingMayComeFromAnArchive(tmp_path: Path) -> None:
    """
    The cluster itself as well.
    """
    source = tmp_path / "source"
    _copy(ROOT / "twisted_cluster", source / "twisted_cluster")
    _copy(ROOT / "twisted", source / "twisted")
    text = f"import sys\nsys.path.append({str(PACKAGES)!r})\n"
    (source / "__main__.py").write_text(text + LAUNCHER)
    archive = tmp_path / "app.pyz"
    zipapp.create_archive(source, archive)
    _checkSamePath(["-S", "-E", str(archive)], tmp_path, env={"PYTHONPATH": ""})


def _copy(source: Path, target: Path) -> None:
    for each in source.rglob("*.py"):
        made = target / each.relative_to(source)
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(each.read_bytes())


def test_namesMayBeNoText(tmp_path: Path) -> None:
    """
    Of directories, and of what the environment says: bytes that no encoding has.
    """
    odd = tmp_path / "caf\udce9"
    odd.mkdir()
    (odd / "app.tac").write_bytes(TAC.read_bytes())
    program = [str(launcherIn(odd))]
    given = {"tac": odd / "app.tac", "env": {"ODD": "\udcff"}}
    stock = factsOf(Stock, program, odd, **given)["now"]
    worker = factsOf(RunningCluster, program, odd, **given)["now"]
    for name in ("directory", "path", "odd"):
        assert worker[name] == stock[name]
    assert worker["odd"] == "\udcff"
