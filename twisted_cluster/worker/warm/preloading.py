"""
What is imported before it is known which worker it will be.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from twisted_cluster.defaults import APP
from twisted_cluster.kinds import REACTOR
from twisted_cluster.wire.bootstrap import COMMAND, SCRIPT, TWISTD
from twisted_cluster.wire.limit import openDescriptors
from twisted_cluster.worker.warm.applying import importApp, withoutOptions
from twisted_cluster.worker.warm.changes import Changes, handedOn

MODULES = {
    TWISTD: (
        TWISTD,
        "twisted_cluster.worker.reactor",
        "twisted_cluster.lean.reactor",
        "twisted.application.strports",
        "twisted.internet.epollreactor",
        "twisted.internet.stdio",
    ),
    SCRIPT: (SCRIPT, "twisted_cluster.lean.reactor", "twisted.internet.epollreactor"),
}
# What the command of C{--app} comes to.
COMMANDS = {COMMAND: ("twisted_cluster.worker.application", "twisted.web.wsgi")}
# Of plugins of Twisted that import a reactor themselves, most of what else they import.
PARTS = {
    "web": (
        "twisted.spread.pb",
        "twisted.web.server",
        "twisted.web.static",
        "twisted.web.script",
        "twisted.web.twcgi",
        "twisted.web.wsgi",
    ),
}
# Where another command is asked for twistd asks every plugin for its name. These are
# Twisted's own, and what they are listed by.
PLUGINS = (
    "twisted.cred.strcred",
    "twisted.trial.itrial",
    "twisted.plugins.twisted_cluster_plugin",
    "twisted.plugins.twisted_conch",
    "twisted.plugins.twisted_ftp",
    "twisted.plugins.twisted_inet",
    "twisted.plugins.twisted_mail",
    "twisted.plugins.twisted_names",
    "twisted.plugins.twisted_portforward",
    "twisted.plugins.twisted_reactors",
    "twisted.plugins.twisted_runner",
    "twisted.plugins.twisted_socks",
    "twisted.plugins.twisted_web",
    "twisted.plugins.twisted_words",
)
ADVICE = "import it later, in what makes the application, or give --warm=twisted"


def preload(
    main: str, command: Sequence[str], warm: str, own: Collection[int]
) -> tuple[str, Changes]:
    """
    Import it.

    @param main: The module whose C{main} workers run.
    @param command: The arguments of that.
    @param warm: One of L{twisted_cluster.defaults.WARM}.
    @param own: The descriptors of which this process knows.
    @return: Why nothing can be forked from this process now; C{""}: it can. And what the
        application has changed in its environment.
    """
    command = withoutOptions(command)
    isCollecting = gc.isenabled()
    # Nothing of it is rubbish.
    gc.disable()
    for name in MODULES[main]:
        importlib.import_module(name)
    with _withoutReactor():
        for name in _ofCommand(command[:1]) if main == TWISTD else ():
            # What cannot be imported is left to who needs it.
            with suppress(Exception):
                importlib.import_module(name)
    why = _whyUnfit(own)
    variables = dict(os.environb)
    if warm == APP and not why:
        before = handedOn()
        why = importApp(command)
        if not why and (why := _whyUnfit(own) or _whyOther(before)):
            why = f"--warm=app: {why}; {ADVICE}"
    if isCollecting:
        gc.enable()
    return why, Changes.since(variables)


@contextmanager
def _withoutReactor() -> Iterator[None]:
    """
    While the block lasts who imports a reactor fails: some of Twisted's own plugins do.
    """
    hasOne = REACTOR in sys.modules
    blocked: dict[str, None] = {} if hasOne else {REACTOR: None}
    sys.modules.update(blocked)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in blocked:
            del sys.modules[name]


def _ofCommand(command: Sequence[str]) -> Iterator[str]:
    """
    What the first word of a command comes to, and whatever is asked for it on the way.
    """
    for word in command:
        if word in COMMANDS:
            yield from COMMANDS[word]
        else:
            yield from PARTS.get(word, ())
            for plugin in PLUGINS:
                yield plugin
                yield from _makersOf(sys.modules.get(plugin), word)


def _makersOf(plugin: object, name: str) -> Iterator[str]:
    for maker in vars(plugin).values() if plugin else ():
        module = getattr(maker, "module", None)
        isAsked = getattr(maker, "tapname", None) == name
        if isAsked and isinstance(module, str) and module.startswith("twisted."):
            yield module


def _whyOther(before: Mapping[str, object]) -> str:
    """
    @param before: What L{handedOn} has said before.
    """
    now = handedOn()
    changed = [name for name, was in before.items() if now[name] != was]
    return f"it changes {changed[0]}, which each fork is handed anew" if changed else ""


def _whyUnfit(own: Collection[int]) -> str:
    """
    @param own: As L{preload} has it.
    """
    if len(os.listdir("/proc/self/task")) > 1:
        return "there is a thread, which a fork would not have"
    if REACTOR in sys.modules:
        return "there is a reactor, which all forks would share"
    for number in sorted({*openDescriptors()} - {*own}):
        # Closed is what has listed them.
        with suppress(OSError):
            where = os.readlink(f"/proc/self/fd/{number}")
            if where.startswith(("socket:", "anon_inode:")):
                return "there is a socket, which all forks would share"
            # A fork's own descriptors have these numbers.
            return f"{where} is open, which no fork would have"
    return ""
