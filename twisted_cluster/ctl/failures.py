"""
How the command ends when it does not do what it was asked to.
"""

from __future__ import annotations

import click

PROGRAM = "twisted-cluster"
FAILED, USAGE, NOBODY, FORBIDDEN = 1, 2, 3, 4
CODES = """
\b
Exit codes:
  0  done
  1  the cluster could not do it, or did not answer
  2  the command line is wrong
  3  no such cluster runs, or several do
  4  this user may not control it
"""


class Failure(click.ClickException):
    """
    What went wrong, for the person at the terminal.
    """

    def __init__(self, code: int, text: str) -> None:
        """
        @param code: What the command exits with.
        """
        super().__init__(text)
        self.exit_code = code  # type: ignore[misc]

    def show(self, file: object = None) -> None:
        """
        @see: L{click.ClickException}
        """
        click.echo(f"{PROGRAM}: {self.format_message()}", err=True)
