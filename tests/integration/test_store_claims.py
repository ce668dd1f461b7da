"""Which cluster a worker gets, on a real PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.integration.some_values import a_cluster

from navarch.store.contract import Unreadable
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres


def test_a_row_that_nobody_can_read_holds_up_nobody(store: PostgresStore, dsn: str) -> None:
    bad = store.create_cluster(a_cluster(name="bad")).cluster
    good = store.create_cluster(a_cluster(name="good")).cluster
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE clusters SET spec = '{\"network\": 7}' WHERE id = %s", (bad.id,))
    with pytest.raises(Unreadable, match=bad.id):
        store.claim("w1", lease=30)
    claim = store.claim("w1", lease=30)
    assert claim is not None and claim.cluster == good
    assert store.claim("w1", lease=30) is None


def test_a_project_with_much_to_do_holds_up_no_other(store: PostgresStore) -> None:
    busy = {store.create_cluster(a_cluster(name=f"c{n}")).cluster.id for n in range(3)}
    first = store.claim("w1", lease=30)
    assert first is not None and first.cluster.id in busy
    later = store.create_cluster(a_cluster(project_id="beta")).cluster.id
    claims = [store.claim("w1", lease=30) for _ in range(3)]
    held = [claim.cluster.id for claim in claims if claim is not None]
    assert held[0] == later
    assert {first.cluster.id, *held[1:]} == busy


def test_claimers_never_get_the_same_row(store: PostgresStore) -> None:
    ids = {store.create_cluster(a_cluster(name=f"c{n}")).cluster.id for n in range(40)}
    start = threading.Barrier(10)

    def claim_all(number: int) -> list[str]:
        start.wait()
        got = []
        while (claim := store.claim(f"w{number}", lease=60)) is not None:
            got.append(claim.cluster.id)
        return got

    with ThreadPoolExecutor(10) as threads:
        got = [id_ for ids_ in threads.map(claim_all, range(10)) for id_ in ids_]
    # SKIP LOCKED may let a claimer find nothing while another holds the row; what counts is that none is had twice.
    assert len(got) == len(set(got))
    assert set(got) == ids
