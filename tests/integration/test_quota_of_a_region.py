"""A project's quota on its way from the cloud to the answer: a simulated region, a real worker, PostgreSQL, the API."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from demo.steps import until
from tests.integration.api_fixtures import Api, MakeApi, errors
from tests.integration.full_cloud import make_dependencies
from tests.integration.simulated_region import CLOUD, PASSWORD, SITE
from tests.integration.test_rolling_restart import Silent

from navarch.clouds.openstack import OpenStackCloud
from navarch.reconcile.worker import Worker
from navarch.simulator import marks
from navarch.simulator.installed import install
from navarch.simulator.openstack.keystone import setup
from navarch.simulator.openstack.region import Region
from navarch.simulator.openstack.services import Services
from navarch.simulator.openstack.timeline import Timeline
from navarch.simulator.openstack.transport import Transport
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres
GREEDY = {"name": "greedy", "spec": {"node_groups": [{"name": "default", "replicas": 90}]}}


@pytest.fixture
def region() -> Region:
    """One whose project may have twenty machines."""
    made = install(Timeline(datetime.now(UTC)), SITE, PASSWORD).region
    setup.add_project(made, "alpha", id_="alpha")
    made.quotas["alpha", "instances"] = 20
    return made


@pytest.fixture
def api(make_api: MakeApi, store: PostgresStore, region: Region) -> Iterator[Api]:
    """The service beside a worker that has read what the region offers."""
    cloud = OpenStackCloud(CLOUD, transport=Transport(Services(region)))
    worker = Worker(make_dependencies(store, cloud), Silent(), name="w", threads=1, calls=2)
    worker.start()
    try:
        made = make_api(quota_wait=30.0)
        until(
            "the region's offer is read",
            lambda: made.get("/readyz").json()["checks"]["offer"] == "read",
            seconds=60,
            every=0.05,
        )
        yield made
    finally:
        worker.stop()
        cloud.close()


def test_a_quota_that_does_not_suffice_is_told_before_anything_is_made(api: Api, region: Region) -> None:
    answer = api.post("/clusters", GREEDY)
    assert answer.status_code == 422, answer.text
    assert errors(answer)["quota.instances"].startswith("91 needed, 20 free (limit 20, used 0)")
    assert api.get("/clusters").json()["clusters"] == []
    assert list(marks.belonging(region)) == []
