"""
Dotted names of things in modules.
"""

from __future__ import annotations


def namesIn(dotted: str) -> list[str]:
    """
    @param dotted: C{"package.module.attribute"}, or C{"package.module:attribute"}.
    @return: Its names, two or more; none if it is no such text.
    """
    names = dotted.replace(":", ".").split(".")
    isOne = len(names) > 1 and all(name.isidentifier() for name in names)
    return names if isOne else []
