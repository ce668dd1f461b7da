"""The timeline."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.integration.api_fixtures import Api
from tests.integration.some_values import NOON, a_machine, a_report

from navarch.domain.status import Event, Status

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


def test_how_far_a_cluster_is_and_where_its_time_went(api: Api) -> None:
    made = api.create()
    claim = api.claim(made["id"])
    now = datetime.now(UTC)
    machine = a_machine("m0", created_at=now)
    api.store.record_machine(made["id"], claim.token, machine)
    api.store.add_report(made["id"], "m0", a_report("FormatEtcdDisk", at=now + timedelta(seconds=9)), joined=False)
    api.store.add_event(made["id"], Event(now, "EnsureNetwork", "made", "shop-net", "cloud", 2.0))
    progress = api.get("/clusters/shop/progress").json()
    rows = {row["name"]: row for row in progress["rows"]}
    assert (progress["phase"], progress["percent"], progress["blocked"]) == ("Progressing", 0, None)
    assert progress["asked_at"] == made["created_at"]
    assert progress["waiting_for"] == rows["machine m0"]
    assert (rows["machine m0"]["state"], rows["machine m0"]["detail"]) == ("running", "FormatEtcdDisk")
    timeline = api.get("/clusters/shop/timeline").json()
    assert [(lane["group"], lane["name"]) for lane in timeline["lanes"]] == [
        ("cloud", "network"), ("machine", "made and booted"), ("machine", "FormatEtcdDisk"),
    ]  # fmt: skip
    assert timeline["lanes"][0]["seconds"] == 2.0
    assert timeline["ready_after_seconds"] is None
    api.store.record(made["id"], claim.token, Status(), look_again_after=3600)
    api.make_ready(made["id"])
    assert api.get("/clusters/shop/timeline?everything=true").json()["name"] == "shop"
    assert api.get("/clusters/shop/progress?since=2026-03-01T12:00:00Z").status_code == 200
    for wrong in ("noon", "0", "0.0", "2026-03-01", "2026-03-01T12:00:00"):
        assert api.get(f"/clusters/shop/progress?since={wrong}").status_code == 400, wrong
    for path in ("progress", "timeline"):
        assert api.as_("bea").get(f"/clusters/{made['id']}/{path}").status_code == 404
