"""What a cluster has in its cloud: noted by workers, listed by the API, and before a deletion one by one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.api_fixtures import OFFER, Api, MakeApi, errors, plenty

from navarch.domain.inventory import CloudObject, Inventory, Purpose
from navarch.domain.status import Phase, Status
from navarch.store.contract import LeaseLost

pytestmark = pytest.mark.postgres

SERVER = CloudObject("server", "s", "shop-cp-0", "navarch", zone="z1", state="ACTIVE")
BALANCER = CloudObject(
    "load balancer", "b", "kube_service_x_shop_web", "cloud-controller", Purpose.SERVICE, "shop/web",
    address="10.0.0.9", state="ACTIVE",
)  # fmt: skip
VOLUME = CloudObject(
    "volume", "v", "pvc-1", "csi", Purpose.CLAIM, "shop/data", "z1", 8, state="in-use", keepable=True
)  # fmt: skip
READY = Status(Phase.READY, 1)


def seen(*objects: CloudObject, at: datetime | None = None, unread: tuple[str, ...] = ()) -> Inventory:
    kinds = [kind for kind in ("volume", "server", "load balancer") if kind not in unread]
    found = tuple((kind, tuple(o for o in objects if o.kind == kind)) for kind in kinds)
    return Inventory(at or datetime.now(UTC), found, unread)


def note(api: Api, cluster_id: str, inventory: Inventory, status: Status = READY) -> None:
    api.store.record(cluster_id, api.claim(cluster_id).token, status, inventory=inventory, look_again_after=3600)


def told(answer: Any) -> dict[str, str]:
    """What becomes of which, by id."""
    return {o["id"]: o["at_deletion"] for o in answer.json()["objects"]}


def change_of(api: Api, cluster_id: str) -> int:
    return api.store.cluster(cluster_id, project_id=None).change


def test_balancers_and_volumes_come_first_with_what_they_are_for(api: Api) -> None:
    made = api.create()
    note(api, made["id"], seen(SERVER, BALANCER, VOLUME))
    objects = api.get("/clusters/shop/objects").json()["objects"]
    assert [(o["kind"], o["purpose"], o["of"]) for o in objects] == [
        ("volume", "PersistentVolumeClaim", "shop/data"),
        ("load balancer", "Service", "shop/web"),
        ("server", None, ""),
    ]
    assert (objects[0]["size_gib"], objects[1]["address"], objects[2]["size_gib"]) == (8, "10.0.0.9", None)


def test_a_dry_run_says_of_each_object_whether_it_goes(api: Api) -> None:
    made = api.create()
    note(api, made["id"], seen(SERVER, BALANCER, VOLUME))
    everything = dict.fromkeys("sbv", "deleted")
    assert told(api.delete("/clusters/shop?dry_run=true")) == everything
    assert told(api.delete("/clusters/shop?dry_run=true&keep=volumes")) == everything | {"v": "kept"}
    assert told(api.get("/clusters/shop/objects")) == everything
    assert api.get("/clusters/shop").json()["deletion_requested_at"] is None
    api.delete("/clusters/shop?keep=volumes")
    assert told(api.get(f"/clusters/{made['id']}/objects")) == everything | {"v": "kept"}
    # What was asked first holds, and is told.
    assert told(api.delete(f"/clusters/{made['id']}?dry_run=true")) == everything | {"v": "kept"}


def test_a_dry_run_refuses_what_a_deletion_would(api: Api) -> None:
    made = api.create(protected=True)
    answer = api.delete("/clusters/shop?dry_run=true")
    assert (answer.status_code, errors(answer)) == (409, errors(api.delete("/clusters/shop")))
    stale = {"If-Match": f'"{made["generation"] + 1}"'}
    assert api.delete("/clusters/shop?dry_run=true", headers=stale).status_code == 412
    assert api.as_("rob").delete("/clusters/shop?dry_run=true").status_code == 403


def test_what_nobody_has_looked_at_is_not_called_empty(api: Api) -> None:
    api.create()
    answer = api.get("/clusters/shop/objects").json()
    assert (answer["objects"], answer["seen_at"]) == ([], None)
    assert {"volume", "load balancer"} <= set(answer["unread"])


def test_a_kind_that_could_not_be_read_is_shown_as_it_was_and_named(api: Api) -> None:
    made = api.create()
    note(api, made["id"], seen(SERVER, VOLUME))
    later = datetime.now(UTC) + timedelta(seconds=1)
    note(api, made["id"], seen(replace(SERVER, state="ERROR"), at=later, unread=("volume",)))
    answer = api.get("/clusters/shop/objects").json()
    assert answer["unread"] == ["volume"]
    assert {o["id"]: o["state"] for o in answer["objects"]} == {"v": "in-use", "s": "ERROR"}
    note(api, made["id"], seen(SERVER, at=later))
    answer = api.get("/clusters/shop/objects").json()
    assert (answer["unread"], [o["id"] for o in answer["objects"]]) == ([], ["s"])


def test_who_watches_is_told_of_new_objects_and_not_of_each_look(api: Api) -> None:
    made = api.create()
    note(api, made["id"], seen(SERVER))
    before = change_of(api, made["id"])
    note(api, made["id"], seen(SERVER))
    assert change_of(api, made["id"]) == before
    note(api, made["id"], seen(SERVER, VOLUME))
    assert change_of(api, made["id"]) > before


def test_a_worker_that_lost_the_cluster_notes_nothing(api: Api) -> None:
    made = api.create()
    note(api, made["id"], seen(SERVER))
    with pytest.raises(LeaseLost):
        api.store.record(made["id"], 0, READY, inventory=seen(VOLUME), look_again_after=3600)
    assert set(told(api.get("/clusters/shop/objects"))) == {"s"}


@contextmanager
def a_worker(api: Api, cluster_id: str, inventory: Inventory) -> Iterator[None]:
    """One that looks at the cluster once it is asked to."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.02):
            claim = api.store.claim("w", lease=60)
            if claim is not None:
                assert claim.stirred
                now = replace(inventory, seen_at=datetime.now(UTC))
                api.store.record(cluster_id, claim.token, READY, inventory=now, look_again_after=3600)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_dry_run_has_a_worker_look_where_the_last_look_is_old(make_api: MakeApi) -> None:
    api = make_api(quota_wait=30.0)
    api.store.write_quota("alpha", plenty())
    made = _offered(api).create()
    note(api, made["id"], seen(SERVER, at=datetime.now(UTC) - timedelta(minutes=2)))
    with a_worker(api, made["id"], seen(SERVER, VOLUME)):
        assert set(told(api.delete("/clusters/shop?dry_run=true"))) == {"s", "v"}
    # What was seen just now is not asked for again: there is no worker any more.
    assert set(told(api.delete("/clusters/shop?dry_run=true"))) == {"s", "v"}


def test_where_no_worker_looks_in_time_the_last_picture_is_told_with_its_time(make_api: MakeApi) -> None:
    api = make_api(quota_wait=0.3)
    made = _offered(api).create()
    old = datetime.now(UTC) - timedelta(hours=2)
    note(api, made["id"], seen(SERVER, at=old))
    answer = api.delete("/clusters/shop?dry_run=true").json()
    assert (datetime.fromisoformat(answer["seen_at"]), [o["id"] for o in answer["objects"]]) == (old, ["s"])


def _offered(api: Api) -> Api:

    api.store.write_offer(OFFER)
    return api
