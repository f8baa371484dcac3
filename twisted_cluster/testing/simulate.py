"""
C{python -m twisted_cluster.testing.simulate}: policies side by side, simulated.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from twisted_cluster.errors import ClusterError, ConfigError
from twisted_cluster.testing.comparison import tableOf
from twisted_cluster.testing.distributions import ARRIVALS, TIMES, howTo
from twisted_cluster.testing.options import policyOf, scenarioOf
from twisted_cluster.testing.outcome import Outcome
from twisted_cluster.testing.scenario import Scenario
from twisted_cluster.testing.simulation import simulatePolicy

PICTURES = (".png", ".svg", ".pdf")
POLICIES = ["round-robin", "least-connections"]
EPILOG = f"""\
ARRIVALS is one of: {howTo(ARRIVALS)}. TIME is one of: {howTo(TIMES)}.
Seconds, and connections per second. The table's times are milliseconds; CV is the
coefficient of variation of what the workers served, per weight; queue is how many were
waiting to be served, on average and at most.
"""
OPTIONS: dict[str, dict[str, object]] = {
    "--policy": {
        "action": "append",
        "metavar": "NAME[:KEY=VALUE,...]",
        "help": "as of twistd cluster; may be given again "
        f"(default: {' and '.join(POLICIES)})",
    },
    "--workers": {"type": int, "default": 4, "metavar": "N", "help": "default: 4"},
    "--connections": {
        "type": int,
        "default": 20_000,
        "metavar": "N",
        "help": "how many come in all (default: 20000)",
    },
    "--arrivals": {
        "default": "poisson:rate=1000",
        "help": "when they come (default: %(default)s)",
    },
    "--service": {
        "default": "exponential:mean=0.002",
        "metavar": "TIME",
        "help": "how long each keeps an event loop busy (default: %(default)s)",
    },
    "--hold": {
        "default": "constant:value=0",
        "metavar": "TIME",
        "help": "how long each stays open after that (default: %(default)s)",
    },
    "--weights": {
        "default": "",
        "metavar": "3,1,...",
        "help": "the workers', from the first",
    },
    "--group": {
        "action": "append",
        "default": [],
        "metavar": "NAME=1-2,5",
        "help": "as of twistd cluster; may be given again",
    },
    "--slow": {
        "action": "append",
        "default": [],
        "metavar": "WORKER=FACTOR",
        "help": "a worker that takes so many times as long; may be given again",
    },
    "--block": {
        "action": "append",
        "default": [],
        "metavar": "WORKER=EVERY/LASTING",
        "help": "a worker whose event loop is blocked, every so many seconds on "
        "average, for so many; may be given again",
    },
    "--no-rescue": {
        "action": "store_true",
        "help": "leave with workers whose event loops are blocked what they were given",
    },
    "--staleness": {
        "type": float,
        "default": 0.0,
        "metavar": "SECONDS",
        "help": "how old what workers say of themselves may be (default: 0)",
    },
    "--clients": {
        "type": int,
        "default": 1000,
        "metavar": "N",
        "help": "how many there are, each with its address, and cookie and query "
        "sid=NUMBER (default: 1000)",
    },
    "--seed": {
        "type": int,
        "default": 1,
        "metavar": "N",
        "help": "the same seed makes the same connections (default: 1)",
    },
    "--plot": {
        "type": Path,
        "metavar": "FILE.png",
        "help": "draw it too; needs matplotlib: twisted-cluster[plot]",
    },
}


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Simulate what the command line says, and print the table.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    names = given.policy or POLICIES
    try:
        scenario = scenarioOf(given)
        policies = [policyOf(name, scenario) for name in names]
        plot = _plotter(given.plot)
    except (ClusterError, TypeError, ValueError) as error:
        parser.error(_inOneLine(error))
    title = _title(given, scenario)
    print(title)
    outcomes = [simulatePolicy(scenario, p, name) for p, name in zip(policies, names)]
    print(tableOf(outcomes))
    plot(outcomes, title)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m twisted_cluster.testing.simulate",
        usage="%(prog)s [options]; --help lists them",
        description="Simulate policies side by side, with the same connections for each.",
        epilog=EPILOG,
    )
    for name, how in OPTIONS.items():
        parser.add_argument(name, **how)  # type: ignore[arg-type]
    return parser


def _inOneLine(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return error.asOption
    # attrs' validators give the field and the value beside the message.
    return str(error.args[0] if error.args else error)


def _title(given: argparse.Namespace, scenario: Scenario) -> str:
    load = f": load {scenario.load:.0%}" if scenario.load else ""
    return (
        f"{scenario.workers} workers, {scenario.connections} connections, "
        f"arrivals {given.arrivals}, service {given.service}{load}"
    )


def _plotter(path: Path | None) -> Callable[[Sequence[Outcome], str], None]:
    """
    @raise ValueError: If that cannot be drawn, before anything is simulated.
    """
    if path is None:
        return lambda outcomes, title: None
    if path.suffix not in PICTURES or not path.absolute().parent.is_dir():
        kinds = ", ".join(PICTURES)
        raise ValueError(f"--plot {path}: a file in a folder that exists, {kinds}")
    try:
        from twisted_cluster.testing.plot import plot
    except ImportError:
        raise ValueError("--plot needs matplotlib: twisted-cluster[plot]") from None
    return partial(plot, path)


if __name__ == "__main__":
    main()
