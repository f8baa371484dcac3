"""
What each signal means to the primary of C{twistd cluster}: one table, for the code and
for docs/lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from attrs import frozen


class Does(Enum):
    """
    What a signal does. Who has a handler of his own for it, or has started the process
    with it ignored, keeps that.
    """

    STOP = "stop"
    STOP_NOW = "stop now"
    UPON_HUP = "upon SIGHUP"
    REOPEN = "reopen"
    MORE = "more"
    LESS = "less"
    REFUSE = "refuse"
    # Stop, but by another way: a handler in Python would never end where such a signal
    # comes from a fault of the process itself.
    STOP_LATER = "stop later"
    NOTHING = "nothing"


@frozen
class Meaning:
    """
    @ivar does: What is done.
    @ivar text: The same, for who runs a cluster.
    """

    does: Does
    text: str


_AS_TERM = (
    "`SIGALRM` `SIGVTALRM` `SIGPROF` `SIGIO` `SIGSTKFLT` `SIGPWR` `SIGXCPU` `SIGTRAP` "
    "`SIGSYS`, real-time signals"
)
# The rows of the table, in order: what stands in front, and the signals that it is about.
ROWS: tuple[tuple[str, tuple[str, ...], Meaning], ...] = (
    (
        "`SIGTERM`, `SIGINT` (Ctrl-C)",
        ("SIGTERM", "SIGINT"),
        Meaning(
            Does.STOP,
            "stop; a second one, 0.2 s later or more: workers are killed",
        ),
    ),
    (
        "`SIGQUIT`, `SIGABRT`",
        ("SIGQUIT", "SIGABRT"),
        Meaning(Does.STOP_NOW, "stop now: workers are killed"),
    ),
    (
        "`SIGHUP`",
        ("SIGHUP",),
        Meaning(
            Does.UPON_HUP,
            "as `--on-hup` says: `reload` (the default); `forward`, to workers whose "
            "application has a handler for it; `ignore`. Where the terminal is gone that "
            "the command was started at: stop",
        ),
    ),
    (
        "`SIGUSR1`",
        ("SIGUSR1",),
        Meaning(
            Does.REOPEN,
            "the log is rotated, or opened again where it has been moved; workers open "
            "theirs again, and applications get it that have a handler for it",
        ),
    ),
    (
        "`SIGTTIN`",
        ("SIGTTIN",),
        Meaning(Does.MORE, "one worker more"),
    ),
    (
        "`SIGTTOU`",
        ("SIGTTOU",),
        Meaning(Does.LESS, "one worker less"),
    ),
    (
        "`SIGUSR2`",
        ("SIGUSR2",),
        Meaning(
            Does.REFUSE,
            "nothing but a line in the log: it is kept for replacing the primary",
        ),
    ),
    (
        _AS_TERM,
        (
            "SIGALRM",
            "SIGVTALRM",
            "SIGPROF",
            "SIGIO",
            "SIGSTKFLT",
            "SIGPWR",
            "SIGXCPU",
            "SIGTRAP",
            "SIGSYS",
        ),
        Meaning(Does.STOP, "stop, where any other process would just end"),
    ),
    (
        "`SIGSEGV` `SIGBUS` `SIGFPE` `SIGILL`",
        ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL"),
        Meaning(
            Does.STOP_LATER,
            "stop, within a second, if somebody has sent it (Linux); if the process "
            "itself has done what is meant by it, it dies",
        ),
    ),
    (
        "`SIGPIPE` `SIGXFSZ` `SIGCHLD` `SIGURG` `SIGWINCH` `SIGCONT`",
        ("SIGPIPE", "SIGXFSZ", "SIGCHLD", "SIGURG", "SIGWINCH", "SIGCONT"),
        Meaning(Does.NOTHING, "nothing"),
    ),
    (
        "`SIGTSTP` (Ctrl-Z), `SIGSTOP`, `SIGKILL`",
        ("SIGTSTP", "SIGSTOP", "SIGKILL"),
        Meaning(
            Does.NOTHING,
            "as in any process; when the primary is killed its workers finish and end",
        ),
    ),
)
MEANINGS: Mapping[str, Meaning] = {
    name: meaning for _, names, meaning in ROWS for name in names
}
# Those that have no name.
OF_REAL_TIME = Meaning(Does.STOP, "")


def meaningOf(name: str) -> Meaning:
    """
    @param name: As C{signal.Signals} calls it; anything else is of real time.
    """
    return MEANINGS.get(name, OF_REAL_TIME)


def table() -> Iterator[str]:
    """
    @return: The table of docs/lives, line by line.
    """
    yield "| signal | what the primary does |"
    yield "|---|---|"
    for signals, _, meaning in ROWS:
        yield f"| {signals} | {meaning.text} |"
