"""
The command C{twisted-cluster}.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import click

from twisted_cluster.ctl.arguments import WORKER, Seconds
from twisted_cluster.ctl.asking import clientFor, located, order, tell
from twisted_cluster.ctl.failures import CODES, PROGRAM

# A process that has said that it has stopped is gone then, unless it is not its own.
GONE = 3.0


@click.group(epilog=CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="twisted-cluster", prog_name=PROGRAM)
@located
def cli() -> None:
    """
    Ask a running 'twistd cluster', and tell it what to do.

    Without --control or --pidfile, that of ./twistd.pid is meant, or the only one that
    runs. A WORKER is a number, pid:NUMBER or id:NUMBER.
    """


@cli.command()
@click.option("--json", "asJSON", is_flag=True, help="As it comes, for programs.")
@located
@click.pass_context
def status(context: click.Context, asJSON: bool) -> None:
    """
    Workers and ports.
    """
    import json

    from twisted_cluster.ctl.tables import text

    there = clientFor(context).status()
    click.echo(json.dumps(there, indent=2) if asJSON else text(there))


@cli.command()
@click.option("-d", "--delay", default="1s", type=Seconds(), show_default=True)
@click.option("-n", "--count", default=0, type=click.IntRange(0), help="End after that.")
@located
@click.pass_context
def top(context: click.Context, delay: str, count: int) -> None:
    """
    The same, live (needs rich).
    """
    from twisted_cluster.ctl.top import show

    try:
        show(clientFor(context), max(0.1, float(delay)), count)
    except KeyboardInterrupt:
        # Who has seen enough has not failed.
        return


@cli.command()
@click.option("--step", metavar="N|PERCENT", help="How many workers at a time.")
@click.option("--directory", metavar="DIR", help="Where the new workers are to run.")
@click.option("--canary", metavar="N|PERCENT", help="Try so many first, then decide.")
@click.option("--for", "seconds", type=Seconds(), metavar="TIME", help="For how long.")
@click.option("--missing-ports", is_flag=True, help="New workers may listen elsewhere.")
@located
@click.pass_context
def reload(
    context: click.Context,
    step: str | None,
    directory: str | None,
    canary: str | None,
    seconds: str | None,
    missing_ports: bool,
) -> None:
    """
    Replace all workers by new ones, with nothing lost.
    """
    if seconds is not None and canary is None:
        raise click.UsageError("--for is how long a --canary is tried: say that too")
    where = None if directory is None else os.path.abspath(directory)
    given = {"step": step, "directory": where, "canary": canary, "for": seconds}
    if missing_ports:
        given["missing-ports"] = "1"
    tell(context, "reload", **given)


@cli.command()
@click.argument("workers", metavar="N")
@located
@click.pass_context
def scale(context: click.Context, workers: str) -> None:
    """
    Have N workers, or A-B: as many of these as are needed.
    """
    tell(context, "scale", workers=workers)


@cli.command()
@click.argument("worker", type=WORKER)
@located
@click.pass_context
def drain(context: click.Context, worker: str) -> None:
    """
    Replace a worker, and let it finish what it serves.
    """
    tell(context, "drain", worker=worker)


@cli.command()
@click.argument("worker", type=WORKER)
@located
@click.pass_context
def kill(context: click.Context, worker: str) -> None:
    """
    Kill a worker; another one replaces it.
    """
    tell(context, "kill", worker=worker)


@cli.command()
@click.option("--now", is_flag=True, help="Cut what is served.")
@located
@click.pass_context
def stop(context: click.Context, now: bool) -> None:
    """
    End the cluster: what is served is finished first.
    """
    # Told twice, it would else be the end of another one.
    client = clientFor(context, isGuessed=False)
    pid = client.pid()
    order(client, "stop", now="1" if now else None)
    deadline = time.monotonic() + GONE
    while pid is not None and _isThere(pid) and time.monotonic() < deadline:
        time.sleep(0.02)


@cli.command()
@click.argument("worker", type=WORKER, required=False)
@located
@click.pass_context
def stacks(context: click.Context, worker: str | None) -> None:
    """
    What every thread of a worker, or of all, is at.
    """
    click.echo(tell(context, "stacks", worker=worker))


@cli.command()
@click.argument("given", metavar="[PORT] NAME", nargs=-1, required=True)
@located
@click.pass_context
def policy(context: click.Context, given: Sequence[str]) -> None:
    """
    Who serves new connections: NAME as --policy takes it, at one PORT or at all.
    """
    *ports, name = given
    if len(ports) > 1:
        raise click.UsageError("give a port and a policy, or a policy for all ports")
    tell(context, "policy", port=ports[0] if ports else None, name=name)


@cli.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("-n", "--lines", default=100, type=click.IntRange(0), show_default=True)
@click.option("--json", "asJSON", is_flag=True, help="An object in each line.")
@click.argument("worker", type=WORKER, required=False)
@located
@click.pass_context
def logs(
    context: click.Context, follow: bool, lines: int, asJSON: bool, worker: str | None
) -> None:
    """
    What was logged last, by all or by a WORKER, and about it.
    """
    given = {"lines": str(lines), "format": "json" if asJSON else "text"}
    if follow:
        given["follow"] = "1"
    if worker is not None:
        given["worker"] = worker
    try:
        for line in clientFor(context).logs(given):
            click.echo(line, nl=False)
    except KeyboardInterrupt:
        return


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """
    A script that completes this command: eval "$(twisted-cluster completion bash)".
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        variable = f"_{PROGRAM.upper().replace('-', '_')}_COMPLETE"
        click.echo(kind(cli, {}, PROGRAM, variable).source())


def _isThere(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def main() -> None:
    """
    The command.
    """
    cli(prog_name=PROGRAM)
