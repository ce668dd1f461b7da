"""What happens to a cluster that is there: upgrades, stop and start, chosen machines, and wishes that contradict."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.api_fixtures import OFFER, Api, errors, plenty
from tests.integration.some_values import a_machine, a_report

from navarch.domain.calendar import Opening
from navarch.domain.kube import ClusterObstacle
from navarch.domain.machines import Departure, Machine, MachineTemplate
from navarch.domain.obstacles import Survey
from navarch.domain.offer import Release
from navarch.domain.spec import Role
from navarch.domain.status import Condition, MachineCount, Phase, Status

pytestmark = pytest.mark.postgres

NEWER = [Release(v, f"i-{v}", f"node-{v}", "b", (), 5, f"2026-03-0{n}") for n, v in enumerate(("1.38.0", "1.39.1"), 1)]
GROUP = "/clusters/shop/node_groups/default"


@pytest.fixture
def shop(api: Api) -> str:
    """The id of a Ready cluster of a control-plane machine and two workers, with two newer versions to be had."""
    api.store.write_offer(replace(OFFER, releases=(*NEWER, *OFFER.releases)))
    cluster_id = str(api.create(kubernetes_version="1.37.2", control_plane={"flavor": "m1.medium"})["id"])
    record(api, cluster_id, place(OFFER.releases[0]), *(worker(n) for n in (1, 2)))
    judge(api, cluster_id)
    return cluster_id


def place(release: Release) -> Machine:
    return a_machine("shop-cp-0", template=MachineTemplate(release, "m1.medium"))


def worker(serial: int, **changes: Any) -> Machine:
    template = MachineTemplate(OFFER.releases[0], "m1.small")
    name = f"shop-default-{serial}"
    return a_machine(name, role=Role.WORKER, group="default", serial=serial, **{"template": template} | changes)


def record(api: Api, cluster_id: str, *machines: Machine, seconds: float = 40.0) -> None:
    """Machines that were made, and joined so many seconds later."""
    with held(api, cluster_id) as token:
        for machine in machines:
            api.store.record_machine(cluster_id, token, machine)
            joined = a_report("Joined", at=machine.created_at + timedelta(seconds=seconds))
            api.store.add_report(cluster_id, machine.name, joined, joined=True)


def judge(api: Api, cluster_id: str, phase: Phase = Phase.READY, ready: int = 3, *conditions: Condition) -> None:
    """What a worker would write after a look."""
    status = Status(phase, 1, conditions=conditions, machines=MachineCount(3, ready))
    with held(api, cluster_id, status):
        pass


@contextmanager
def held(api: Api, cluster_id: str, status: Status | None = None) -> Iterator[int]:
    """The token of a worker that has the cluster, and leaves it with this status, or as it was."""
    claim = api.claim(cluster_id)
    yield claim.token
    api.store.record(cluster_id, claim.token, status or claim.status, look_again_after=3600)


def upgrade(api: Api, version: str, **options: Any) -> Any:
    return api.patch("/clusters/shop", {"spec": {"kubernetes_version": version}}, **options)


def machines(api: Api) -> dict[str, Any]:
    return {m["name"]: m for m in api.get("/clusters/shop/machines").json()["machines"]}


def replicas(api: Api) -> int:
    return int(api.get(GROUP).json()["spec"]["replicas"])


# upgrades


def test_versions_above_are_listed_with_what_is_in_the_way(api: Api, shop: str) -> None:
    listed = api.get("/clusters/shop/upgrades").json()["upgrades"]
    assert [(u["kubernetes_version"], u["image_name"], [o["reason"] for o in u["obstacles"]]) for u in listed] == [
        ("1.39.1", "node-1.39.1", ["SkipsMinor"]),
        ("1.38.0", "node-1.38.0", []),
    ]
    judge(api, shop, Phase.DEGRADED, 2, Condition("Ready", "False", "NodesNotReady", "not Ready: shop-default-2"))
    api.store.write_quota("alpha", plenty(instances=100))
    (_, following) = api.get("/clusters/shop/upgrades").json()["upgrades"]
    told = {o["reason"]: (o["responsible"], o["message"]) for o in following["obstacles"]}
    assert set(told) == {"NotReady", "MachinesNotReady", "QuotaExceeded"}
    assert told["NotReady"] == ("user", "the cluster is Degraded: NodesNotReady: not Ready: shop-default-2")
    assert told["QuotaExceeded"][0] == "project-admin"


def test_what_the_last_look_into_the_cluster_found_is_listed_too(api: Api, shop: str) -> None:
    hook = ClusterObstacle("webhook deny", "nodes", "WebhookDenies", "denies nodes", "take it away", blocks=True)
    old = ClusterObstacle("an API", "shop", "DeprecatedAPIRequested", "somebody asks", "move on", False, "1.38")
    seen = Status(Phase.READY, 1, machines=MachineCount(3, 3), survey=Survey(datetime.now(UTC), (old, hook)))
    with held(api, shop, seen):
        pass
    (_, following) = api.get("/clusters/shop/upgrades").json()["upgrades"]
    assert [o["reason"] for o in following["obstacles"]] == ["WebhookDenies"]
    assert [o["reason"] for o in following["notes"]] == ["DeprecatedAPIRequested"]


def test_what_a_refusal_says_is_what_the_list_says(api: Api, shop: str) -> None:
    judge(api, shop, Phase.BLOCKED, 2)
    (skipping, _) = api.get("/clusters/shop/upgrades").json()["upgrades"]
    refused = upgrade(api, "1.39.1")
    assert refused.status_code == 422
    assert [e["detail"] for e in refused.json()["errors"]] == [
        f"{o['message']}: {o['remedy']}" for o in skipping["obstacles"]
    ]


def test_an_upgrade_is_taken_down_with_its_image_and_told(api: Api, shop: str) -> None:
    answer = upgrade(api, "1.38.0")
    assert answer.status_code == 200
    spec = answer.json()["spec"]
    assert (spec["kubernetes_version"], spec["node_image"]) == ("1.38.0", "node-1.38.0")
    (event,) = [e for e in api.get("/clusters/shop/events").json()["events"] if e["reason"] == "ChangeRequested"]
    assert 'spec.kubernetes_version "1.37.2" -> "1.38.0"' in event["message"]
    assert upgrade(api, "1.38.0").json()["generation"] == 2, "asked again it changes nothing"


def test_a_version_is_turned_back_until_the_control_plane_has_left_it(api: Api, shop: str) -> None:
    upgrade(api, "1.38.0")
    judge(api, shop, Phase.BLOCKED, 2)
    back = upgrade(api, "1.37.2")
    assert (back.status_code, back.json()["spec"]["node_image"]) == (200, "node-1.37.2")
    judge(api, shop)
    upgrade(api, "1.38.0")
    with held(api, shop) as token:
        api.store.forget_machine(shop, token, "shop-cp-0")
    record(api, shop, place(NEWER[0]))
    assert any("an older version cannot read" in e["detail"] for e in upgrade(api, "1.37.2").json()["errors"])


def test_a_dry_run_tells_machines_time_and_room(api: Api, shop: str) -> None:
    api.store.write_quota("alpha", plenty(instances=100))
    plan = upgrade(api, "1.38.0", params={"dry_run": True}).json()
    told = plan["machines"]
    assert (told["replaced"], told["created"]) == (["shop-cp-0", "shop-default-1", "shop-default-2"], [])
    assert told["drained"] == told["replaced"]
    assert (told["pace"], told["seconds"]) == ({"control_plane": 40.0, "worker": 40.0, "measured": True}, 120.0)
    assert (plan["fits"], {n["resource"]: n["needed"] for n in plan["needs"] if n["short"]}) == (
        False,
        {"instances": 1},
    )
    assert api.get("/clusters/shop").json()["spec"]["kubernetes_version"] == "1.37.2"
    assert set(errors(upgrade(api, "1.38.0"))) == {"quota.instances"}


def test_dry_runs_of_other_changes_tell_machines_too(api: Api, shop: str) -> None:
    plan = api.patch(f"{GROUP}?dry_run=true", {"spec": {"replicas": 4}}).json()["machines"]
    new = [f"shop-{shop[:8]}-default-{n}" for n in (3, 4)]
    assert (plan["created"], plan["replaced"]) == (new, [])
    plan = api.patch("/clusters/shop?dry_run=true", {"spec": {"running": False}}).json()["machines"]
    assert (plan["stopped"], plan["drained"]) == (list(machines(api)), ["shop-default-1", "shop-default-2"])
    assert api.post("/clusters?dry_run=true", {"name": "new"}).json()["machines"] is None


# wishes that contradict


def test_scaled_while_it_is_upgraded_both_are_wanted(api: Api, shop: str) -> None:
    upgrade(api, "1.38.0")
    judge(api, shop, Phase.PROGRESSING, 2)
    assert api.patch(GROUP, {"spec": {"replicas": 4}}).status_code == 200
    assert api.get("/clusters/shop").json()["spec"]["kubernetes_version"] == "1.38.0"


def test_deleted_while_it_is_upgraded_it_goes_and_is_not_changed_any_more(api: Api, shop: str) -> None:
    upgrade(api, "1.38.0")
    assert api.delete("/clusters/shop").status_code == 202
    assert upgrade(api, "1.37.2").status_code == 409
    told = api.get("/clusters/shop/upgrades").json()["upgrades"]
    assert {"Deleting"} <= {o["reason"] for u in told for o in u["obstacles"]}


def test_what_a_stop_ends_for_good_is_told_beforehand(api: Api, shop: str) -> None:
    bare = ClusterObstacle("Pod shop/by-hand", "a stop", "PodWithoutController", "nobody", "do", False, of_stop=True)
    seen = Status(Phase.READY, 1, machines=MachineCount(3, 3), survey=Survey(datetime.now(UTC), (bare,)))
    with held(api, shop, seen):
        pass
    notes = api.patch("/clusters/shop?dry_run=true", {"spec": {"running": False}}).json()["notes"]
    assert [(note["message"], note["responsible"], note["remedy"]) for note in notes] == [
        ("Pod shop/by-hand: nobody", "user", "do")
    ]
    assert api.patch("/clusters/shop?dry_run=true", {"spec": {"protected": True}}).json()["notes"] == []
    assert not [n for u in api.get("/clusters/shop/upgrades").json()["upgrades"] for n in u["notes"]]


def test_stopped_while_it_is_scaled_both_are_wanted(api: Api, shop: str) -> None:
    assert api.patch(GROUP, {"spec": {"replicas": 5}}).status_code == 200
    judge(api, shop, Phase.PROGRESSING, 3)
    assert api.patch("/clusters/shop", {"spec": {"running": False}}).status_code == 200
    assert (replicas(api), api.get("/clusters/shop").json()["spec"]["running"]) == (5, False)


def test_a_stopped_cluster_is_not_upgraded(api: Api, shop: str) -> None:
    api.patch("/clusters/shop", {"spec": {"running": False}})
    assert "start it first: navarch cluster start shop" in errors(upgrade(api, "1.38.0"))["spec.kubernetes_version"]
    both = api.patch("/clusters/shop", {"spec": {"running": True, "kubernetes_version": "1.38.0"}})
    assert both.status_code == 200, "nothing was stopped yet"


def test_of_two_changes_at_once_the_second_sees_the_first(api: Api, shop: str) -> None:
    tag = api.get("/clusters/shop").headers["ETag"]
    assert upgrade(api, "1.38.0", headers={"If-Match": tag}).status_code == 200
    assert upgrade(api, "1.37.2", headers={"If-Match": tag}).status_code == 412
    api.store.write_offer(replace(OFFER, releases=(*NEWER, replace(NEWER[0], kubernetes_version="1.38.5"))))
    told = errors(upgrade(api, "1.38.5"))["spec.kubernetes_version"]
    assert "a rollout is under way: 3 machines are still of another version" in told
    merged = api.patch("/clusters/shop", {"spec": {"soak_seconds": 60}})
    assert (merged.status_code, merged.json()["spec"]["kubernetes_version"]) == (200, "1.38.0")


def test_a_group_that_is_being_deleted_is_not_changed(api: Api, shop: str) -> None:
    api.delete(GROUP)
    assert api.patch(GROUP, {"spec": {"replicas": 1}}).status_code == 409
    assert api.delete("/clusters/shop/machines/shop-default-1").status_code == 409
    assert upgrade(api, "1.38.0").status_code == 200, "the others follow"


# chosen machines


def test_a_chosen_machine_goes_and_its_group_is_one_smaller(api: Api, shop: str) -> None:
    path = "/clusters/shop/machines/shop-default-1"
    gone = api.delete(path)
    assert (gone.status_code, gone.json()["removing"], gone.json()["departure"]) == (202, True, "person")
    assert (replicas(api), machines(api)["shop-default-2"]["removing"]) == (1, False)
    assert api.delete(path).json()["removing_at"] == gone.json()["removing_at"]
    assert replicas(api) == 1, "asked again it changes nothing"
    assert api.delete(f"{path}?keep_size=true").status_code == 409, "none takes its place"
    (event,) = [
        e for e in api.get("/clusters/shop/events").json()["events"] if e["reason"] == "MachineDeletionRequested"
    ]
    assert event["message"].startswith("ann asked to delete machine shop-default-1, node group default with 1")


def test_with_keep_size_another_takes_its_place(api: Api, shop: str) -> None:
    path = "/clusters/shop/machines/shop-default-1?keep_size=true"
    for _ in range(2):
        asked = api.delete(path).json()
        assert (asked["removing"], asked["departure"]) == (False, "person"), "not before the other is there"
    assert replicas(api) == 2
    assert len([e for e in api.get("/clusters/shop/events").json()["events"] if e["reason"].startswith("Machine")]) == 1
    assert api.delete("/clusters/shop/machines/shop-default-1").json()["removing"], "it is enough that it goes"
    assert replicas(api) == 1


def test_a_machine_of_the_control_plane_is_only_replaced(api: Api, shop: str) -> None:
    path = "/clusters/shop/machines/shop-cp-0"
    assert "control_plane.replicas" in errors(api.delete(path))["query.keep_size"]
    assert api.delete(f"{path}?keep_size=true", headers={"If-Match": '"7"'}).status_code == 412
    asked = api.delete(f"{path}?keep_size=true", headers={"If-Match": '"1"'})
    assert (asked.status_code, asked.json()["departure"], asked.json()["removing"]) == (202, "person", False)


def test_the_end_of_a_machine_is_guarded_by_the_generation_of_its_group(api: Api, shop: str) -> None:
    api.patch(GROUP, {"spec": {"replicas": 3}})
    path = "/clusters/shop/machines/shop-default-1"
    assert api.delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert api.delete(path, headers={"If-Match": '"2"'}).status_code == 202
    assert (replicas(api), api.get(GROUP).headers["ETag"]) == (2, '"3"')


def test_the_end_of_a_machine_is_tried(api: Api, shop: str) -> None:
    path = "/clusters/shop/machines/shop-default-1?dry_run=true"
    told = api.delete(path).json()["machines"]
    assert (told["removed"], told["drained"], told["replaced"]) == (["shop-default-1"], ["shop-default-1"], [])
    api.store.write_quota("alpha", plenty(cores=1000))
    plan = api.delete(f"{path}&keep_size=true").json()
    assert (plan["machines"]["replaced"], plan["machines"]["removed"]) == (["shop-default-1"], [])
    assert (plan["fits"], [n["resource"] for n in plan["needs"] if n["short"]]) == (False, ["cores"])
    assert not any(m["departure"] for m in machines(api).values())
    assert set(errors(api.delete("/clusters/shop/machines/shop-default-1?keep_size=true"))) == {"quota.cores"}


def test_a_machine_that_leaves_for_another_reason_is_not_counted_twice(api: Api, shop: str) -> None:
    with held(api, shop) as token:
        api.store.release_machine(shop, token, "shop-default-1", Departure.ROLLOUT, datetime.now(UTC), generation=1)
    path = "/clusters/shop/machines/shop-default-1"
    assert api.delete(f"{path}?keep_size=true").json()["departure"] == "rollout"
    refused = api.delete(path)
    assert (refused.status_code, replicas(api)) == (409, 2)
    assert "another takes its place" in refused.json()["detail"]


def test_a_machine_that_is_kept_for_a_look_goes_and_its_group_stays_as_it_is(api: Api, shop: str) -> None:
    with held(api, shop) as token:
        api.store.keep_machine(shop, token, "shop-default-1", datetime.now(UTC))
    assert {name for name, machine in machines(api).items() if machine["kept_at"]} == {"shop-default-1"}
    assert api.delete("/clusters/shop/machines/shop-default-1").json()["removing"]
    assert replicas(api) == 2


def test_what_is_not_there_or_goes_anyway_is_not_asked_for(api: Api, shop: str) -> None:
    assert api.delete("/clusters/shop/machines/none").status_code == 404
    assert api.delete("/clusters/shop/machines/shop-cp-0?keep_size=perhaps").status_code == 400
    api.delete("/clusters/shop")
    assert api.delete("/clusters/shop/machines/shop-default-1").status_code == 409


def test_a_protected_cluster_is_not_deleted_until_it_is_protected_no_more(api: Api, shop: str) -> None:
    plan = api.patch("/clusters/shop?dry_run=true", {"spec": {"protected": True}}).json()
    assert plan["changes"] == [{"field": "spec.protected", "before": False, "after": True}]
    assert api.patch("/clusters/shop", {"spec": {"protected": True}}).json()["spec"]["protected"]
    refused = api.delete("/clusters/shop")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:navarch:problem:protected")
    assert "--no-protected" in errors(refused)["spec.protected"]
    assert api.get("/clusters/shop").json()["deletion_requested_at"] is None
    assert api.delete(GROUP).status_code == 202, "only the cluster is protected"
    api.patch("/clusters/shop", {"spec": {"protected": None}})
    assert api.delete("/clusters/shop").status_code == 202
    assert api.delete("/clusters/shop").status_code == 202, "asking again changes nothing"


def test_protection_that_comes_while_a_deletion_is_asked_for_holds(
    api: Api, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = api.store.request_deletion

    def a_moment_later(*args: Any, **options: Any) -> Any:
        api.patch("/clusters/shop", {"spec": {"protected": True}})
        return ask(*args, **options)

    monkeypatch.setattr(api.store, "request_deletion", a_moment_later)
    assert api.delete("/clusters/shop").status_code == 409
    assert api.get("/clusters/shop").json()["deletion_requested_at"] is None


NIGHTS = {"start": "03:00", "hours": 4, "days": ["sat", "sun"], "timezone": "Europe/Berlin"}


def test_automatic_upgrades_and_their_window_are_shown_planned_and_change_no_machine(api: Api, shop: str) -> None:
    patch = {"spec": {"automatic_upgrades": True, "maintenance": NIGHTS}}
    plan = api.patch("/clusters/shop?dry_run=true", patch).json()
    assert {c["field"]: c["after"] for c in plan["changes"]} == {
        "spec.automatic_upgrades": True, "spec.maintenance": NIGHTS,
    }  # fmt: skip
    assert plan["machines"]["replaced"] == []
    assert api.patch("/clusters/shop", patch).json()["spec"]["maintenance"] == NIGHTS
    opening = Opening(datetime(2026, 12, 5, 2, tzinfo=UTC), datetime(2026, 12, 5, 6, tzinfo=UTC))
    with held(api, shop, Status(Phase.READY, 2, maintenance=opening)):
        pass
    shown = api.get("/clusters/shop").json()["status"]["maintenance"]
    assert shown == {"start": "2026-12-05T02:00:00Z", "end": "2026-12-05T06:00:00Z"}


def test_who_names_the_version_that_navarch_chose_has_it_go_on_now(api: Api, shop: str) -> None:
    chosen = api.store.cluster(shop, project_id=None).cluster
    spec = replace(chosen.spec, kubernetes_version="1.38.0", release=NEWER[0], automatic_since=chosen.created_at)
    api.store.change_cluster(replace(chosen, spec=spec), generation=1)
    assert api.patch("/clusters/shop", {"spec": {"soak_seconds": 3}}).status_code == 200
    assert api.store.cluster(shop, project_id=None).cluster.spec.automatic_since is not None
    assert upgrade(api, "1.38.0").status_code == 200
    assert api.store.cluster(shop, project_id=None).cluster.spec.automatic_since is None
    assert "asked for what waits for its maintenance window" in api.store.events(shop)[-1].event.message
