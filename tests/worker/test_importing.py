"""
Modules that are changed when they are imported.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from twisted_cluster.worker.importing import whenImported


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
    It is not imported for that, knows nothing of it, and nothing stays behind.
    """
    finders = list(sys.meta_path)
    whenImported(name, lambda module: setattr(module, "value", 2))
    assert name not in sys.modules
    module = importlib.import_module(name)
    assert module.value == 2
    assert module.loader == (module.__loader__, module.__spec__.loader)
    assert sys.meta_path == finders


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
