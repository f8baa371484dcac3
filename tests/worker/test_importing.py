"""
Modules that are changed when they are imported.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from twisted_cluster.worker.importing import whenImported


@pytest.fixture(autouse=True)
def finders(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Those of a test are gone after it.
    """
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """
    A module in a package that nobody has imported.
    """
    package = tmp_path / "changed_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "module.py").write_text("loader = __loader__, __spec__.loader\nvalue = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("changed_package", "changed_package.module"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return "changed_package.module"


def test_aModuleIsChangedBeforeItsImporterHasIt(name: str) -> None:
    """
    It is not imported for that, and knows nothing of it.
    """
    whenImported(name, lambda module: setattr(module, "value", 2))
    assert name not in sys.modules
    module = importlib.import_module(name)
    assert module.value == 2
    assert module.loader == (module.__loader__, module.__spec__.loader)


def test_whoOnlyLooksForAModuleChangesNothing(name: str) -> None:
    """
    He finds what he would, and who imports it later has it changed.
    """
    stock: Any = importlib.util.find_spec(name)
    whenImported(name, lambda module: setattr(module, "value", 2))
    found: Any = importlib.util.find_spec(name)
    assert found.loader.get_source(name) == stock.loader.get_source(name)
    assert importlib.import_module(name).value == 2


def test_aModuleIsChangedAgain(name: str) -> None:
    """
    Whenever it is loaded.
    """
    whenImported(name, lambda module: setattr(module, "value", 2))
    module = importlib.import_module(name)
    assert importlib.reload(module).value == 2
    del sys.modules[name]
    assert importlib.import_module(name).value == 2


class OldFinder:
    """
    As an old C{six} has one.
    """

    def find_module(self, name: str, path: object = None) -> None:
        """
        Find nothing.
        """


def test_findersOfAnOlderKindArePassedOver(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    As Python does it.
    """
    monkeypatch.setattr(sys, "meta_path", [OldFinder(), *sys.meta_path])
    whenImported(name, lambda module: setattr(module, "value", 2))
    assert importlib.import_module(name).value == 2


def test_aModuleThatIsThereIsChangedNow(name: str) -> None:
    """
    At once.
    """
    module = importlib.import_module(name)
    whenImported(name, lambda module: setattr(module, "value", 2))
    assert module.value == 2


def test_aModuleThatIsNotThereIsNot(tmp_path: Path, name: str) -> None:
    """
    Who asks for it gets the error that he would have; it may come later.
    """
    name = "changed_package.none"
    whenImported(name, lambda module: setattr(module, "value", 2))
    with pytest.raises(ModuleNotFoundError, match="none"):
        importlib.import_module(name)
    Path(tmp_path, "changed_package/none.py").write_text("")
    importlib.invalidate_caches()
    assert importlib.import_module(name).value == 2
