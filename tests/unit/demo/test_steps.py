"""Waiting for something to come true."""

import pytest
from demo.steps import StepFailed, until


@pytest.mark.parametrize("nothing", [None, False, [], set(), "", 0])
def test_an_empty_answer_is_waited_on(nothing: object) -> None:
    answers = iter([nothing, nothing, ["a server"]])
    assert until("a server is there", lambda: next(answers), seconds=5, every=0) == ["a server"]


def test_what_does_not_come_true_is_told() -> None:
    with pytest.raises(StepFailed, match="a server is there: not within 0 s"):
        until("a server is there", list, seconds=0, every=0)
