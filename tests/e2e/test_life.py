"""What happens to a cluster while it is used: it is stopped and started, and gets a newer node image."""

import json
from functools import partial

import pytest
from demo.steps import until
from tests.e2e.clusters import Cluster
from tests.e2e.images import newer_image
from tests.e2e.inside import code

pytestmark = pytest.mark.timeout(900)


def test_a_cluster_that_was_stopped_is_where_it_was_with_what_it_had(one: Cluster) -> None:
    shop, customer = one.application, one.customer
    address, api_url = shop.address(), one.shown()["status"]["api_url"]
    shop.write(address, "before the stop")
    servers, nodes = {s.id for s in one.servers()}, set(one.nodes())
    customer.must("cluster", "stop", one.name, "--wait", timeout=600)
    assert one.shown()["status"]["phase"] == "Stopped"
    assert {s.status for s in one.servers()} == {"SHUTOFF"}
    assert code(f"{api_url}/livez") == "000"
    customer.must("cluster", "start", one.name, "--wait", timeout=600)
    assert one.shown()["status"]["api_url"] == api_url
    assert {s.id for s in one.servers()} == servers
    assert set(one.nodes()) == nodes
    shop.wait()
    assert "before the stop" in json.dumps(shop.read(shop.address())["entries"])
    assert shop.address() == address


@pytest.mark.proof
@pytest.mark.destructive
def test_a_newer_node_image_replaces_each_machine_and_the_data_stays(one: Cluster) -> None:
    shop, customer, version = one.application, one.customer, one.shown()["spec"]["kubernetes_version"]
    address = shop.address()
    shop.write(address, "before the rollout")
    before = {s.id for s in one.servers()}
    with newer_image(customer.stack.lab, "e2e-newer", version) as image_id:
        words = ("cluster", "update", one.name, "--node-image", "e2e-newer")
        offered = partial(customer.navarch, *words, "--dry-run")
        until("the newer image is offered", lambda: offered().code == 0, seconds=180, every=2)
        customer.must(*words, "--wait", timeout=800)
        until("each machine is another one", lambda: not before & {s.id for s in one.servers()}, seconds=300)
        assert {s.image.id for s in one.servers()} == {image_id}
    assert len(one.nodes()) == len(before)
    shop.wait()
    assert "before the rollout" in json.dumps(shop.read(address)["entries"])
