"""
Changes to modules that a worker may never import, and must not be made to.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

Change = Callable[[ModuleType], None]


def whenImported(name: str, change: Change) -> None:
    """
    Change a module as soon as it is there: now, or before whoever imports it has it.

    @param name: The whole name of the module.
    """
    module = sys.modules.get(name)
    if module is None:
        sys.meta_path.insert(0, _Expecting(name, change))
    else:
        change(module)


class _Expecting(MetaPathFinder):
    """
    Finds one module, as the others do. It stays: whoever only looks for the module, or
    fails to import it, may import it later, and again.
    """

    def __init__(self, name: str, change: Change) -> None:
        self._name = name
        self._change = change

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """
        @see: L{importlib.abc.MetaPathFinder}
        """
        if fullname != self._name:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            # Some are of the kind that Python had before 3.4.
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find and find(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Changing(spec.loader, self._change)
                return spec
        return None


class _Changing(Loader):
    """
    Loads a module as another loader does, and changes it.
    """

    def __init__(self, loader: Loader, change: Change) -> None:
        self._loader = loader
        self._change = change

    def __getattr__(self, name: str) -> object:
        # For who only looks for the module: what its source is, and where.
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """
        @see: L{importlib.abc.Loader}
        """
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """
        @see: L{importlib.abc.Loader}
        """
        # What the module sees of its loader is the real one.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._change(module)
