"""Which clusters are asked whether pods wait, and what comes of the answer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from navarch.addons.contract import Access
from navarch.domain.errors import Temporary
from navarch.reconcile.waiting_pods import ASKED_EVERY, COUNTED_EVERY, WaitingPods

LOOKED = datetime(2026, 12, 1, tzinfo=UTC)
SHOP = Access("https://shop:6443", "", "", "")


@dataclass
class Scene:
    """A worker's clock, clusters that answer what `says` has, and what was done about it."""

    now: float = 0.0
    says: bool | Exception = False
    pods: int | None = 7
    counted: int = 0
    asked: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        dependencies: Any = SimpleNamespace(addons=self, store=self, runtime=self)
        calls: Any = SimpleNamespace(submit=lambda call, *arguments: call(*arguments))
        self.waiting = WaitingPods(dependencies, calls, self.found)

    def found(self, cluster_id: str, moved: bool) -> None:
        self.done.append(f"{'all pods of' if moved else 'hurry'} {cluster_id}")

    def elapsed(self) -> float:
        return self.now

    def pods_wait(self, access: Access) -> bool:
        self.asked.append(access.url)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def count_pods(self, access: Access) -> int | None:
        self.counted += 1
        return self.pods

    def look_now(self, cluster_id: str) -> None:
        self.done.append(f"look {cluster_id}")

    def at(self, moment: float) -> int:
        """How often somebody was asked by then."""
        self.now = moment
        self.waiting.begin()
        return len(self.asked)


def test_a_cluster_is_asked_every_few_seconds_until_its_next_look() -> None:
    scene = Scene()
    scene.waiting.ask("shop", SHOP, 3 * ASKED_EVERY)
    counts = [scene.at(n * ASKED_EVERY / 2) for n in range(8)]
    assert counts == [1, 1, 2, 2, 3, 3, 3, 3]
    assert not scene.done


def test_it_is_looked_at_once_a_pod_waits_and_asked_no_more() -> None:
    scene = Scene(says=True)
    scene.waiting.ask("shop", SHOP, 60.0)
    assert scene.at(ASKED_EVERY) == scene.at(2 * ASKED_EVERY) == 1
    assert scene.done == ["hurry shop", "look shop"]


def test_one_that_always_has_a_pod_without_a_node_is_looked_at_every_few_seconds() -> None:
    scene = Scene(says=True)
    scene.waiting.ask("shop", SHOP, 60.0)
    for moment in range(31):
        looks = len(scene.done)
        scene.at(float(moment))
        if len(scene.done) > looks:
            scene.waiting.ask("shop", SHOP, 60.0)  # a look, which asks anew
    assert scene.done.count("look shop") == 1 + 30 // ASKED_EVERY


def test_one_that_does_not_answer_is_left_to_its_next_look() -> None:
    scene = Scene(says=Temporary("away"))
    scene.waiting.ask("shop", SHOP, 60.0)
    assert scene.at(ASKED_EVERY) == scene.at(50.0) == 1
    scene.says = False
    scene.waiting.ask("shop", SHOP, 60.0)
    assert scene.at(50.0 + ASKED_EVERY) == 2
    assert not scene.done


def test_one_that_is_looked_at_is_not_asked() -> None:
    scene = Scene(says=True)
    scene.waiting.ask("shop", SHOP, 60.0)
    scene.waiting.leave("shop")
    assert scene.at(ASKED_EVERY) == 0


def test_one_that_answers_slowly_is_not_asked_twice_and_does_not_come_back_once_it_is_left() -> None:
    scene, held = Scene(), list[Any]()
    scene.waiting = WaitingPods(
        SimpleNamespace(addons=scene, store=scene, runtime=scene),  # type: ignore[arg-type]
        SimpleNamespace(submit=lambda call, *arguments: held.append(lambda: call(*arguments))),
        scene.found,
    )
    scene.waiting.ask("shop", SHOP, 600.0)
    for moment in range(1, 60):
        scene.at(float(moment))
    assert len(held) == 1
    scene.waiting.leave("shop")
    held.pop()()
    scene.at(120.0)
    assert not held


def test_it_is_looked_at_once_it_has_fewer_or_more_pods_than_at_the_last_look_at_all() -> None:
    for pods in (6, 8):
        scene = Scene(pods=pods)
        scene.waiting.ask("shop", SHOP, 60.0, LOOKED, 7)
        scene.at(COUNTED_EVERY - 1.0)
        assert not scene.done
        scene.at(COUNTED_EVERY + ASKED_EVERY)
        assert scene.done == ["all pods of shop", "look shop"] and scene.counted == 1


def test_another_look_that_did_not_see_all_pods_counts_on_from_before() -> None:
    scene = Scene(pods=6)
    scene.waiting.ask("shop", SHOP, 60.0, LOOKED, 7)
    scene.at(COUNTED_EVERY - ASKED_EVERY)
    scene.waiting.ask("shop", SHOP, 60.0, LOOKED, 7)  # for something else, between two looks at all pods
    scene.at(COUNTED_EVERY)
    assert scene.done == ["all pods of shop", "look shop"]


def test_where_pods_come_and_go_all_the_time_all_of_them_are_looked_at_no_more_often_than_counted() -> None:
    scene, there = Scene(pods=8), 7
    scene.waiting.ask("shop", SHOP, 60.0, LOOKED, there)
    for moment in range(61):
        looks = len(scene.done)
        scene.at(float(moment))
        if len(scene.done) > looks:
            there, scene.pods = there + 1, there + 2
            scene.waiting.ask("shop", SHOP, 60.0, LOOKED + timedelta(seconds=moment), there)
    assert 3 <= scene.done.count("look shop") <= 60 // COUNTED_EVERY


def test_as_many_pods_as_before_are_no_reason_to_look() -> None:
    scene = Scene()
    scene.waiting.ask("shop", SHOP, 60.0, LOOKED, 7)
    for moment in range(50):
        scene.at(float(moment))
    assert not scene.done and scene.counted == 3


def test_who_does_not_say_how_many_pods_there_are_is_looked_at_when_it_is_due() -> None:
    before, since = Scene(), Scene(pods=None)
    before.waiting.ask("shop", SHOP, 60.0, LOOKED, None)
    since.waiting.ask("shop", SHOP, 60.0, LOOKED, 7)
    for moment in range(50):
        before.at(float(moment))
        since.at(float(moment))
    assert not before.done and not before.counted and not since.done


def test_the_more_pods_there_are_the_less_often_they_are_counted() -> None:
    many = Scene(pods=10_000)
    many.waiting.ask("shop", SHOP, 600.0, LOOKED, 10_000)
    for moment in range(110):
        many.at(float(moment))
    assert many.counted == 2
