"""Numbers of changes: every write that people see gets one, whoever writes, and nothing else does."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from tests.integration.some_values import GROUP, NOON, a_cluster, a_machine, a_report

from navarch.domain.machines import Departure
from navarch.domain.spec import NodeGroup
from navarch.domain.status import Event, Phase, Status
from navarch.store.contract import Claim, Mark, Stored
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres
READY = Status(Phase.READY, 1)


@pytest.fixture
def made(store: PostgresStore) -> Stored:
    return store.create_cluster(a_cluster(), most=100)


@pytest.fixture
def claim(store: PostgresStore, made: Stored) -> Claim:
    claim = store.claim_cluster(made.cluster.id, "w", lease=60)
    assert claim is not None
    return claim


def told_by(store: PostgresStore, write: Callable[[], Any]) -> tuple[Mark, ...]:
    """The marks that a write makes, without their numbers."""
    before = store.last_change()
    write()
    found = store.changes(before, with_machines=[c.cluster.id for c in store.clusters(project_id=None).clusters])
    assert all(mark.change > before for mark in found)
    return tuple(replace(mark, change=0) for mark in found)


def test_what_people_see_of_a_cluster_is_told(store: PostgresStore, made: Stored) -> None:
    cluster = made.cluster
    mark = Mark(0, cluster.id, "alpha")
    web = NodeGroup("web", GROUP.spec)

    def judged(status: Status) -> None:
        claim = store.claim_cluster(cluster.id, "w", lease=60)
        assert claim is not None
        store.record(cluster.id, claim.token, status, look_again_after=1)

    def group_gone() -> None:
        claim = store.claim_cluster(cluster.id, "w", lease=60)
        assert claim is not None
        store.forget_node_group(cluster.id, claim.token, "web")
        store.record(cluster.id, claim.token, READY, look_again_after=1)

    writes: dict[str, Callable[[], Any]] = {
        "another label": lambda: store.change_cluster(replace(cluster, labels=(("a", "b"),)), generation=1),
        "status": lambda: judged(READY),
        "a node group": lambda: store.add_node_group(cluster.id, web),
        "its change": lambda: store.change_node_group(cluster.id, web, generation=1),
        "its end": lambda: store.request_node_group_deletion(cluster.id, "web", at=NOON),
        "it is gone": group_gone,
        "a pause": lambda: store.pause("alpha", reason="", by="op"),
        "of everything": lambda: store.pause(None, reason="", by="op"),
        "no pause": lambda: store.resume("alpha"),
        "none at all": lambda: store.resume(None),
        "its deletion": lambda: store.request_deletion(cluster.id, at=NOON, keep_volumes=False),
    }
    for what, write in writes.items():
        assert told_by(store, write) == (mark,), what
        assert store.cluster(cluster.id, project_id=None).change == store.changes(0)[-1].change, what


def test_what_nobody_sees_is_not_told(store: PostgresStore, made: Stored) -> None:
    def look() -> None:
        claim = store.claim_cluster(made.cluster.id, "w", lease=60)
        assert claim is not None
        store.renew(made.cluster.id, claim.token, lease=60)
        store.add_events(made.cluster.id, claim.token, (Event(NOON, "R", "m"),))
        store.record(made.cluster.id, claim.token, Status(), look_again_after=1)

    assert told_by(store, look) == ()
    assert told_by(store, lambda: store.pause("beta", reason="", by="op")) == ()


def test_machines_and_their_reports_are_told_to_who_asks_for_them(store: PostgresStore, claim: Claim) -> None:
    id_, mark = claim.cluster.id, Mark(0, claim.cluster.id, machine="m")
    writes: tuple[Callable[[], Any], ...] = (
        lambda: store.record_machine(id_, claim.token, a_machine("m")),
        lambda: store.add_report(id_, "m", a_report(), joined=False),
        lambda: store.add_report(id_, "m", a_report(seconds=2.0), joined=False),
        lambda: store.release_machine(id_, claim.token, "m", Departure.SCALE_DOWN, NOON, generation=1),
        lambda: store.forget_machine(id_, claim.token, "m"),
    )
    for number, write in enumerate(writes):
        assert told_by(store, write) == (mark,), number
        assert store.changes(0)[-1].machine == ""
    (gone,) = store.numbered_machines([id_], removed=True)
    assert (gone.machine.name, gone.machine.removed) == ("m", True)
    assert store.numbered_machines([id_]) == ()
    assert store.numbered_machines([id_], names=["other"], removed=True) == ()


def test_a_cluster_that_goes_is_told_and_remembered(store: PostgresStore, claim: Claim, dsn: str) -> None:
    before, id_ = store.last_change(), claim.cluster.id
    store.forget(id_, claim.token)
    (mark,) = store.changes(before)
    assert (mark.cluster_id, mark.project_id, mark.gone) == (id_, "alpha", True)
    assert store.gone(mark.change, project_id="alpha") == ()
    assert store.gone(mark.change, project_id="beta") == ()
    assert store.gone(before, project_id="alpha") is None  # it may not be the first that went since
    with psycopg.connect(dsn) as sql:
        sql.execute("INSERT INTO gone_clusters (change, cluster_id, project_id) VALUES (0, 'long', 'ago')")
    assert store.gone(before, project_id="alpha") == store.gone(before, project_id=None) == (mark,)


def test_a_hand_and_an_older_version_are_told_too(store: PostgresStore, made: Stored, dsn: str) -> None:
    def by_hand() -> None:
        with psycopg.connect(dsn) as sql:
            sql.execute("UPDATE clusters SET spec = spec || '{\"paused\": true}'")

    assert told_by(store, by_hand) == (Mark(0, made.cluster.id, "alpha"),)


def test_a_list_can_begin_after_a_change(store: PostgresStore, made: Stored) -> None:
    other = store.create_cluster(a_cluster(name="other"))
    assert [c.cluster.id for c in store.clusters(project_id="alpha", changed_after=made.change).clusters] == [
        other.cluster.id
    ]
    assert {c.cluster.id for c in store.clusters_by_id([made.cluster.id, other.cluster.id, "none"]).clusters} == {
        made.cluster.id, other.cluster.id,
    }  # fmt: skip


def test_a_change_wakes_who_waits_and_a_report_does_not(store: PostgresStore, claim: Claim) -> None:
    store.record_machine(claim.cluster.id, claim.token, a_machine("m"))
    seen = store.wait_for_change(0, 5)  # the listener counts its start
    time.sleep(0.2)
    seen = store.wait_for_change(seen, 0)
    store.add_report(claim.cluster.id, "m", a_report(), joined=False)
    assert store.wait_for_change(seen, 0.3) == seen
    writer = threading.Timer(0.2, lambda: store.create_cluster(a_cluster(name="other")))
    writer.start()
    began = time.monotonic()
    assert store.wait_for_change(seen, 10) > seen
    assert time.monotonic() - began < 9
    writer.join()


def test_node_groups_that_go_at_once_do_not_wait_for_each_other(store: PostgresStore, claim: Claim) -> None:
    id_ = claim.cluster.id
    names = [f"g{number}" for number in range(8)]
    for name in names:
        store.add_node_group(id_, NodeGroup(name, GROUP.spec))
        store.request_node_group_deletion(id_, name, at=NOON)
    start, failed = threading.Barrier(len(names)), list[Exception]()

    def forget(name: str) -> None:
        start.wait()
        try:
            store.forget_node_group(id_, claim.token, name)
        except Exception as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=forget, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [g.name for g in store.cluster(id_, project_id=None).cluster.node_groups] == ["default"]
