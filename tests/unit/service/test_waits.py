"""Waits within requests hold threads that all projects share."""

from contextlib import ExitStack

from navarch.service.access import Waits


def test_a_project_has_so_many_and_all_together_too() -> None:
    waits = Waits(each=2, most=3)
    with ExitStack() as held:
        may = [held.enter_context(waits.place(project)) for project in ("a", "a", "a", "b", "b", "c")]
        assert may == [True, True, False, True, False, False]
    assert not waits._waiting
    with waits.place("a") as again:
        assert again
