"""
What is to be done is done in order.
"""

from __future__ import annotations

from tests.logged import Logged
from twisted_cluster.core.actions import Action, Complete, Ended, Retire, Start
from twisted_cluster.primary.lives.agenda import Agenda


def test_whatOneLeadsToComesAfterAll() -> None:
    """
    And is done before who began it goes on.
    """
    done: list[Action] = []

    def do(action: Action) -> None:
        done.append(action)
        if isinstance(action, Start):
            agenda.add([Retire(1)])
            assert done == [action]

    agenda = Agenda(do)
    agenda.add([Start(1, 1, 1), Complete()])
    assert done == [Start(1, 1, 1), Complete(), Retire(1)]


def test_whatOneRaisesIsLogged(logged: Logged) -> None:
    """
    The next is done all the same.
    """
    done: list[Action] = []

    def do(action: Action) -> None:
        if isinstance(action, Complete):
            raise ValueError("not complete")
        done.append(action)

    agenda = Agenda(do)
    agenda.add([Complete(), Ended()])
    agenda.add([Ended()])
    assert done == [Ended(), Ended()]
    assert "cannot do what is to be done: Complete()" in logged.texts()[0]
