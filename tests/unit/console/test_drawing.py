"""The picture of a cluster: what stands where, and what is counted in place of being drawn."""

from typing import Any

from navarch.console.pages.cluster.drawing import MOST, drawing

CLUSTER: dict[str, Any] = {
    "id": "6d5469b9-0000", "name": "shop",
    "spec": {
        "network": {"external_network": "public", "node_cidr": "10.0.0.0/24"},
        "control_plane": {"root_volume": None},
    },
    "node_groups": [{"name": "web", "spec": {"root_volume": {"size_gib": 40}}}],
    "status": {
        "api_url": "https://198.51.100.7:6443",
        "conditions": [{"type": "InfrastructureReady", "status": "True"}],
    },
}  # fmt: skip


def machine(name: str, zone: str = "z1", **more: Any) -> Any:
    worker = not name.startswith("cp")
    return {
        "name": f"shop-6d5469b9-{name}", "role": "worker" if worker else "control-plane",
        "group": "web" if worker else "", "zone": zone, "created_at": "2026-11-30T03:00:00Z", "joined": True,
        "boot": [],
    } | more  # fmt: skip


def test_machines_stand_in_their_zones_with_their_volumes() -> None:
    drawn = drawing(CLUSTER, [machine("web-1"), machine("cp-0"), machine("web-2", "z2")])
    assert [zone.name for zone in drawn.zones] == ["z1", "z2"]
    assert [(box.name, box.volumes) for box in drawn.zones[0].boxes] == [("cp-0", ("etcd",)), ("web-1", ("root",))]
    assert (drawn.network, drawn.cidr, drawn.address, drawn.ready) == (
        "public", "10.0.0.0/24", "198.51.100.7:6443", True,
    )  # fmt: skip


def test_nothing_stands_on_another_or_outside() -> None:
    drawn = drawing(CLUSTER, [machine(f"web-{n}", f"z{n % 3}") for n in range(30)])
    width, height = drawn.box
    for zone in drawn.zones:
        assert zone.x >= 0
        assert zone.x + zone.width <= drawn.width
        assert zone.y + zone.height <= drawn.height
        places = {(box.x, box.y) for box in zone.boxes}
        assert len(places) == len(zone.boxes)
        for box in zone.boxes:
            assert zone.x <= box.x
            assert box.x + width <= zone.x + zone.width
            assert box.y + height <= zone.y + zone.height


def test_many_alike_are_counted_and_trouble_comes_first() -> None:
    broken = machine("web-99", boot=[{"state": "failed"}], joined=False)
    drawn = drawing(CLUSTER, [*(machine(f"web-{n}") for n in range(MOST + 1)), machine("cp-0"), broken])
    assert [(box.tone, box.count) for box in drawn.zones[0].boxes] == [("bad", 1), ("good", 1), ("good", MOST + 1)]


def test_what_is_not_there_yet_is_not_drawn_as_if_it_were() -> None:
    bare = CLUSTER | {"status": {"api_url": None, "conditions": []}}
    drawn = drawing(bare, [machine("web-1", removed=True)])
    assert (drawn.address, drawn.ready, drawn.zones) == ("", False, ())
