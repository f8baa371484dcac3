"""
What servers lose of a steady load while their workers are renewed, killed, stopped.

    python -m benchmarks.chaos [--quick] [--only SERVER...] [--trouble NAME...]
        [--clients 64] [--workers 4] [--dispatch MODE] [--policy TEXT] [--seed N]
        [--times N] [--write docs/lives.md]
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

from harness import main, say
from servers import StartError

from chaos import page
from chaos.contender import Contender
from chaos.contenders import CONTENDERS
from chaos.idlers import stopWithIdlers
from chaos.trial import Trial
from chaos.troubles import TROUBLES, Trouble
from tests.process.loading.crowd import Plan
from tests.process.loading.excuses import Excuses, Verdict
from tests.process.loading.load import Load
from tests.process.loading.outcome import inWords

IDLERS = 100
IDLE = f"stop with {IDLERS} idle clients"


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    add = parser.add_argument
    names = [*TROUBLES, "idle"]
    add("--only", nargs="+", default=list(CONTENDERS), metavar="SERVER",
        choices=CONTENDERS, help=", ".join(CONTENDERS))  # fmt: skip
    add("--trouble", nargs="+", default=names, choices=names, metavar="NAME",
        help=", ".join(names))  # fmt: skip
    add("--times", type=int, help="how often, instead of what the table says")
    add("--clients", type=int, help="16 to 64; half of them keep connections [64]")
    add("--thought", type=float, default=0.03, help="seconds between requests [0.03]")
    add("--workers", type=int, help="[4; 8 for deaths]")
    add("--dispatch", help="how ours has connections reach workers [as it chooses]")
    add("--policy", help="whom ours has serve them")
    add("--seed", type=int, default=random.randrange(10**6), help="[random, printed]")
    add("--log", action="store_true", help="show what servers print")
    add("--write", type=Path, metavar="PAGE", help="put the table there, at its marker")


def timesOf(trouble: Trouble, asked: argparse.Namespace) -> int:
    """
    @return: How often it is to be.
    """
    return asked.times or (max(2, trouble.times // 10) if asked.quick else trouble.times)


def tried(contender: Contender, trouble: Trouble, asked: argparse.Namespace) -> str:
    """
    Start a server, load it, and let that happen.

    @return: What the table says of it.
    """
    if trouble.recycles:
        contender.options += contender.recycling
    contender.start()
    clients = asked.clients or trouble.clients
    keeping = clients // 2 if trouble.keeping else 0
    address = ("127.0.0.1", contender.port)
    plan = Plan(address, clients - keeping, keeping, asked.thought, seed=asked.seed)
    with Load(plan) as load:
        excuses = Excuses(contender.port)
        trial = Trial(contender, load, random.Random(asked.seed), excuses)
        if trial.untilWhole(contender.count):
            trouble.does(trial, timesOf(trouble, asked))
        if contender.isAlive():
            trial.serve()
    verdict = excuses.judge(load.outcome)
    say(f"    {inWords(load.outcome)}\n    {verdict}")
    said = contender.saidCut()
    if excuses.held and said is not None:
        say(f"    {excuses.held} held by the killed, {said} said by the log")
    return cell(verdict, trial.note)


def cell(verdict: Verdict, note: str) -> str:
    """
    @return: What the table says of it.
    """
    failed = sum(verdict.failed.values())
    parts = [f"{failed} / {verdict.served:,}, {verdict.worst:.2f} s"]
    if verdict.cut:
        parts.append(f"{verdict.cut} cut")
    return "; ".join([*parts, *filter(None, [note])])


def measure(name: str, key: str, asked: argparse.Namespace) -> str:
    """
    @return: What the table says of one server in one trouble.
    """
    usual = 4 if key == "idle" else TROUBLES[key].workers
    contender = CONTENDERS[name](asked.workers or usual)
    if contender.dispatches:
        given = {"dispatch": asked.dispatch, "policy": asked.policy}
        contender.options += [f"--{name}={text}" for name, text in given.items() if text]
    begun = time.monotonic()
    try:
        if key == "idle":
            leaving = stopWithIdlers(contender, IDLERS)
            return f"{leaving.seconds:.2f} s, {leaving.reset} reset"
        trouble = TROUBLES[key]
        if not trouble.concerns(contender):
            return page.NONE
        return tried(contender, trouble, asked)
    except StartError as error:
        say(str(error))
        return "it does not start"
    finally:
        if asked.log:
            say(contender.logged(200_000))
        contender.remove()
        say(f"    {time.monotonic() - begun:.0f} s")


def title(key: str, asked: argparse.Namespace) -> str:
    """
    @return: What the table calls a trouble.
    """
    if key == "idle":
        return IDLE
    said = TROUBLES[key].title
    return said % timesOf(TROUBLES[key], asked) if "%" in said else said


def run(asked: argparse.Namespace, measured: page.Cells) -> None:
    """
    All servers in each trouble.
    """
    say(f"--seed {asked.seed}")
    for key in asked.trouble:
        for name in asked.only:
            say(f"{title(key, asked)}: {name}")
            found = measure(name, key, asked)
            measured.setdefault(title(key, asked), {})[name] = found
            say(f"    {found}")


def report(asked: argparse.Namespace, measured: page.Cells) -> None:
    """
    Print the table, and write it where that was asked for.
    """
    print(page.table(measured, asked.only))
    if asked.write:
        order = [title(key, asked) for key in [*TROUBLES, "idle"]]
        page.write(asked.write, measured, order, list(CONTENDERS))


if __name__ == "__main__":
    # A tenth of each: see timesOf.
    main(__doc__, declare, {}, run, report, quick={})
