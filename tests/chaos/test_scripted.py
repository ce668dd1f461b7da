"""Each scripted story is whole, and the fault that it is about breaks the promise that it is about."""

import inspect
from collections.abc import Iterator

import pytest
from tests.chaos import scripted, scripted_autoscaling
from tests.chaos.__main__ import databases
from tests.chaos.database import connect
from tests.chaos.mutations import MUTATIONS, Mutation, made
from tests.chaos.scripted import Script, tell

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
STORIES = [
    told
    for module in (scripted, scripted_autoscaling)
    for name, told in vars(module).items()
    if inspect.isfunction(told) and list(inspect.signature(told).parameters) == ["world"] and not name.startswith("_")
]
SHOWN = [mutation for mutation in MUTATIONS if mutation.script is not None]


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with databases(1) as found:
        yield found[0]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: str(story.__name__))
def test_a_scripted_story_keeps_every_promise(dsn: str, story: Script) -> None:
    with connect(dsn) as connection:
        assert not tell(connection, story)


@pytest.mark.parametrize("mutation", SHOWN, ids=lambda mutation: str(mutation.what).replace(" ", "-"))
def test_a_deliberate_fault_breaks_the_promise_that_is_about_it(dsn: str, mutation: Mutation) -> None:
    assert mutation.script is not None
    with connect(dsn) as connection, made(mutation):
        assert f"{mutation.promise}" in tell(connection, mutation.script)


def test_each_story_shows_a_deliberate_fault() -> None:
    assert {m.script for m in SHOWN} == set(STORIES)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: str(mutation.what).replace(" ", "-"))
def test_every_deliberate_fault_fits_the_code_as_it_is(mutation: Mutation) -> None:
    """Those that no test tries are tried by `make mutations` alone, which is not run each day."""
    with made(mutation):
        pass
