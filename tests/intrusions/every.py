"""
All cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.intrusions import (
    control,
    datagrams,
    life,
    logs,
    mail,
    page,
    paths,
    returned,
    sockets,
)
from tests.intrusions.case import Intrusion

PARTS: Mapping[str, Sequence[Intrusion]] = {
    "paths": paths.CASES,
    "sockets": sockets.CASES,
    "page": page.CASES,
    "returned": returned.CASES,
    "control": control.CASES,
    "mail": mail.CASES,
    "logs": logs.CASES,
    "datagrams": datagrams.CASES,
    "life": life.CASES,
}
EVERY = {case.name: case for cases in PARTS.values() for case in cases}
assert len(EVERY) == sum(map(len, PARTS.values())), "two cases have one name"
