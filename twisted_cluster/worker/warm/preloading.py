"""
What every worker needs, imported before it is known which worker it will be.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress

from twisted_cluster.wire.bootstrap import SCRIPT, TWISTD

REACTOR = "twisted.internet.reactor"
MODULES = {
    TWISTD: (
        TWISTD,
        "twisted_cluster.worker.reactor",
        "twisted_cluster.lean.reactor",
        "twisted.application.strports",
        "twisted.internet.epollreactor",
        "twisted.internet.stdio",
        # What is provided by plugins of which twistd has a list.
        "twisted.cred.strcred",
        "twisted.trial.itrial",
    ),
    SCRIPT: (SCRIPT, "twisted_cluster.lean.reactor", "twisted.internet.epollreactor"),
}
# What the commands of C{twistd cluster} itself come to.
COMMANDS = {
    "cluster-app": ("twisted_cluster.worker.application", "twisted.web.wsgi"),
}
# twistd asks every plugin for its name; these are Twisted's own, and ours.
PLUGINS = tuple(
    f"twisted.plugins.twisted_{name}"
    for name in (
        "cluster_plugin",
        "conch",
        "ftp",
        "inet",
        "mail",
        "names",
        "portforward",
        "reactors",
        "runner",
        "socks",
        "web",
        "words",
    )
)


def preload(main: str, command: Sequence[str]) -> None:
    """
    Import it. What cannot be imported is left to who needs it.

    @param main: The module whose C{main} workers run.
    @param command: The arguments of that.
    """
    gc.disable()
    for name in MODULES[main]:
        importlib.import_module(name)
    if main == TWISTD:
        for name in _ofCommand(command[:1]):
            with suppress(Exception):
                importlib.import_module(name)
    gc.enable()


def _ofCommand(command: Sequence[str]) -> Iterator[str]:
    for name in command:
        yield from COMMANDS.get(name, ())
    for name in PLUGINS:
        yield name
        for maker in vars(sys.modules.get(name, object)).values():
            module = getattr(maker, "module", None)
            isAsked = getattr(maker, "tapname", None) in command
            if isAsked and isinstance(module, str) and module.startswith("twisted."):
                yield module


def whyUnfit() -> str:
    """
    @return: Why nothing can be forked from this process; C{""}: it can.
    """
    if len(os.listdir("/proc/self/task")) > 1:
        return "there is a thread, which a fork would not have"
    if REACTOR in sys.modules:
        return "there is a reactor, which all forks would share"
    return ""
