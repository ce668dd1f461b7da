"""`/kaas/v1/clusters` over a real PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from tests.integration.api_fixtures import OFFER, Api, MakeApi, errors, plenty
from tests.integration.some_values import RELEASE, a_machine

from navarch.domain.machines import MachineFacts, MachineTemplate
from navarch.domain.status import Phase, Status

pytestmark = pytest.mark.postgres


def test_nothing_but_a_name_is_needed(api: Api) -> None:
    answer = api.post("/clusters", {"name": "shop"})
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["Location"] == f"/kaas/v1/clusters/{body['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert body["created_by"] == "ann"
    assert body["spec"] == {
        "kubernetes_version": "1.37.2",
        "node_image": OFFER.releases[0].image_name,
        "running": True,
        "schedule": None,
        "remove_stopped_workers": False,
        "paused": False,
        "protected": False,
        "rollout_paused": False,
        "soak_seconds": 0,
        "groups_at_once": 1,
        "maintenance": None,
        "automatic_upgrades": False,
        "expander": "least-waste",
        "network": {
            "external_network": "public", "subnet_id": None, "node_cidr": "10.0.0.0/24", "pod_cidr": "10.100.0.0/16",
            "service_cidr": "10.254.0.0/16", "dns_servers": [], "public_api": True, "api_allowed_cidrs": [],
        },
        "control_plane": {
            "replicas": 1, "flavor": "c1.small", "zones": ["z1"], "etcd_volume": {"type": "ssd", "size_gib": 10},
            "root_volume": None, "repair_after_seconds": 300,
        },
        "ssh_keys": [],
    }  # fmt: skip
    assert [(g["name"], g["spec"]["replicas"], g["spec"]["flavor"]) for g in body["node_groups"]] == [
        ("default", 2, "m1.small")
    ]
    assert api.get("/clusters/shop").json() == body
    assert api.get(f"/clusters/{body['id']}").json() == body


def test_what_is_shown_can_be_asked_for_again(api: Api) -> None:
    first = api.create()
    groups = [{"name": g["name"], **g["spec"]} for g in first["node_groups"]]
    second = api.create("copy", **first["spec"], node_groups=groups)
    assert second["spec"] == first["spec"]


def test_every_mistake_is_told_at_once_and_nothing_is_made(api: Api) -> None:
    answer = api.post(
        "/clusters",
        {
            "name": "Shop!",
            "colour": "red",
            "spec": {
                "kubernetes_version": "1.20.0",
                "control_plane": {"replicas": 2, "flavour": "m1.medium", "flavor": "m1.tiny", "zones": ["z9"]},
                "network": {
                    "external_network": "private", "node_cidr": "10.0.0.0/24", "pod_cidr": "10.0.0.0/16",
                    "service_cidr": 5, "api_allowed_cidrs": ["1.2.3.4"], "public_api": False,
                },
                "node_groups": [{"name": "web", "replicas": -1}, {"name": "web", "autoscaling": {"min": 1}}],
            },
        },
    )  # fmt: skip
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    found = errors(answer)
    assert set(found) == {
        "name",
        "colour",
        "spec.kubernetes_version",
        "spec.control_plane.replicas",
        "spec.control_plane.flavour",
        "spec.control_plane.flavor",
        "spec.control_plane.zones[0]",
        "spec.network.external_network",
        "spec.network.pod_cidr",
        "spec.network.service_cidr",
        "spec.network.api_allowed_cidrs[0]",
        "spec.network.public_api",
        "spec.node_groups[0].replicas",
        "spec.node_groups[1].name",
        "spec.node_groups[1].autoscaling.max",
    }
    assert "did you mean flavor?" in found["spec.control_plane.flavour"]
    assert "1.37.2" in found["spec.kubernetes_version"]
    assert api.get("/clusters").json()["clusters"] == []


def test_a_quota_too_small_says_which_needed_and_free(api: Api) -> None:
    api.store.write_quota("alpha", plenty(cores=998, floating_ips=100))
    found = errors(api.post("/clusters", {"name": "shop"}))
    assert set(found) == {"quota.cores", "quota.floating_ips"}
    assert found["quota.cores"].startswith("4 needed, 2 free (limit 1000, used 998)")


def test_a_quota_that_nobody_can_read_does_not_stand_in_the_way(make_api: MakeApi) -> None:
    api = make_api(quota_wait=0.1)
    api.store.write_offer(OFFER)
    api.create()


def test_without_an_offer_the_answer_is_to_come_again(make_api: MakeApi) -> None:
    answer = make_api().post("/clusters", {"name": "shop"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_name_is_taken_once(api: Api) -> None:
    api.create()
    answer = api.post("/clusters", {"name": "shop"})
    assert answer.status_code == 409
    assert "name" in errors(answer)
    assert api.as_("bea").post("/clusters", {"name": "shop"}).status_code == 202


def test_the_same_key_and_body_answer_the_same_cluster(api: Api) -> None:
    key = {"Idempotency-Key": "one"}
    first = api.post("/clusters", {"name": "shop"}, headers=key)
    again = api.post("/clusters", {"name": "shop"}, headers=key)
    assert (again.status_code, again.json()) == (202, first.json())
    api.store.write_quota("alpha", plenty(instances=100))  # what it took may be what is missing now
    assert api.post("/clusters", {"name": "shop"}, headers=key).json() == first.json()
    other = api.post("/clusters", {"name": "other"}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency-mismatch")


def test_a_dry_run_shows_the_plan_and_makes_nothing(api: Api) -> None:
    api.store.write_quota("alpha", plenty(cores=998))
    answer = api.post("/clusters?dry_run=true", {"name": "shop"}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 200
    plan = answer.json()
    assert not plan["fits"]
    assert [n for n in plan["needs"] if n["short"]] == [
        {"resource": "cores", "needed": 4, "free": 2, "limit": 1000, "used": 998, "unit": "", "short": True}
    ]
    kinds = [s["kind"] for s in plan["steps"]]
    assert kinds.count("CreateServer") == 3
    assert "EnsureLoadBalancer" in kinds
    assert api.get("/clusters").json()["clusters"] == []
    assert api.post("/clusters?dry_run=true", {"name": "S"}).status_code == 422


def test_a_dry_run_is_refused_where_the_creation_would_be(make_api: MakeApi) -> None:
    api = make_api(clusters_per_project=2)
    api.store.write_offer(OFFER)
    for name, status in (("shop", 202), ("shop", 409), ("blog", 202), ("wiki", 422)):
        planned = api.post("/clusters?dry_run=true", {"name": name})
        made = api.post("/clusters", {"name": name})
        assert made.status_code == status
        if status == 202:
            assert planned.status_code == 200, planned.text
        else:
            assert planned.status_code == status, planned.text
            assert {**planned.json(), "request_id": ""} == {**made.json(), "request_id": ""}


def test_lists_come_in_pages_and_can_be_filtered(api: Api) -> None:
    for number in range(5):
        api.post("/clusters", {"name": f"c{number}", "labels": {"odd": str(number % 2)}})
    names, url = [], "/clusters?limit=2&label=odd=0"
    while url:
        page = api.get(url).json()
        names += [c["name"] for c in page["clusters"]]
        url = page["next"]
    assert names == ["c0", "c2", "c4"]
    assert [c["name"] for c in api.get("/clusters?name=c3").json()["clusters"]] == ["c3"]
    assert api.get("/clusters?label=odd").status_code == 400
    unknown = api.get("/clusters?marker=nonsense")
    assert (unknown.status_code, unknown.json()["detail"].endswith("; begin again without marker")) == (400, True)
    assert api.get("/clusters?limit=0").status_code == 400


def test_a_cluster_that_nobody_can_read_hides_no_other(api: Api, dsn: str) -> None:
    for name in ("a", "b"):
        api.post("/clusters", {"name": name})
    lost, readable = api.get("/clusters/a").json()["id"], api.get("/clusters/b").json()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE clusters SET spec = '{\"network\": 7}' WHERE id = %s", (lost,))
    assert api.get("/clusters").json() == {"clusters": [readable], "unreadable": [lost], "next": None, "total": 2}
    answer = api.get("/clusters/a")
    assert answer.status_code == 500
    assert answer.json()["type"].endswith("unreadable")


def test_a_patch_changes_what_it_names(api: Api) -> None:
    api.post("/clusters", {"name": "shop", "labels": {"a": "1", "b": "2"}})
    patch = {"labels": {"a": None, "c": "3"}, "spec": {"network": {"api_allowed_cidrs": ["198.51.100.7/32"]}}}
    answer = api.patch("/clusters/shop", patch)
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"2"'
    assert answer.json()["labels"] == {"b": "2", "c": "3"}
    assert answer.json()["spec"]["network"]["api_allowed_cidrs"] == ["198.51.100.7/32"]
    assert answer.json()["spec"]["network"]["node_cidr"] == "10.0.0.0/24"
    assert api.patch("/clusters/shop", {"spec": {"paused": True}}).json()["generation"] == 3
    assert api.patch("/clusters/shop", {"spec": {"paused": True}}).json()["generation"] == 3


def test_null_gives_a_field_back_to_navarch(api: Api) -> None:
    spec = {"control_plane": {"flavor": "m1.medium", "zones": ["z2"]}, "network": {"api_allowed_cidrs": ["10.0.0.0/8"]}}
    made = api.post("/clusters", {"name": "shop", "labels": {"a": "1"}, "spec": spec | {"paused": True}}).json()
    assert api.patch("/clusters/shop", {"labels": None}).json()["labels"] == {}
    after = api.patch("/clusters/shop", {"spec": dict.fromkeys(made["spec"])}).json()["spec"]
    network = made["spec"]["network"] | {"api_allowed_cidrs": []}
    assert after == made["spec"] | {"paused": False, "network": network}
    api.create("own", network={"pod_cidr": "10.9.0.0/16"})
    found = errors(api.patch("/clusters/own", {"spec": {"network": {"pod_cidr": None}}}))
    assert "addresses" in found["spec.network.pod_cidr"]


def test_what_cannot_change_is_refused_by_name_with_the_reason(api: Api) -> None:
    api.create()
    patch: dict[str, Any] = {
        "name": "other",
        "spec": {
            "kubernetes_version": "1.36.9",
            "network": {"node_cidr": "10.9.0.0/24", "subnet_id": "x"},
            "control_plane": {"replicas": 2, "flavor": "m1.tiny", "etcd_volume": {"type": "hdd", "size_gib": 20}},
            "ssh_keys": ["ssh-ed25519 AAAA"],
        },
    }
    found = errors(api.patch("/clusters/shop", patch))
    assert set(found) == {
        "name", "spec.kubernetes_version", "spec.network.node_cidr",
        "spec.network.subnet_id",
        "spec.control_plane.replicas", "spec.control_plane.flavor", "spec.control_plane.etcd_volume.type",
        "spec.control_plane.etcd_volume.size_gib", "spec.ssh_keys",
    }  # fmt: skip
    assert "etcd" in found["spec.control_plane.etcd_volume.type"]
    assert set(errors(api.patch("/clusters/shop", {"spec": {"node_groups": []}}))) == {"spec.node_groups"}
    assert set(errors(api.patch("/clusters/shop", {"spec": {"pausd": 1}}))) == {"spec.pausd"}


def test_a_cluster_is_stopped_and_started(api: Api) -> None:
    id_ = api.create()["id"]
    before = datetime.now(UTC)
    assert api.patch("/clusters/shop", {"spec": {"running": False}}).json()["spec"]["running"] is False
    said = api.store.cluster(id_, project_id=None).cluster.spec.running_since
    assert said is not None
    assert before <= said <= datetime.now(UTC)
    again = api.patch("/clusters/shop", {"spec": {"running": False}})
    assert (again.status_code, again.json()["generation"]) == (200, 2)
    office = {"start": "08:00", "stop": "20:00", "timezone": "Europe/Berlin"}
    spec = api.patch("/clusters/shop", {"spec": {"schedule": office}}).json()["spec"]
    assert spec["schedule"] == office | {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}
    assert api.store.cluster(id_, project_id=None).cluster.spec.running_since == said
    assert set(errors(api.patch("/clusters/shop", {"spec": {"schedule": {"timezone": "Mars"}}}))) == {
        "spec.schedule.timezone"
    }
    assert api.patch("/clusters/shop", {"spec": {"schedule": None, "running": None}}).json()["spec"]["running"] is True


def test_a_control_plane_grows_where_there_is_room(api: Api) -> None:
    api.create()
    api.store.write_quota("alpha", plenty(volumes=99))
    more = {"spec": {"control_plane": {"replicas": 3}}}
    assert set(errors(api.patch("/clusters/shop", more))) == {"quota.volumes"}
    api.store.write_quota("alpha", plenty())
    assert api.patch("/clusters/shop", more).json()["spec"]["control_plane"]["replicas"] == 3


def test_a_cluster_can_be_paused_after_its_version_is_no_longer_offered(api: Api) -> None:
    api.create()
    api.store.write_offer(type(OFFER)())
    assert api.patch("/clusters/shop", {"spec": {"paused": True}}).status_code == 200


def test_a_dry_run_of_a_patch_shows_what_would_change(api: Api) -> None:
    api.create()
    plan = api.patch("/clusters/shop?dry_run=true", {"spec": {"paused": True}, "labels": {"a": "b"}}).json()
    assert plan["changes"] == [
        {"field": "labels.a", "before": None, "after": "b"},
        {"field": "spec.paused", "before": False, "after": True},
    ]
    assert api.get("/clusters/shop").json()["generation"] == 1


def test_if_match_guards_against_lost_updates(api: Api) -> None:
    api.create()
    one = {"If-Match": '"1"'}
    assert api.patch("/clusters/shop", {"spec": {"paused": True}}, headers=one).status_code == 200
    stale = api.patch("/clusters/shop", {"spec": {"paused": False}}, headers=one)
    assert stale.status_code == 412
    assert "generation is 2 now; read it again, then send the new ETag" in stale.json()["detail"]
    assert api.patch("/clusters/shop", {"labels": {"x": "y"}}, headers={"If-Match": "2"}).status_code == 400
    assert api.patch("/clusters/shop", {"labels": {"x": "y"}}, headers={"If-Match": '"1", "2"'}).status_code == 200
    assert api.delete("/clusters/shop", headers=one).status_code == 412
    assert api.delete("/clusters/shop", headers={"If-Match": "*"}).status_code == 202


def test_a_deleted_cluster_cannot_be_changed_and_its_name_is_free(api: Api) -> None:
    made = api.create()
    answer = api.delete("/clusters/shop?keep=volumes")
    assert answer.status_code == 202
    assert answer.json()["deletion_requested_at"]
    assert api.store.cluster(made["id"], project_id=None).cluster.keep_volumes
    assert api.delete(f"/clusters/{made['id']}").json()["generation"] == answer.json()["generation"]
    assert api.patch(f"/clusters/{made['id']}", {"labels": {}}).status_code == 409
    assert api.post(f"/clusters/{made['id']}/node_groups", {"name": "web"}).status_code == 409
    assert api.create()["id"] != made["id"]
    assert api.delete("/clusters/shop?keep=everything").status_code == 400


def test_a_project_may_have_so_many_clusters(make_api: MakeApi) -> None:
    api = make_api(clusters_per_project=2)
    api.store.write_offer(OFFER)
    api.create("a")
    api.create("b")
    assert api.post("/clusters", {"name": "c"}).json()["type"].endswith("too-many")


def test_status_and_machines_are_shown(api: Api) -> None:
    made = api.create()
    claim = api.claim(made["id"])
    machine = a_machine("shop-1-cp-0", template=MachineTemplate(RELEASE, "c1.small"), facts=MachineFacts("10.0.0.5"))
    api.store.record_machine(made["id"], claim.token, machine)
    status = Status(Phase.READY, 1, api_url="https://198.51.100.9:6443", api_internal_address="10.0.0.9")
    api.store.record(made["id"], claim.token, status, look_again_after=60)
    shown = api.get("/clusters/shop").json()["status"]
    assert (shown["phase"], shown["api_url"], shown["observed_generation"]) == (
        "Ready", "https://198.51.100.9:6443", 1,
    )  # fmt: skip
    assert "api_internal_address" not in shown
    machines = api.get("/clusters/shop/machines").json()["machines"]
    assert [(m["name"], m["flavor"], m["addresses"], m["version"]) for m in machines] == [
        ("shop-1-cp-0", "c1.small", ["10.0.0.5"], "1.37.2")
    ]
