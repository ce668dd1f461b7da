"""What any API asks of Navarch, without HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.api_fixtures import OFFER, SEALER, plenty

from navarch.service import clusters, node_groups
from navarch.service.access import Access, Generations, Service, ServiceSettings
from navarch.service.refusals import InTheWay, Invalid, Missing
from navarch.store.contract import Stale
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres


@pytest.fixture
def access(store: PostgresStore) -> Access:
    """A customer of project alpha."""
    store.write_offer(OFFER)
    store.write_quota("alpha", plenty())
    found: Callable[[str], None] = lambda _: None  # noqa: E731
    service = Service(store, SEALER, ServiceSettings(quota_wait=0), lambda cluster: ())
    until = datetime.now(UTC) + timedelta(hours=1)
    return Access(service, "ann-id", "ann", "alpha", "req-1", until, found)


def test_a_cluster_is_asked_for_changed_and_asked_to_go(access: Access) -> None:
    made = clusters.create(access, "alpha", {"name": "shop"}, key="k")
    assert clusters.create(access, "alpha", {"name": "shop"}, key="k") == made
    _, group = node_groups.change(access, "shop", "default", {"spec": {"replicas": 3}})
    assert group.spec.replicas == 3
    changed = clusters.change(access, "shop", {"labels": {"a": "b"}}, generations=Generations(frozenset({1})))
    assert changed.cluster.labels == (("a", "b"),)
    assert clusters.delete(access, "shop").cluster.deleting
    events = access.service.store.events(made.cluster.id)
    assert [e.event.reason for e in events] == [
        "ClusterRequested", "NodeGroupChangeRequested", "ChangeRequested", "DeletionRequested",
    ]  # fmt: skip


def test_a_plan_is_a_value_and_changes_nothing(access: Access, store: PostgresStore) -> None:
    store.write_quota("alpha", plenty(cores=999))
    plan = clusters.plan_creation(access, "alpha", {"name": "shop"})
    assert (plan.fits, plan.quota_known, plan.cluster.name) == (False, True, "shop")
    assert access.service.store.clusters(project_id="alpha").clusters == ()


def test_refusals_say_what_they_are(access: Access) -> None:
    with pytest.raises(Missing):
        clusters.delete(access, "shop")
    with pytest.raises(Invalid) as invalid:
        clusters.create(access, "alpha", {"name": "Shop", "labels": {"a b": "c"}, "colour": 1})
    assert {e.field for e in invalid.value.errors} == {"name", "labels", "colour"}
    clusters.create(access, "alpha", {"name": "shop"})
    with pytest.raises(Stale):
        clusters.change(access, "shop", {"labels": {"a": "b"}}, generations=Generations(frozenset({7})))
    clusters.delete(access, "shop")
    with pytest.raises(InTheWay) as deleting:
        clusters.change(access, "shop", {"labels": {"a": "b"}})
    assert deleting.value.kind == "deleting"
