"""Looks into clusters that somebody asks for: few at a time for each project, and every failure is an answer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from navarch.addons.contract import Access
from navarch.bootstrap import pki
from navarch.domain.chosen import Chosen, ChosenPhase, ChosenStatus
from navarch.domain.errors import Temporary
from navarch.domain.insight import Insight, Question, Source, Span, Workloads, source_of
from navarch.reconcile import insights
from navarch.reconcile.insights import Insights
from navarch.store.insight_contract import WantedInsight

NOW = datetime(2026, 12, 1, tzinfo=UTC)
KEYS = pki.make_cluster_secrets(NOW)
URL = "https://198.51.100.7:6443"


def chosen(name: str, entry: str, phase: ChosenPhase = ChosenPhase.READY, **more: Any) -> Chosen:
    return Chosen(name, entry, "1.0.0", f"in-{name}", "d", status=ChosenStatus(phase), **more)


@dataclass
class World:
    """Store, add-ons and calls in one; calls wait until they are made."""

    wanted: list[WantedInsight] = field(default_factory=list)
    chosen_ones: tuple[Chosen, ...] = (chosen("figures", "monitoring"),)
    fails: Temporary | None = None
    calls: list[Any] = field(default_factory=list)
    written: list[tuple[str, Question, Insight]] = field(default_factory=list)
    asked: list[tuple[Access, Any]] = field(default_factory=list)
    time: datetime = NOW

    def take_wanted_insights(self, most: int) -> tuple[WantedInsight, ...]:
        taken, self.wanted = tuple(self.wanted[:most]), self.wanted[most:]
        return taken

    def write_insight(self, cluster_id: str, question: Question, insight: Insight) -> None:
        self.written.append((cluster_id, question, insight))

    def chosen(self, cluster_id: str) -> tuple[Chosen, ...]:
        return self.chosen_ones

    def figures(self, access: Access, source: Source, span: Span, until: datetime) -> Any:
        return self._answer(access, source)

    def workloads(self, access: Access, namespace: str) -> Any:
        return self._answer(access, namespace)

    def submit(self, call: Any, *arguments: Any) -> None:
        self.calls.append((call, arguments))

    def now(self) -> datetime:
        return self.time

    def run(self) -> None:
        while self.calls:
            call, arguments = self.calls.pop(0)
            call(*arguments)

    def _answer(self, access: Access, what: Any) -> Any:
        self.asked.append((access, what))
        if self.fails is not None:
            raise self.fails
        return Workloads()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def looks(world: World, monkeypatch: pytest.MonkeyPatch) -> Insights:
    monkeypatch.setattr(insights, "read_secrets", lambda dependencies, cluster_id: KEYS)
    dependencies: Any = SimpleNamespace(store=world, addons=world, clock=world)
    calls: Any = world
    return Insights(dependencies, calls)


def wanted(cluster: str, project: str = "p", question: Question = Question(), url: str | None = URL) -> WantedInsight:
    return WantedInsight(cluster, project, url, question)


def test_the_add_on_is_asked_by_its_name_and_namespace(world: World, looks: Insights) -> None:
    world.wanted = [wanted("c", question=Question(span=Span.HOUR))]
    looks.begin()
    world.run()
    assert [what for _, what in world.asked] == [Source("monitoring", "in-figures", "figures", 8428)]
    assert world.written[0][2].trouble is None


def test_a_project_has_two_looks_at_a_time_and_the_others_ask_again(world: World, looks: Insights) -> None:
    world.wanted = [wanted(f"c-{n}") for n in range(5)] + [wanted("other", "q")]
    looks.begin()
    assert len(world.calls) == 3
    world.run()
    world.wanted = [wanted(f"c-{n}") for n in range(2, 5)]
    looks.begin()
    assert len(world.calls) == 2


def test_what_is_looked_at_is_not_looked_at_twice(world: World, looks: Insights) -> None:
    world.wanted = [wanted("c"), wanted("c")]
    looks.begin()
    assert len(world.calls) == 1


def test_all_projects_together_have_as_many_looks_as_there_is_room(world: World, looks: Insights) -> None:
    world.wanted = [wanted(f"c-{n}", f"p-{n}") for n in range(20)]
    looks.begin()
    assert len(world.calls) == insights.AT_ONCE


def test_who_does_not_answer_is_told_with_what_to_do(world: World, looks: Insights) -> None:
    world.fails = Temporary("no endpoints", reason="KubernetesNotAnswering")
    world.wanted = [wanted("c", question=Question(span=Span.HOUR)), wanted("c")]
    looks.begin()
    world.run()
    troubles = [insight.trouble for _, _, insight in world.written]
    assert [t and (t.reason, t.message) for t in troubles] == [("InsideNotAnswering", "no endpoints")] * 2
    assert [t and t.remedy.rpartition(": ")[2] for t in troubles] == ["navarch addon list", "navarch cluster show"]
    world.wanted = [wanted("c")]
    looks.begin()
    assert len(world.calls) == 1, "it is not looked at any more"


def test_without_an_add_on_or_an_address_nobody_is_asked(world: World, looks: Insights) -> None:
    world.chosen_ones = ()
    world.wanted = [wanted("c", question=Question(span=Span.HOUR)), wanted("d", url=None)]
    looks.begin()
    world.run()
    assert world.asked == []
    reasons = [insight.trouble and insight.trouble.reason for _, _, insight in world.written]
    assert reasons == ["NothingMeasures", "NoAddressYet"]


def test_a_certificate_is_used_again_while_it_is_good(world: World, looks: Insights) -> None:
    for later in (0, 30, 41):
        world.time = NOW + timedelta(minutes=later)
        world.wanted = [wanted("c")]
        looks.begin()
        world.run()
    first, second, third = (access.certificate for access, _ in world.asked)
    assert first == second != third


def test_of_several_add_ons_one_that_is_ready_is_asked() -> None:
    going = chosen("a", "monitoring", deletion_requested_at=NOW)
    broken = chosen("b", "monitoring", ChosenPhase.DEGRADED)
    good, other = chosen("c", "prometheus"), chosen("d", "logging")
    assert source_of([going, broken, good, other]) == Source("prometheus", "in-c", "c", 9090)
    assert source_of([going, broken, other]) == Source("monitoring", "in-b", "b", 8428)
    assert source_of([going, other]) is None
