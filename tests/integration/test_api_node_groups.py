"""Node groups as resources of their own."""

import pytest
from tests.integration.api_fixtures import Api, errors, plenty

pytestmark = pytest.mark.postgres


def test_node_groups_are_resources(api: Api) -> None:
    api.make_ready(api.create()["id"])
    listed = api.get("/clusters/shop/node_groups").json()["node_groups"]
    assert [(g["name"], g["status"]) for g in listed] == [
        ("default", {"desired": 2, "ready": 1, "observed_generation": 0, "autoscaling": None})
    ]
    answer = api.post("/clusters/shop/node_groups", {"name": "web", "spec": {"replicas": 1, "zones": ["z2"]}})
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith("/node_groups/web")
    assert answer.json()["spec"]["flavor"] == "m1.small"
    assert api.post("/clusters/shop/node_groups", {"name": "web"}).status_code == 409
    scaled = api.patch("/clusters/shop/node_groups/web", {"spec": {"replicas": 5, "labels": {"tier": "web"}}})
    assert (scaled.status_code, scaled.headers["ETag"]) == (200, '"2"')
    assert (scaled.json()["spec"]["replicas"], scaled.json()["spec"]["labels"]) == (5, {"tier": "web"})
    assert api.get("/clusters/shop").json()["generation"] == 1
    unlabelled = api.patch("/clusters/shop/node_groups/web", {"spec": {"labels": {"tier": None}}})
    assert unlabelled.json()["spec"]["labels"] == {}
    gone = api.delete("/clusters/shop/node_groups/web")
    assert (gone.status_code, bool(gone.json()["deletion_requested_at"])) == (202, True)
    assert api.patch("/clusters/shop/node_groups/web", {"spec": {"replicas": 1}}).status_code == 409
    assert api.delete("/clusters/shop/node_groups/none").status_code == 404


def test_bad_node_groups_are_told_by_field(api: Api) -> None:
    api.create()
    spec = {
        "flavor": "m1.tiny", "replicas": 101, "zones": ["z9"], "labels": {"kubernetes.io/x": "y", "a b": "c"},
        "taints": [{"key": "k", "effect": "Never"}], "root_volume": {"size": 1},
        "drain_timeout_seconds": -1, "max_surge": 0, "flavr": "x",
    }  # fmt: skip
    found = errors(api.post("/clusters/shop/node_groups", {"name": "cp", "spec": spec}))
    assert set(found) == {
        "name", "spec.flavor", "spec.replicas", "spec.zones[0]", "spec.labels", "spec.taints[0].effect",
        "spec.root_volume.size", "spec.drain_timeout_seconds", "spec.max_surge", "spec.flavr",
    }  # fmt: skip
    found = errors(api.patch("/clusters/shop/node_groups/default", {"name": "x", "spec": {"flavor": "m1.tiny"}}))
    assert set(found) == {"name", "spec.flavor"}


def test_growing_is_held_against_quota_and_network(api: Api) -> None:
    api.create(network={"node_cidr": "10.0.0.0/27"})
    api.store.write_quota("alpha", plenty(instances=98, ports=100))
    path = "/clusters/shop/node_groups/default"
    assert set(errors(api.patch(path, {"spec": {"replicas": 5}}))) == {"quota.instances", "quota.ports"}
    assert "room for 26" in errors(api.patch(path, {"spec": {"replicas": 60}}))["spec.replicas"]
    assert api.patch(path, {"spec": {"replicas": 0}}).status_code == 200
    plan = api.patch(f"{path}?dry_run=true", {"spec": {"replicas": 4}}).json()
    assert not plan["fits"]
    assert {n["resource"]: n["needed"] for n in plan["needs"]}["instances"] == 4


