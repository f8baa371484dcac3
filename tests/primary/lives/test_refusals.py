"""
Why the system starts nobody more.
"""

from __future__ import annotations

import errno
import resource

import pytest

from twisted_cluster.primary.lives.refusals import whyRefused


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EAGAIN, "raise 'ulimit -u'"),
        (errno.EMFILE, "open files is too low: raise it ('ulimit -Hn')"),
        (errno.EBADF, "open files is too low: raise it ('ulimit -Hn')"),
        (errno.ENFILE, "raise fs.file-max"),
        (errno.ENOMEM, "no memory"),
    ],
)
def test_whatCanBeDoneIsSaid(number: int, advice: str) -> None:
    """
    Behind what the system says.
    """
    why = whyRefused(OSError(number, "No"))
    assert why.startswith(f"[Errno {number}] No; ")
    assert advice in why


def test_theLimitIsNamed() -> None:
    """
    The hard one: the primary has raised its own to that.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert f"limit of {hard} open" in whyRefused(OSError(errno.EMFILE, "No"))


def test_otherErrorsSpeakForThemselves() -> None:
    """
    A command that is not there, an environment that cannot be one.
    """
    assert whyRefused(ValueError("no text")) == "no text"
