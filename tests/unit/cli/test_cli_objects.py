"""What a cluster has in its cloud, on the command line; and what a plan costs."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.cli.cli_service import Answer, Ran, Service

Run = Callable[..., Ran]
Make = Callable[..., dict[str, Any]]
ID = "0d5a2f0e-0000-4000-8000-000000000001"


def thing(kind: str, id_: str, purpose: str | None = None, of: str = "", **more: Any) -> dict[str, Any]:
    return {
        "kind": kind, "id": id_, "name": f"name-of-{id_}", "made_by": "csi" if kind == "volume" else "navarch",
        "purpose": purpose, "of": of, "zone": "", "size_gib": None, "address": "", "state": "", "keepable": False,
        "at_deletion": "deleted",
    } | more  # fmt: skip


VOLUME = thing("volume", "v1", "PersistentVolumeClaim", "shop/data", size_gib=8, keepable=True)
BALANCER = thing("load balancer", "b1", "Service", "shop/web", address="10.0.0.9")
SERVERS = [thing("server", "s1"), thing("server", "s2")]
FOUND = {"objects": [VOLUME, BALANCER, *SERVERS], "seen_at": "2026-03-01T12:59:00Z", "unread": [], "left_out": 0}


@pytest.fixture
def shop(service: Service, cluster: Make) -> dict[str, Any]:
    found = cluster()
    for reference in ("shop", ID):
        service.on("GET", f"/clusters/{reference}", Answer(200, found))
        service.on("GET", f"/clusters/{reference}/objects", Answer(200, FOUND))
    return found


def test_objects_are_listed_with_what_they_are_for(navarch: Run, shop: Any) -> None:
    ran = navarch("cluster", "objects", "shop")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert "claim shop/data" in lines[1]
    assert "8 GiB" in lines[1]
    assert "Service shop/web" in lines[2]
    assert "Seen" in ran.err
    assert len(lines) == 5


def test_a_dry_run_of_a_deletion_deletes_nothing_and_says_what_would_go(
    navarch: Run, service: Service, shop: Any
) -> None:
    plan = FOUND | {"name": "shop", "keep_volumes": False}
    service.on("DELETE", f"/clusters/{ID}", Answer(200, plan))
    ran = navarch("cluster", "delete", "shop", "--dry-run")
    assert ran.code == 0
    assert "Would be deleted: 1 volume, 1 load balancer, 2 servers." in ran.out
    assert "--keep-volumes leaves them" in ran.out
    assert "Nothing was done." in ran.out
    assert [r.query for r in service.sent("DELETE")] == [[("dry_run", "true")]]


def test_what_is_kept_is_said_to_be(navarch: Run, service: Service, shop: Any) -> None:
    objects = [VOLUME | {"at_deletion": "kept"}, BALANCER]
    plan = FOUND | {"objects": objects, "name": "shop", "keep_volumes": True, "unread": ["snapshot"]}
    service.on("DELETE", f"/clusters/{ID}", Answer(200, plan))
    ran = navarch("cluster", "delete", "shop", "--dry-run", "--keep-volumes")
    assert "Would be kept: 1 volume; they go on counting." in ran.out
    assert "--keep-volumes leaves them" not in ran.out
    assert "Not read then, and shown as seen before: snapshot." in ran.err
    assert service.sent("DELETE")[0].query == [("dry_run", "true"), ("keep", "volumes")]


def test_who_is_asked_before_a_deletion_sees_balancers_and_volumes_one_by_one(
    navarch: Run, service: Service, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "shopp")
    service.on("DELETE", f"/clusters/{ID}", Answer(200, FOUND | {"name": "shop", "keep_volumes": False}))
    ran = navarch("cluster", "delete", "shop")
    assert (ran.code, "that is not its name" in ran.err) == (1, True)
    assert "deleted: the volume of claim shop/data (8 GiB)" in ran.err
    assert "deleted: the load balancer of Service shop/web (10.0.0.9)" in ran.err
    assert all(("dry_run", "true") in r.query for r in service.sent("DELETE"))


def test_show_has_what_services_and_claims_have(navarch: Run, shop: Any) -> None:
    out = navarch("cluster", "show", "shop").out
    assert "claim shop/data" in out
    assert "Service shop/web" in out
    assert "s1" not in out


def test_a_service_of_the_version_before_is_shown_without(navarch: Run, service: Service, cluster: Make) -> None:
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    assert navarch("cluster", "show", "shop").code == 0


def test_a_plan_says_what_it_costs_and_what_has_no_price(navarch: Run, service: Service) -> None:
    price = {
        "currency": "EUR", "monthly": "123.40", "hourly": "0.1690", "monthly_before": None, "lines": [],
        "unpriced": ["flavor m9.huge"],
    }  # fmt: skip
    plan = {"fits": True, "quota_known": True, "steps": [], "changes": [], "needs": [], "machines": None}
    service.on("POST", "/clusters", Answer(200, plan | {"price": price}))
    out = navarch("cluster", "create", "shop", "--dry-run").out
    assert "It costs about 123.40 EUR a month (0.1690 an hour), while it runs." in out
    assert "Without a price, and not in it: flavor m9.huge." in out
    assert "Nothing would change" not in navarch("cluster", "create", "shop", "--dry-run", "-o", "json").out
    service.on("POST", "/clusters", Answer(200, plan | {"price": None}))
    assert "costs" not in navarch("cluster", "create", "shop", "--dry-run").out