def test_limits_of_autoscaling_and_the_number_within_them(api: Api) -> None:
    api.create()
    path = "/clusters/shop/node_groups/default"
    wrong = {"autoscaling": {"min": 7, "max": 6, "utilization_threshold": 101, "unneeded_seconds": 1}}
    assert set(errors(api.patch(path, {"spec": wrong}))) == {
        "spec.autoscaling.min", "spec.autoscaling.utilization_threshold", "spec.autoscaling.unneeded_seconds",
    }  # fmt: skip
    found = errors(api.patch(path, {"spec": {"autoscaling": {"min": 3}}}))
    assert found == {"spec.autoscaling.max": "must be between 1 and 100, got 0"}
    # limits move a number that nobody names
    spec = api.patch(path, {"spec": {"autoscaling": {"min": 3, "max": 6}}}).json()["spec"]
    assert (spec["replicas"], spec["autoscaling"]["unneeded_seconds"]) == (3, 600)
    # a number that somebody names has to be within them
    assert "3 to 6" in errors(api.patch(path, {"spec": {"replicas": 7}}))["spec.replicas"]
    assert api.patch(path, {"spec": {"replicas": 5}}).json()["spec"]["replicas"] == 5
    assert "autoscaling goes on from there" in api.get("/clusters/shop/events").text
    assert api.patch(path, {"spec": {"replicas": None}}).json()["spec"]["replicas"] == 5
    # taken away, the number stays as it is
    spec = api.patch(path, {"spec": {"autoscaling": None}}).json()["spec"]
    assert (spec["replicas"], spec["autoscaling"]) == (5, None)
    # a new one begins with the fewest
    for name, limits, fewest in (("web", {"max": 4}, 0), ("db", {"min": 1, "max": 4}, 1)):
        made = api.post("/clusters/shop/node_groups", {"name": name, "spec": {"autoscaling": limits}}).json()
        assert made["spec"]["replicas"] == fewest


def test_room_to_keep_free_is_shown_by_the_dry_run_and_has_to_fit_onto_a_machine(api: Api) -> None:
    api.create()
    path = "/clusters/shop/node_groups/default"
    assert api.patch(path, {"spec": {"autoscaling": {"max": 6}}}).status_code == 200
    spare = {"replicas": 2, "cpu_millicores": 500, "memory_mib": 256}
    planned = api.patch(f"{path}?dry_run=true", {"spec": {"autoscaling": {"spare": spare}}})
    (group,) = planned.json()["cluster"]["node_groups"]
    assert group["spec"]["autoscaling"]["spare"] == spare, "the dry run shows it"
    assert api.get(path).json()["spec"]["autoscaling"]["spare"]["replicas"] == 0, "and changes nothing"
    assert api.patch(path, {"spec": {"autoscaling": {"spare": spare}}}).json()["spec"]["autoscaling"]["spare"] == spare
    found = errors(api.patch(path, {"spec": {"autoscaling": {"spare": {"cpu_millicores": 64000}}}}))
    assert list(found) == ["spec.autoscaling.spare.cpu_millicores"]


def test_the_most_machines_have_to_fit_into_the_network(api: Api) -> None:
    api.create(network={"node_cidr": "10.0.0.0/27"})
    path = "/clusters/shop/node_groups/default"
    assert "room for 26" in errors(api.patch(path, {"spec": {"autoscaling": {"max": 60}}}))["spec.autoscaling.max"]
    assert api.patch(path, {"spec": {"autoscaling": {"max": 20}}}).status_code == 200


def test_if_match_guards_a_node_group(api: Api) -> None:
    api.create()
    path = "/clusters/shop/node_groups/default"
    assert api.patch(path, {"spec": {"replicas": 3}}, headers={"If-Match": '"1"'}).status_code == 200
    assert api.patch(path, {"spec": {"replicas": 4}}, headers={"If-Match": '"1"'}).status_code == 412
    assert api.delete(path, headers={"If-Match": '"1"'}).status_code == 412


def test_null_gives_a_field_back_to_navarch(api: Api) -> None:
    api.create()
    taint = {"key": "k", "value": "v", "effect": "NoSchedule"}
    odd = {"flavor": "m1.medium", "replicas": 3, "zones": ["z2"], "labels": {"a": "b"}, "taints": [taint],
           "max_surge": 2, "max_unavailable": 1}  # fmt: skip
    api.post("/clusters/shop/node_groups", {"name": "web", "spec": odd})
    path = "/clusters/shop/node_groups/web"
    assert api.patch(path, {"spec": {"labels": None}}).json()["spec"]["labels"] == {}
    after = api.patch(path, {"spec": dict.fromkeys(odd)}).json()["spec"]
    assert {name: after[name] for name in odd} == {
        "flavor": "m1.medium", "replicas": 2, "zones": ["z2"], "labels": {}, "taints": [], "max_surge": 1,
        "max_unavailable": 0,
    }  # fmt: skip
    assert api.patch(path, {"spec": {"replicas": 4}}).json()["spec"]["replicas"] == 4
    assert api.patch(path, {"name": None, "spec": None}).json()["spec"] == after


def test_a_dry_run_of_a_change_shows_what_would_change(api: Api) -> None:
    api.create()
    plan = api.patch("/clusters/shop/node_groups/default?dry_run=true", {"spec": {"replicas": 4}}).json()
    assert plan["changes"] == [{"field": "spec.replicas", "before": 2, "after": 4}]
    assert plan["cluster"]["node_groups"][0]["spec"]["replicas"] == 4
