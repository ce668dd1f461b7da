"""Lists of clusters: what SQL selects is what the domain selects, in each order, page by page, and by an index."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from tests.integration.some_values import SPEC, a_cluster

from navarch.domain.codec import encode
from navarch.domain.errors import Responsible
from navarch.domain.selection import EVERYTHING, Order, Selection
from navarch.domain.status import Condition, Phase, Status
from navarch.store import lists
from navarch.store.contract import NotFound, Stored
from navarch.store.local_postgres import LocalPostgres
from navarch.store.migrate import migrate
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres


def waiting_for(who: Responsible, status: str = "False") -> Status:
    condition = Condition("Ready", status, "QuotaExceeded", "no room", who.value, "raise it")
    return Status(Phase.BLOCKED, conditions=(Condition("Joined", "True", "All", "all"), condition))


# Name, labels, wanted version, status.
CLUSTERS: tuple[tuple[str, dict[str, str], str, Status], ...] = (
    ("shop", {"team": "web"}, "1.37.2", Status(Phase.READY, kubernetes_version="1.37.2")),
    ("workshop", {"team": "Web", "stage": "test"}, "1.36.9", waiting_for(Responsible.USER)),
    ("billing", {"owner": "shop-keepers"}, "1.36.10", waiting_for(Responsible.CLOUD_OPERATOR)),
    ("archive", {}, "1.9.3", Status(Phase.STOPPED, kubernetes_version="1.9.3")),
    ("upgrading", {"team": "ops", "a_b": "50%"}, "1.37.2", Status(Phase.READY, kubernetes_version="1.36.9")),
    ("dead-beef", {}, "1.37.2", waiting_for(Responsible.USER, "True")),
    ("unknown", {}, "1.37.2", waiting_for(Responsible.PROJECT_ADMIN, "Unknown")),
)


@pytest.fixture
def made(store: PostgresStore) -> list[Stored]:
    """Those clusters in project alpha, and one of the same name in another."""
    for name, labels, version, status in CLUSTERS:
        spec = replace(SPEC, kubernetes_version=version)
        cluster = a_cluster(name=name, labels=tuple(sorted(labels.items())), spec=spec)
        store.create_cluster(cluster)
        claim = store.claim_cluster(cluster.id, "w", lease=60)
        assert claim is not None
        store.record(cluster.id, claim.token, status, look_again_after=3600)
    store.create_cluster(a_cluster(project_id="beta"))
    return list(store.clusters(project_id="alpha").clusters)


def names(found: Any) -> list[str]:
    return [stored.cluster.name for stored in found]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (EVERYTHING, [name for name, *_ in CLUSTERS]),
        (Selection(search=("shop",)), ["shop", "workshop", "billing"]),
        (Selection(search=("shop", "team=web")), ["shop", "workshop"]),
        (Selection(search=("%",)), ["upgrading"]),
        (Selection(search=("a_b",)), ["upgrading"]),
        (Selection(search=("nobody",)), []),
        (Selection(name="shop"), ["shop"]),
        (Selection(labels=(("team", "web"),)), ["shop"]),
        (Selection(phases=(Phase.READY, Phase.STOPPED)), ["shop", "archive", "upgrading"]),
        (Selection(versions=("1.36",)), ["workshop", "billing", "upgrading"]),
        (Selection(versions=("1.36.1",)), []),
        (Selection(versions=("1.36.10", "1.9")), ["billing", "archive"]),
        (Selection(responsible=(Responsible.USER,)), ["workshop"]),
        (Selection(responsible=(Responsible.USER, Responsible.PROJECT_ADMIN)), ["workshop", "unknown"]),
        (Selection(phases=(Phase.BLOCKED,), search=("team=",), responsible=(Responsible.USER,)), ["workshop"]),
    ],
    ids=str,
)
def test_sql_selects_what_the_domain_selects(
    store: PostgresStore, made: list[Stored], selection: Selection, expected: list[str]
) -> None:
    assert names(store.clusters(project_id="alpha", selection=selection).clusters) == expected
    assert store.count_clusters(project_id="alpha", selection=selection) == len(expected)
    assert names(s for s in made if selection.has(s.cluster, s.status)) == expected


def test_an_id_is_found_by_its_beginning(store: PostgresStore, made: list[Stored]) -> None:
    one = made[2].cluster
    for word, found in ((one.id, True), (one.id[:8], True), (one.id[1:], False), (one.id[:3], False)):
        selection = Selection(search=(word,))
        assert ("billing" in names(store.clusters(project_id="alpha", selection=selection).clusters)) is found, word
        assert selection.has(one, made[2].status) is found


ORDERS = {
    Order.CREATED: [name for name, *_ in CLUSTERS],
    Order.NAME: sorted(name for name, *_ in CLUSTERS),
    Order.PHASE: ["workshop", "billing", "dead-beef", "unknown", "shop", "upgrading", "archive"],
    Order.VERSION: ["archive", "workshop", "upgrading", "billing", "shop", "dead-beef", "unknown"],
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", Order)
def test_each_order_goes_on_from_page_to_page(
    store: PostgresStore, made: list[Stored], order: Order, descending: bool
) -> None:
    expected = ORDERS[order][::-1] if descending else ORDERS[order]
    found: list[str] = []
    marker = None
    while True:
        page = store.clusters(project_id="alpha", order=order, descending=descending, marker=marker, limit=3)
        found += names(page.clusters)
        marker = page.marker
        if marker is None:
            break
    assert found == expected
    with pytest.raises(NotFound):
        store.clusters(project_id="beta", order=order, marker=made[0].cluster.id)


@pytest.fixture(scope="module")
def crowded(server: LocalPostgres) -> Iterator[psycopg.Connection]:
    """A database with a thousand clusters in project alpha, and nineteen thousand in others."""
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE crowded")
        dsn = server.dsn.replace("dbname=navarch", "dbname=crowded")
        migrate(dsn)
        with psycopg.connect(dsn, autocommit=True) as sql:
            sql.execute(
                "INSERT INTO clusters (id, project_id, name, spec, status, created_at)"
                " SELECT gen_random_uuid()::text, CASE WHEN mod(n, 20) = 0 THEN 'alpha' ELSE 'p' || mod(n, 40) END,"
                " 'c' || n, %s, CASE WHEN mod(n, 100) = 0 THEN %s ELSE '{}'::jsonb END, now()"
                " FROM generate_series(1, 20000) n",
                (Jsonb(encode(SPEC)), Jsonb(encode(waiting_for(Responsible.USER)))),
            )
            sql.execute("VACUUM ANALYZE clusters")
            sql.execute("SET plan_cache_mode = force_generic_plan")  # the worst: planned for any values
            yield sql
        admin.execute("DROP DATABASE crowded WITH (FORCE)")


@dataclass(frozen=True)
class Scan:
    """How one node of a plan reads clusters, and how many of them."""

    index: str | None
    read: int


def scans(sql: psycopg.Connection, statement: lists.Statement) -> list[Scan]:
    """Every way in which a statement reads clusters when it runs."""

    def walk(node: dict[str, Any]) -> Iterator[Scan]:
        below = [scan for child in node.get("Plans", ()) for scan in walk(child)]
        if node.get("Relation Name") == "clusters":
            kept, dropped = node["Actual Rows"], node.get("Rows Removed by Filter", 0)
            index = node.get("Index Name") or next((child["Index Name"] for child in node.get("Plans", ())), None)
            yield Scan(index, (kept + dropped) * node["Actual Loops"])
        yield from below

    explain = b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement.text
    (row,) = sql.execute(explain, statement.values, prepare=True).fetchall()
    return list(walk(row[0][0]["Plan"]))


@pytest.mark.parametrize(
    ("order", "selection", "index", "read"),
    [
        (Order.CREATED, EVERYTHING, "clusters_project", 51),
        (Order.NAME, EVERYTHING, "clusters_by_name", 51),
        (Order.PHASE, EVERYTHING, "clusters_by_phase", 1000),  # of so few phases PostgreSQL may take all, and sort
        (Order.VERSION, Selection(phases=(Phase.BLOCKED,)), "clusters_by_phase", 200),
        (Order.NAME, Selection(search=("c199",)), None, 1000),
        (Order.CREATED, Selection(versions=("1.36",), responsible=(Responsible.USER,)), None, 1000),
    ],
)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("goes_on", [False, True])
def test_a_page_of_a_thousand_is_read_by_an_index(
    crowded: psycopg.Connection,
    order: Order,
    selection: Selection,
    index: str | None,
    read: int,
    descending: bool,
    goes_on: bool,
) -> None:
    after = {"ordinal": 10000, "name": "c5", "phase": "Progressing", "version": []} if goes_on else None
    statement = lists.page("alpha", selection, order, descending=descending, after=after, changed_after=None, limit=51)
    found, *by_id = sorted(scans(crowded, statement), key=lambda scan: scan.index == "clusters_pkey")
    assert found.index == index if index else found.index is not None, "no project's list reads those of others"
    assert found.read <= read
    assert all(scan.index == "clusters_pkey" and scan.read <= 51 for scan in by_id)


@pytest.mark.parametrize("selection", [EVERYTHING, Selection(phases=(Phase.BLOCKED,)), Selection(search=("c99",))])
def test_a_thousand_are_counted_without_reading_other_projects(
    crowded: psycopg.Connection, selection: Selection
) -> None:
    (scan,) = scans(crowded, lists.count("alpha", selection))
    assert scan.index is not None
    assert scan.read <= 1000
