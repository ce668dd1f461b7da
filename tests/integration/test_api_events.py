"""The timeline."""

from collections.abc import Callable

import httpx
import pytest
from tests.integration.api_fixtures import Api
from tests.integration.some_values import NOON

from navarch.domain.status import Event

pytestmark = pytest.mark.postgres


def test_the_timeline_comes_in_pages(api: Api) -> None:
    made = api.create()
    (asked,) = api.get("/clusters/shop/events").json()["events"]
    for number in range(5):
        api.store.add_event(made["id"], Event(NOON, f"R{number}", "m", subject="s", seconds=1.5))
    reasons, url = [], f"/clusters/shop/events?limit=2&marker={asked['id']}"
    while url:
        page = api.get(url).json()
        reasons += [e["reason"] for e in page["events"]]
        url = page["next"]
    assert reasons == ["R0", "R1", "R2", "R3", "R4"]


def test_the_timeline_says_who_asked_for_what(api: Api) -> None:
    made = api.create()
    api.patch("/clusters/shop", {"spec": {"paused": True}})
    api.post("/clusters/shop/node_groups", {"name": "web"})
    answer = api.patch("/clusters/shop/node_groups/web", {"spec": {"replicas": 5}})
    api.patch("/clusters/shop/node_groups/web", {"spec": {"replicas": 5}})
    for path in ("/node_groups/web", "/node_groups/web", "", ""):
        api.delete(f"/clusters/{made['id']}{path}")
    events = api.get(f"/clusters/{made['id']}/events").json()["events"]
    assert [(e["reason"], e["subject"]) for e in events] == [
        ("ClusterRequested", "shop"), ("ChangeRequested", "shop"), ("NodeGroupRequested", "web"),
        ("NodeGroupChangeRequested", "web"), ("NodeGroupDeletionRequested", "web"), ("DeletionRequested", "shop"),
    ]  # fmt: skip
    assert "spec.paused false -> true" in events[1]["message"]
    request_id = answer.headers["x-openstack-request-id"]
    assert events[3]["message"] == f"ann asked for web spec.replicas 2 -> 5 ({request_id})"


def test_the_request_that_asked_last_is_the_clusters_for_the_log_and_for_openstack(api: Api) -> None:
    made = api.create("shop")
    stored = api.store.cluster(made["id"], project_id=None).cluster
    assert stored.request_id.startswith("req-")
    groups = "/clusters/shop/node_groups"
    asks: tuple[Callable[[], httpx.Response], ...] = (
        lambda: api.post(groups, {"name": "web", "spec": {"replicas": 1}}),
        lambda: api.patch(f"{groups}/web", {"spec": {"replicas": 2}}),
        lambda: api.delete(f"{groups}/web"),
        lambda: api.patch("/clusters/shop", {"labels": {"a": "b"}}),
        lambda: api.delete("/clusters/shop"),
    )
    for ask in asks:
        answer = ask()
        assert answer.status_code < 300, answer.text
        asked = answer.headers["x-openstack-request-id"]
        assert api.store.cluster(made["id"], project_id=None).cluster.request_id == asked
