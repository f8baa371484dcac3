"""
Ports that the primary of a script binds.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.primary.primary import Primary
from twisted_cluster.api.held import Held


@pytest.fixture
def primary() -> Iterator[Primary]:
    """
    With workers that are listening nowhere.
    """
    made = Primary()
    yield made
    made.close()


def test_ofSeveralAllAreBoundOrNone(primary: Primary, tmp_path: Path) -> None:
    """
    Those that were bound before, and are wanted still, stay.
    """
    before, more = f"unix:{tmp_path}/before", f"unix:{tmp_path}/more"
    held = Held(primary.table)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
        for bound in [], [before]:
            held.hold(bound)
            with pytest.raises(OSError, match=taken.partition(":interface")[0]):
                held.hold([*bound, more, taken])
            assert len(primary.table.byNumber) == len(bound)
            assert not (tmp_path / "more").exists()
    held.hold([before, more])
    assert {each.name for each in tmp_path.iterdir()} >= {"before", "more"}
    held.hold(None)
    assert not primary.table.byNumber
