"""What concerns one project or one cluster holds up no other: a real worker on a real PostgreSQL."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest
from tests.integration.full_cloud import FullCloud, make_dependencies
from tests.integration.some_values import a_cluster

from navarch.domain.errors import Temporary
from navarch.domain.offer import Allowance, Quota
from navarch.domain.status import Status
from navarch.reconcile.worker import Worker
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres


class Log:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **values: object) -> None:
        self.said.append((event, values))

    warning = exception = info


class SlowQuotas(FullCloud):
    """Its answer about the project `hangs` does not come before it is let go; that about `fails` is an error, the first
    about `stumbles` as well. About `tires` it fails late."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go, self.stumbled, self.tired = threading.Event(), False, 0

    def quota(self, project_id: str) -> Quota:
        if project_id == "fails":
            raise Temporary("Nova answered 500")
        if project_id == "stumbles" and not self.stumbled:
            self.stumbled = True
            raise Temporary("Nova answered 503")
        if project_id == "tires":
            self.tired += 1
            time.sleep(1.2)
            raise Temporary("Nova does not answer: timed out")
        if project_id == "hangs":
            self.let_go.wait(30)
        return Quota((Allowance("cores", 20, 4),), read_at=datetime.now(UTC))


def until(so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_quota_that_hangs_or_fails_holds_up_no_other_project(store: PostgresStore) -> None:
    cloud, log, now = SlowQuotas(), Log(), datetime.now(UTC)
    worker = Worker(make_dependencies(store, cloud), log, name="w1", threads=1, calls=2)
    worker.start()
    try:
        with ThreadPoolExecutor(3) as threads:
            hangs = threads.submit(store.quota, "hangs", newer_than=now, wait=20.0)
            fails = threads.submit(store.quota, "fails", newer_than=now, wait=1.0)
            assert store.quota("alpha", newer_than=now, wait=15.0) is not None
            assert fails.result() is None
            assert not hangs.done()
            cloud.let_go.set()
            assert hangs.result() is not None
    finally:
        cloud.let_go.set()
        worker.stop()
    assert ("quota not read", {"project": "fails", "error": "Nova answered 500"}) in log.said


def test_a_quota_that_could_not_be_read_is_read_again_before_anybody_asks_again(store: PostgresStore) -> None:
    cloud, log = SlowQuotas(), Log()
    worker = Worker(make_dependencies(store, cloud), log, name="w1", threads=1, calls=2)
    worker.start()
    try:
        assert store.quota("stumbles", newer_than=datetime.now(UTC), wait=15.0) is not None
    finally:
        worker.stop()
    assert cloud.stumbled
    assert "quota not read" not in [event for event, _ in log.said]


def test_a_quota_whose_reading_took_long_and_failed_is_left_to_who_asks_again(store: PostgresStore) -> None:
    cloud, log = SlowQuotas(), Log()
    worker = Worker(make_dependencies(store, cloud), log, name="w1", threads=1, calls=2)
    worker.start()
    try:
        store.quota("tires", newer_than=datetime.now(UTC), wait=0.5)
        # one line for each reading, however often it was asked for
        until(lambda: 0 < cloud.tired == [event for event, _ in log.said].count("quota not read"))
    finally:
        worker.stop()


def test_a_row_that_nobody_can_read_is_told_and_the_others_are_worked_on(store: PostgresStore, dsn: str) -> None:
    bad = store.create_cluster(a_cluster(name="bad")).cluster
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE clusters SET spec = '{\"network\": 7}' WHERE id = %s", (bad.id,))
    good, log = store.create_cluster(a_cluster(name="good")).cluster, Log()
    worker = Worker(make_dependencies(store, FullCloud()), log, name="w1", threads=1, calls=2)
    worker.start()
    try:
        until(lambda: store.cluster(good.id, project_id=None).status != Status())
    finally:
        worker.stop()
    told = [values for event, values in log.said if event == "cluster not readable"]
    assert len(told) == 1 and bad.id in str(told[0]["error"])
