"""
How a command asks the cluster that is meant.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from twisted_cluster.controlpath import VARIABLE
from twisted_cluster.ctl.failures import PROGRAM

if TYPE_CHECKING:
    from twisted_cluster.ctl.client import Client

F = TypeVar("F", bound=Callable[..., Any])


def located(command: F) -> F:
    """
    Every command says which cluster is meant, before or behind its name.
    """
    for name, text in (
        ("--pidfile", "The pid file of the cluster that is meant, as twistd's."),
        ("--control", f"Its control socket; the variable {VARIABLE} says the same."),
    ):
        option = click.option(
            name, metavar="PATH", help=text, expose_value=False, callback=_note
        )
        command = option(command)
    return command


def _note(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    said: dict[str, str] = context.ensure_object(dict)
    if value is not None:
        said[str(parameter.name)] = value


def clientFor(context: click.Context, isGuessed: bool = True) -> Client:
    """
    @param isGuessed: As L{twisted_cluster.ctl.finding.find} has it.
    @raise Failure: If it is not clear which cluster is meant.
    """
    from twisted_cluster.ctl.client import Client
    from twisted_cluster.ctl.finding import find

    said: Mapping[str, str] = context.ensure_object(dict)
    control = said.get("control")
    if control is None and "pidfile" not in said:
        control = os.environ.get(VARIABLE) or None
    return Client(find(control, said.get("pidfile"), os.environ, isGuessed))


def tell(context: click.Context, verb: str, **given: str | None) -> str:
    """
    Have something done; how far it is goes to standard error.
    """
    return order(clientFor(context), verb, **given)


def order(client: Client, verb: str, **given: str | None) -> str:
    """
    The same of a cluster that is known.
    """
    said = {name: value for name, value in given.items() if value is not None}
    try:
        return client.tell(verb, said, lambda text: click.echo(text, err=True))
    except KeyboardInterrupt:
        click.echo(f"{PROGRAM}: not waited for; the cluster goes on", err=True)
        raise
