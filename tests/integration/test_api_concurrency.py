"""Requests at the same time, through two processes' worth of service over one PostgreSQL: none overwrites another."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.integration.api_fixtures import OFFER, Api, MakeApi, plenty

from navarch.domain.offer import Quota
from navarch.service import clusters, node_groups
from navarch.service.attempts import attempts
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres

CALLERS = 8
ONE = {"If-Match": '"1"'}


def at_once(call: Callable[[int], Any], callers: int = CALLERS) -> list[Any]:
    """What calls that start together are answered."""
    start = threading.Barrier(callers)

    def one(number: int) -> Any:
        start.wait()
        return call(number)

    with ThreadPoolExecutor(callers) as threads:
        return list(threads.map(one, range(callers)))


def statuses(answers: list[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


@pytest.fixture
def two(api: Api, make_api: MakeApi) -> Callable[[int], Api]:
    """The service twice; callers are told apart by number."""
    both = (api, make_api())
    return lambda number: both[number % 2]


@pytest.mark.parametrize("repetition", range(3))
def test_of_patches_of_one_generation_one_is_kept(two: Callable[[int], Api], repetition: int) -> None:
    two(0).create()
    answers = at_once(lambda n: two(n).patch("/clusters/shop", {"labels": {"by": str(n)}}, headers=ONE))
    assert statuses(answers) == {200: 1, 412: CALLERS - 1}
    (won,) = [a.json() for a in answers if a.status_code == 200]
    shown = two(1).get("/clusters/shop").json()
    assert (shown["labels"], shown["generation"]) == (won["labels"], 2)


@pytest.mark.parametrize("repetition", range(3))
def test_of_patches_of_one_generation_of_a_node_group_one_is_kept(two: Callable[[int], Api], repetition: int) -> None:
    two(0).create()
    path = "/clusters/shop/node_groups/default"
    answers = at_once(lambda n: two(n).patch(path, {"spec": {"replicas": n + 3}}, headers=ONE))
    assert statuses(answers) == {200: 1, 412: CALLERS - 1}
    (won,) = [a.json() for a in answers if a.status_code == 200]
    shown = two(1).get(path).json()
    assert (shown["spec"]["replicas"], shown["generation"]) == (won["spec"]["replicas"], 2)


@pytest.mark.parametrize("path", ["/clusters/shop", "/clusters/shop/node_groups/default"])
@pytest.mark.parametrize("repetition", range(3))
def test_a_delete_and_patches_of_one_generation_do_not_both_win(
    two: Callable[[int], Api], path: str, repetition: int
) -> None:
    two(0).create()
    patch = {"labels": {"a": "b"}} if path == "/clusters/shop" else {"spec": {"replicas": 5}}

    def call(number: int) -> Any:
        return two(number).delete(path, headers=ONE) if number == 0 else two(number).patch(path, patch, headers=ONE)

    answers = at_once(call)
    assert sum(a.status_code in (200, 202) for a in answers) == 1
    assert {a.status_code for a in answers} <= {200, 202, 409, 412}  # 409: it is being deleted
    assert bool(two(0).get(path).json()["deletion_requested_at"]) == (answers[0].status_code == 202)


@pytest.mark.parametrize("path", ["/clusters/shop", "/clusters/shop/node_groups/default"])
def test_a_delete_is_refused_when_the_change_comes_between_its_look_and_its_writing(
    api: Api, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.create()
    patch = {"labels": {"a": "b"}} if path == "/clusters/shop" else {"spec": {"replicas": 5}}
    name = "request_deletion" if path == "/clusters/shop" else "request_node_group_deletion"
    write = getattr(PostgresStore, name)

    def late(self: PostgresStore, *arguments: Any, **more: Any) -> Any:
        assert api.patch(path, patch).status_code == 200
        return write(self, *arguments, **more)

    monkeypatch.setattr(PostgresStore, name, late)
    answer = api.delete(path, headers=ONE)
    assert answer.status_code == 412, answer.text
    assert "generation is 2 now" in answer.json()["detail"]
    assert api.get(path).json()["deletion_requested_at"] is None


def test_patches_without_a_generation_are_all_merged(two: Callable[[int], Api]) -> None:
    two(0).create()
    answers = at_once(lambda n: two(n).patch("/clusters/shop", {"labels": {f"k{n}": "v"}}), 12)
    assert statuses(answers) == {200: 12}
    assert set(two(0).get("/clusters/shop").json()["labels"]) == {f"k{n}" for n in range(12)}


def test_patches_of_a_node_group_without_a_generation_are_all_merged(two: Callable[[int], Api]) -> None:
    two(0).create()
    path = "/clusters/shop/node_groups/default"
    answers = at_once(lambda n: two(n).patch(path, {"spec": {"labels": {f"k{n}": "v"}}}), 12)
    assert statuses(answers) == {200: 12}
    assert set(two(0).get(path).json()["spec"]["labels"]) == {f"k{n}" for n in range(12)}


@pytest.mark.parametrize("path", ["/clusters/shop", "/clusters/shop/node_groups/default"])
def test_a_patch_that_is_overtaken_to_the_end_says_when_to_come_again(
    api: Api, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.create()
    times = iter(range(100))
    for module in (clusters, node_groups):
        monkeypatch.setattr(module, "attempts", lambda: attempts(lambda: 5.0 * next(times), lambda pause: None))
    write = PostgresStore.change_cluster if path == "/clusters/shop" else PostgresStore.change_node_group

    def overtaken(self: PostgresStore, changed: Any, *more: Any, generation: int, **rest: Any) -> Any:
        return write(self, changed, *more, generation=generation - 1, **rest)

    monkeypatch.setattr(PostgresStore, write.__name__, overtaken)
    patch = {"labels": {"a": "b"}} if path == "/clusters/shop" else {"spec": {"replicas": 5}}
    answer = api.patch(path, patch)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "busy"), answer.text
    assert answer.headers["Retry-After"] == "2"


@pytest.mark.parametrize("room", [1, 100])
def test_repeats_of_a_create_all_get_the_one_cluster(make_api: MakeApi, room: int) -> None:
    """Also where it takes the last place that the project has."""
    both = (make_api(clusters_per_project=room), make_api(clusters_per_project=room))
    both[0].store.write_offer(OFFER)
    answers = at_once(lambda n: both[n % 2].post("/clusters", {"name": "shop"}, headers={"Idempotency-Key": "k"}))
    assert statuses(answers) == {202: CALLERS}
    assert len({a.json()["id"] for a in answers}) == 1
    assert len(both[0].get("/clusters").json()["clusters"]) == 1
    events = both[0].get("/clusters/shop/events").json()["events"]
    assert [e["reason"] for e in events] == ["ClusterRequested"]


def test_a_repeat_that_finds_the_quota_taken_by_the_first_gets_its_cluster(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, first = {"Idempotency-Key": "k"}, list[Any]()
    read = PostgresStore.quota

    def meanwhile(self: PostgresStore, *arguments: Any, **more: Any) -> Quota | None:
        """The first request is done, and a worker builds, while the repeat waits for the quotas."""
        monkeypatch.setattr(PostgresStore, "quota", read)
        first.append(api.post("/clusters", {"name": "shop"}, headers=key))
        api.store.write_quota("alpha", plenty(instances=100))
        return read(self, *arguments, **more)

    monkeypatch.setattr(PostgresStore, "quota", meanwhile)
    repeat = api.post("/clusters", {"name": "shop"}, headers=key)
    assert (first[0].status_code, repeat.status_code) == (202, 202), repeat.text
    assert first[0].json()["id"] == repeat.json()["id"]


def test_one_key_for_different_clusters_makes_the_one_that_came_first(two: Callable[[int], Api]) -> None:
    answers = at_once(lambda n: two(n).post("/clusters", {"name": f"c{n}"}, headers={"Idempotency-Key": "k"}))
    assert statuses(answers) == {202: 1, 422: CALLERS - 1}
    refused = [a.json()["type"].rpartition(":")[2] for a in answers if a.status_code == 422]
    assert set(refused) == {"idempotency-mismatch"}
    (made,) = [a.json()["name"] for a in answers if a.status_code == 202]
    assert [c["name"] for c in two(0).get("/clusters").json()["clusters"]] == [made]


def test_one_name_is_given_once(two: Callable[[int], Api]) -> None:
    answers = at_once(lambda n: two(n).post("/clusters", {"name": "shop"}))
    assert statuses(answers) == {202: 1, 409: CALLERS - 1}


def test_a_project_never_gets_more_clusters_than_it_may_have(make_api: MakeApi) -> None:
    both = (make_api(clusters_per_project=3), make_api(clusters_per_project=3))
    both[0].store.write_offer(OFFER)
    answers = at_once(lambda n: both[n % 2].post("/clusters", {"name": f"c{n}"}))
    assert statuses(answers) == {202: 3, 422: CALLERS - 3}
    assert len(both[0].get("/clusters").json()["clusters"]) == 3
