"""What goes on inside a cluster: asked for through the API, read by a worker while somebody asks, kept for a while."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from tests.integration.api_fixtures import OFFER, Api, MakeApi, errors, plenty
from tests.integration.catalogue_fixtures import Unchanging, add_entry

from navarch.domain.insight import (
    Chart,
    Figures,
    Insight,
    Line,
    Question,
    Span,
    Trouble,
    Unit,
    Workload,
    Workloads,
)
from navarch.domain.status import Phase, Status
from navarch.store.contract import ApiStore
from navarch.store.insight_contract import WantedInsight
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres

URL = "https://198.51.100.7:6443"
FIGURES = Figures(
    "monitoring", datetime(2026, 12, 1, tzinfo=UTC), 30, (Chart("cpu", Unit.CORES, (Line("used", (None, 1.5)),)),)
)
WORKLOADS = Workloads((Workload("shop", "Deployment", "web", 1, 2, ("i:1",), None, ("no node takes it",)),))
Worker = Callable[[WantedInsight], Insight]


@pytest.fixture
def shop(make_api: MakeApi) -> tuple[Api, str]:
    """A cluster with an address and the add-on `monitoring`, which no worker looks at."""
    api = make_api(quota_wait=0.0, renderer=Unchanging())
    api.store.write_offer(OFFER)
    api.store.write_quota("alpha", plenty())
    add_entry(api.store, "monitoring", "1.0.0")
    made = api.create()
    assert api.post("/clusters/shop/addons", {"entry": "monitoring"}).status_code == 202
    be(api, made["id"], Phase.READY)
    return api, made["id"]


def be(api: Api, cluster_id: str, phase: Phase, url: str | None = URL) -> None:
    api.store.record(cluster_id, api.claim(cluster_id).token, Status(phase, 1, api_url=url), look_again_after=3600)


@contextmanager
def a_worker(store: PostgresStore, answer: Worker) -> Iterator[list[WantedInsight]]:
    """One that answers what is asked, and nothing else; gives what that was."""
    ended, asked = threading.Event(), list[WantedInsight]()

    def work() -> None:
        while not ended.wait(0.02):
            for wanted in store.take_wanted_insights(10):
                asked.append(wanted)
                store.write_insight(wanted.cluster_id, wanted.question, answer(wanted))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield asked
    finally:
        ended.set()
        thread.join()


def told(wanted: WantedInsight) -> Insight:
    return Insight(content=FIGURES if wanted.question.span is not None else WORKLOADS)


@pytest.fixture
def waiting(make_api: MakeApi, shop: Any) -> Api:
    """The same API, for requests that wait."""
    return make_api(quota_wait=30.0)


def test_a_worker_reads_what_is_asked_for_and_nothing_else(waiting: Api, shop: tuple[Api, str]) -> None:
    with a_worker(waiting.store, told) as asked:
        answer = waiting.get("/clusters/shop/figures?range=6h").json()
        assert (answer["source"], answer["range"], answer["trouble"]) == ("monitoring", "6h", None)
        assert answer["charts"][0]["lines"] == [{"name": "used", "values": [None, 1.5]}]
        assert datetime.fromisoformat(answer["seen_at"]) <= datetime.now(UTC)
        assert asked == [WantedInsight(shop[1], "alpha", URL, Question(span=Span.SIX_HOURS))]
        found = waiting.get("/clusters/shop/workloads?namespace=shop").json()
        assert found["workloads"][0]["waits"] == ["no node takes it"]
        assert asked[1].question == Question(namespace="shop")


def test_what_was_read_half_a_minute_ago_is_not_read_again(waiting: Api, shop: tuple[Api, str]) -> None:
    with a_worker(waiting.store, told) as asked:
        first = waiting.get("/clusters/shop/figures").json()
        assert waiting.get("/clusters/shop/figures").json() == first
        assert len(asked) == 1
        waiting.get("/clusters/shop/figures?range=7d")
        assert len(asked) == 2


def test_what_is_old_is_read_anew(waiting: Api, shop: tuple[Api, str], dsn: str) -> None:
    with a_worker(waiting.store, told) as asked:
        first = waiting.get("/clusters/shop/figures").json()
        age(dsn, "31 seconds")
        assert waiting.get("/clusters/shop/figures").json()["seen_at"] > first["seen_at"]
        assert len(asked) == 2


def test_the_last_picture_stays_with_its_time_where_a_new_try_brings_nothing(
    waiting: Api, shop: tuple[Api, str], dsn: str
) -> None:
    with a_worker(waiting.store, told):
        waiting.get("/clusters/shop/figures")
    age(dsn, "2 minutes")
    trouble = Trouble("InsideNotAnswering", "no endpoints", "Look.")
    with a_worker(waiting.store, lambda wanted: Insight(trouble=trouble)):
        answer = waiting.get("/clusters/shop/figures").json()
    assert answer["trouble"] == {"reason": "InsideNotAnswering", "message": "no endpoints", "remedy": "Look."}
    assert answer["charts"] and datetime.fromisoformat(answer["seen_at"]) < datetime.now(UTC)
    with a_worker(waiting.store, told):
        age(dsn, "2 minutes")
        assert waiting.get("/clusters/shop/figures").json()["trouble"] is None


def test_what_another_version_of_navarch_wrote_in_its_way_is_not_shown(
    waiting: Api, shop: tuple[Api, str], dsn: str
) -> None:
    with a_worker(waiting.store, told):
        waiting.get("/clusters/shop/figures")
    with psycopg.connect(dsn) as connection:
        connection.execute("""UPDATE insights SET trouble = '{"why": 1}', content = '{"lines": 1}'""")
    answer = waiting.get("/clusters/shop/figures")
    assert (answer.status_code, answer.json()["trouble"], answer.json()["charts"]) == (200, None, [])


def test_without_a_worker_it_says_that_nothing_was_read(shop: tuple[Api, str]) -> None:
    answer = shop[0].get("/clusters/shop/figures").json()
    assert (answer["seen_at"], answer["charts"], answer["trouble"]["reason"]) == (None, [], "NotReadYet")


def test_without_an_add_on_that_measures_nobody_is_asked(api: Api) -> None:
    made = api.create()
    be(api, made["id"], Phase.READY)
    answer = api.get("/clusters/shop/figures").json()
    assert answer["trouble"]["reason"] == "NothingMeasures"
    assert "navarch addon install monitoring" in answer["trouble"]["remedy"]
    assert api.store.take_wanted_insights(10) == ()


@pytest.mark.parametrize(
    ("phase", "url", "reason"), [(Phase.STOPPED, URL, "ClusterStopped"), (Phase.PROGRESSING, None, "NoAddressYet")]
)
def test_a_cluster_that_cannot_answer_is_not_asked(
    phase: Phase, url: str | None, reason: str, waiting: Api, shop: tuple[Api, str]
) -> None:
    be(waiting, shop[1], phase, url)
    for page in ("figures", "workloads"):
        assert waiting.get(f"/clusters/shop/{page}").json()["trouble"]["reason"] == reason
    assert waiting.store.take_wanted_insights(10) == ()


def test_what_can_be_no_namespace_or_range_is_refused(shop: tuple[Api, str]) -> None:
    assert "namespace" in errors(shop[0].get("/clusters/shop/workloads?namespace=Not%20One"))
    assert shop[0].get("/clusters/shop/figures?range=1y").status_code == 400


def test_a_question_is_given_to_one_worker_and_only_while_somebody_waits(
    shop: tuple[Api, str], store: PostgresStore, dsn: str
) -> None:
    ask(store, shop[1], Question())
    assert [its.question for its in store.take_wanted_insights(10)] == [Question()]
    assert store.take_wanted_insights(10) == ()
    ask(store, shop[1], Question())
    age(dsn, "11 seconds")
    assert store.take_wanted_insights(10) == ()


def test_a_worker_of_another_region_is_not_given_it(shop: tuple[Api, str], store: PostgresStore, dsn: str) -> None:
    ask(store, shop[1], Question())
    other = PostgresStore(dsn, region="Elsewhere")
    try:
        assert other.take_wanted_insights(10) == ()
    finally:
        other.close()
    assert len(store.take_wanted_insights(10)) == 1


def test_a_question_of_a_newer_navarch_keeps_no_other_from_a_worker(
    shop: tuple[Api, str], store: PostgresStore, dsn: str
) -> None:
    ask(store, shop[1], Question(namespace="new"))
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE insights SET question = 'figures 90d'")
    ask(store, shop[1], Question())
    assert [its.question for its in store.take_wanted_insights(10)] == [Question()]


def test_of_a_cluster_twenty_questions_are_kept(shop: tuple[Api, str], store: PostgresStore, dsn: str) -> None:
    for number in range(25):
        ask(store, shop[1], Question(namespace=f"n-{number}"))
    kept = rows(dsn)
    assert len(kept) == 20 and "workloads n-24" in kept and "workloads n-0" not in kept


def test_what_nobody_asks_for_any_more_goes(shop: tuple[Api, str], store: PostgresStore, dsn: str) -> None:
    ask(store, shop[1], Question(namespace="old"))
    age(dsn, "11 minutes")
    ask(store, shop[1], Question())
    assert store.take_wanted_insights(10)
    store.write_insight(shop[1], Question(), Insight(content=WORKLOADS))
    assert rows(dsn) == ["workloads"]


def test_an_answer_that_nobody_waits_for_any_more_is_not_kept(
    shop: tuple[Api, str], store: PostgresStore, dsn: str
) -> None:
    store.write_insight(shop[1], Question(namespace="gone"), Insight(content=WORKLOADS))
    assert rows(dsn) == []


def ask(store: ApiStore, cluster_id: str, question: Question) -> None:
    store.insight(cluster_id, question, max_age=30, wait=0.01)


def age(dsn: str, by: str) -> None:
    """As if all of it had been that much earlier."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for column in ("asked_at", "wanted_at", "tried_at", "seen_at"):
            connection.execute(f"UPDATE insights SET {column} = {column} - interval '{by}'")


def rows(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute("SELECT question FROM insights ORDER BY question")]
