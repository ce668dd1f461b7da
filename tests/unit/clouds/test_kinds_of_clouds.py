"""Clouds that differ from the usual one: what is offered there, and that it can be had."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.contract.simulated import PASSWORD, SITE
from tests.unit.clouds.test_openstack_cloud_conf import made as configuration
from tests.unit.clouds.test_openstack_cloud_conf import read as options

from navarch.clouds.openstack import OpenStackCloud, OpenStackSettings
from navarch.clouds.openstack.offer import _storage_zone
from navarch.domain import names
from navarch.domain.admission import consider_cluster
from navarch.domain.drafts import new_cluster
from navarch.domain.errors import Conflict, Permanent
from navarch.domain.observed import KnownObject
from navarch.domain.offer import Offer
from navarch.domain.openstack import steps
from navarch.domain.openstack.resources import KEPT_AFTER_DELETION, Kind, Server, Volume
from navarch.domain.spec import Cluster, Owner, Role
from navarch.simulator.installed import install
from navarch.simulator.openstack.messages import Refused
from navarch.simulator.openstack.nova import lifecycle
from navarch.simulator.openstack.services import Services
from navarch.simulator.openstack.site import ExternalNetwork, Flavor, Image, Site, VolumeType
from navarch.simulator.openstack.timeline import Timeline
from navarch.simulator.openstack.transport import Transport

NODE = Image("5d3c0a56-6b1e-4a39-8d2a-3f5b5a3c5b10", "node", properties={"navarch_kubernetes_version": "1.37.2"})


SETTINGS = OpenStackSettings(f"{SITE.url}/identity/v3", "navarch", PASSWORD)


class Region:
    """A simulated one of that kind, and Navarch's way in."""

    def __init__(self, **differs: Any) -> None:
        site: Site = replace(SITE, images=(NODE,), **differs)
        self.timeline = Timeline()
        installed = install(self.timeline, site, PASSWORD)
        self.region = installed.region
        self.project_id = installed.let_in("alpha", "a")
        settings = replace(SETTINGS, load_balancer_provider=site.balancer_providers[0])
        self.cloud = OpenStackCloud(settings, transport=Transport(Services(self.region)), clock=self.timeline.date)
        self.offer: Offer = self.cloud.offer()

    def admitted(self, **spec: Any) -> Cluster:
        """A cluster of three zones as its customer asks for it."""
        draft = new_cluster(
            {"name": "shop", "spec": {"control_plane": {"replicas": 3}, **spec}},
            id_="3f2a91bc-5d1e-4f7a-9a39-000000000000", project_id=self.project_id,
            at=datetime(2030, 1, 1, tzinfo=UTC), created_by="ann", request_id="req-1",
        )  # fmt: skip
        flavors = tuple(replace(f, vcpus=2, ram_mib=4096) for f in self.offer.flavors)
        cluster, errors = consider_cluster(draft, replace(self.offer, flavors=flavors))
        assert errors == ()
        return cluster

    def etcd_volumes(self, cluster: Cluster) -> list[Volume]:
        """They are made, as a cluster's are."""
        owner, control_plane = names.owner(cluster), cluster.spec.control_plane
        volumes = []
        for place, zone in enumerate(control_plane.zones):
            wanted = control_plane.etcd_volume
            step = steps.EnsureVolume(f"{owner.stem}-etcd-{place}", wanted.type, wanted.size_gib, zone)
            made = self.cloud.carry_out(owner, step)
            assert isinstance(made, Volume)
            volumes.append(made)
        return volumes


def test_several_zones_of_machines_over_one_of_volumes() -> None:
    """The usual cloud with Ceph."""
    region = Region(volume_zones=("nova",), volume_types=(VolumeType("ssd"),))
    assert region.offer.storage_zone == "nova"
    assert [(t.name, t.zones) for t in region.offer.volume_types] == [("ssd", ("z1", "z2", "z3"))]
    cluster = region.admitted()
    assert cluster.spec.control_plane.zones == ("z1", "z2", "z3")
    assert {volume.zone for volume in region.etcd_volumes(cluster)} == {"nova"}


def test_one_zone_of_volumes_that_a_zone_of_machines_is_named_like() -> None:
    region = Region(zones=("nova", "z2"), volume_zones=("nova",), volume_types=(VolumeType("ssd", ("nova",)),))
    assert region.offer.storage_zone == "nova"
    assert [t.zones for t in region.offer.volume_types] == [("nova", "z2")]
    assert {volume.zone for volume in region.etcd_volumes(region.admitted())} == {"nova"}


def test_where_each_zone_has_volumes_of_its_own_they_are_made_there() -> None:
    region = Region()
    assert region.offer.storage_zone == ""
    assert [volume.zone for volume in region.etcd_volumes(region.admitted())] == ["z1", "z2", "z3"]


@pytest.mark.parametrize(
    ("machines", "volumes", "shared"),
    [
        (("z1", "z2"), {"nova": True}, "nova"),
        (("z1", "z2"), {"nova": False}, "nova"),
        (("z1",), {"nova": True}, "nova"),
        (("z1", "z2"), {"z1": True, "z2": False}, ""),
        (("nova",), {"nova": True}, ""),
        ((), {"nova": True}, ""),
        (("z1",), {}, ""),
    ],
)
def test_an_outage_of_storage_does_not_change_what_kind_of_cloud_it_is(
    machines: tuple[str, ...], volumes: dict[str, bool], shared: str
) -> None:
    assert _storage_zone(machines, volumes) == shared


def test_pods_go_anywhere_only_where_volumes_can_be_used_anywhere() -> None:
    for have_zones, ignored in ((True, "false"), (False, "true")):
        said = options(configuration(volumes_have_zones=have_zones))
        assert said["BlockStorage"]["ignore-volume-az"] == ignored


def test_a_cloud_with_no_volume_type_but_the_default() -> None:
    region = Region(volume_types=())
    assert [t.name for t in region.offer.volume_types] == ["__DEFAULT__"]
    assert len(region.etcd_volumes(region.admitted())) == 3


def test_the_default_type_is_not_offered_beside_others() -> None:
    assert [t.name for t in Region(volume_types=(VolumeType("ssd"),)).offer.volume_types] == ["ssd"]


def test_what_is_private_is_not_offered_to_all_though_navarch_sees_it() -> None:
    flavors = (Flavor("f0", "a.cheap", 1, 2048, 20, only_for=("service",)), *SITE.flavors)
    types = (VolumeType("aaa", only_for=("service",)), VolumeType("ssd"), VolumeType("gold", only_for=("alpha",)))
    offer = Region(flavors=flavors, volume_types=types).offer
    assert [f.name for f in offer.flavors] == ["m1.tiny", "m1.small"]
    assert [t.name for t in offer.volume_types] == ["ssd"]


def test_what_is_private_is_offered_to_the_project_that_has_it() -> None:
    flavors = (Flavor("f9", "gpu.large", 8, 32768, 40, only_for=("alpha",)), *SITE.flavors)
    types = (VolumeType("ssd"), VolumeType("gold", only_for=("alpha",)), VolumeType("beta-only", only_for=("beta",)))
    region = Region(flavors=flavors, volume_types=types)
    quota = region.cloud.quota(region.project_id)
    assert [f.name for f in quota.flavors] == ["gpu.large"]
    assert [t.name for t in quota.volume_types] == ["gold"]
    own = region.offer.beside(quota)
    assert own.flavor("gpu.large") is not None
    assert [t.name for t in own.volume_types] == ["ssd", "gold"]
    assert region.offer.flavor("gpu.large") is None


def test_two_external_networks_of_one_name_are_told_apart_by_their_ids() -> None:
    ids = ("4c9d5a7e-2b1f-4b6c-8d1e-000000000001", "4c9d5a7e-2b1f-4b6c-8d1e-000000000002")
    networks = (ExternalNetwork(ids[0], "public", "198.18.0.0/16"), ExternalNetwork(ids[1], "public", "198.19.0.0/16"))
    region = Region(external_networks=networks)
    chosen = region.admitted(network={"external_network": ids[1]}).spec.network
    assert (chosen.external_network, chosen.external_network_id) == (ids[1], ids[1])
    assert region.admitted().spec.network.external_network_id == ids[0]
    with pytest.raises(AssertionError, match=f"give an id, {ids[0]} or {ids[1]}"):
        region.admitted(network={"external_network": "public"})


def test_with_amphorae_alone_a_list_of_allowed_addresses_is_refused_as_it_would_keep_nobody_out() -> None:
    region = Region(balancer_providers=("amphora",))
    assert region.admitted().spec.network.api_allowed_cidrs == ()
    with pytest.raises(AssertionError, match="nobody would be kept out"):
        region.admitted(network={"api_allowed_cidrs": ("198.51.100.0/24",)})
    assert Region().admitted(network={"api_allowed_cidrs": ("198.51.100.0/24",)})


def test_a_server_group_that_is_full_is_named_with_its_limit() -> None:
    region = Region(quotas={"server_group_members": 1, "metadata_items": 128})
    owner = Owner(region.project_id, "11111111-2222-4333-8444-555555555555", "web-11111111")
    cloud = region.cloud
    group = cloud.carry_out(owner, steps.EnsureServerGroup("web-11111111-web-spread"))
    network = cloud.carry_out(owner, steps.EnsureNetwork("web-11111111-net"))
    assert group is not None and network is not None
    subnet = cloud.carry_out(owner, steps.EnsureSubnet("web-11111111-net", network.id, "10.0.0.0/24", ()))
    rules = cloud.carry_out(owner, steps.EnsureSecurityGroup("web-11111111-sg", frozenset()))
    assert subnet is not None and rules is not None
    for serial in (1, 2):
        name = f"web-11111111-web-{serial}"
        port = cloud.carry_out(owner, steps.EnsurePort(name, network.id, subnet.id, (rules.id,)))
        assert port is not None
        server = steps.CreateServer(name, Role.WORKER, "web", serial, "m1.small", NODE.id, "z1", port.id, group.id, ())
        if serial == 1:
            cloud.carry_out(owner, server, private="#cloud-config")
            continue
        with pytest.raises(Permanent, match="server_group_members is used up \\(at most 1 in one group\\)"):
            cloud.carry_out(owner, server, private="#cloud-config")
    quota = cloud.quota(region.project_id)
    members = quota.allowance("server_group_members")
    assert members is not None and members.limit == 1


@pytest.fixture
def kept() -> tuple[Region, Owner, Server]:
    """A server with its port and volume where Nova keeps what is deleted."""
    region = Region(keeps_deleted_servers=True)
    owner = Owner(region.project_id, "11111111-2222-4333-8444-555555555555", "web-11111111")
    cloud, name = region.cloud, "web-11111111-cp-0"
    network = cloud.carry_out(owner, steps.EnsureNetwork("web-11111111-net"))
    assert network is not None
    subnet = cloud.carry_out(owner, steps.EnsureSubnet("web-11111111-net", network.id, "10.0.0.0/24", ()))
    rules = cloud.carry_out(owner, steps.EnsureSecurityGroup("web-11111111-sg", frozenset()))
    group = cloud.carry_out(owner, steps.EnsureServerGroup("web-11111111-cp-spread"))
    volume = cloud.carry_out(owner, steps.EnsureVolume("web-11111111-etcd-0", "ssd", 10, "z1"))
    assert subnet is not None and rules is not None and group is not None and volume is not None
    port = cloud.carry_out(owner, steps.EnsurePort(name, network.id, subnet.id, (rules.id,)))
    assert port is not None
    region.timeline.advance(region.timeline.now + 60)
    asked = steps.CreateServer(
        name, Role.CONTROL_PLANE, "cp", 0, "m1.small", NODE.id, "z1", port.id, group.id, (volume.id,)
    )
    server = cloud.carry_out(owner, asked, private="#cloud-config")
    assert isinstance(server, Server)
    region.timeline.advance(region.timeline.now + 60)
    return region, owner, server


def removed(region: Region, owner: Owner, server: Server) -> tuple[list[Server], list[Volume]]:
    """What is seen after its removal was asked for, where the server is known."""
    region.cloud.carry_out(owner, steps.Remove(Kind.SERVER, server.id, server.name))
    region.timeline.advance(region.timeline.now + 60)
    seen = region.cloud.observe(owner, known=(KnownObject(Kind.SERVER, server.name, server.id),))
    assert seen.astray == (), "it has its mark, and is in no list all the same"
    return list(seen.of(Server)), list(seen.of(Volume))


def test_a_deleted_server_that_nova_keeps_is_seen_until_it_lets_its_port_and_volume_go(
    kept: tuple[Region, Owner, Server],
) -> None:
    (server,), (volume,) = removed(*kept)
    assert (server.status, volume.status) == (KEPT_AFTER_DELETION, "in-use")
    servers, (volume,) = removed(*kept)
    assert (servers, volume.status) == ([], "available")


def test_where_only_administrators_delete_for_good_novas_own_end_is_waited_for(
    kept: tuple[Region, Owner, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    region, owner, server = kept
    removed(region, owner, server)

    def refuse(*_: Any) -> None:
        raise Refused(403, "Policy doesn't allow os_compute_api:os-deferred-delete:force to be performed.")

    monkeypatch.setattr(lifecycle, "delete", refuse)
    with pytest.raises(Conflict, match="reclaim_instance_interval"):
        removed(region, owner, server)


def test_an_external_network_that_somebody_shares_is_not_offered_where_owners_are_named() -> None:
    region = Region()
    networks = region.region["network"]
    public = next(network for network in networks if network["router:external"])
    networks.add({**public.body, "id": "theirs", "name": "aaa", "project_id": "mallory", "subnets": []}, "mallory")

    def offered(*owners: str) -> list[str]:
        settings = replace(SETTINGS, owners=frozenset(owners))
        transport = Transport(Services(region.region))
        cloud = OpenStackCloud(settings, transport=transport, clock=region.timeline.date)
        return [network.name for network in cloud.offer().external_networks]

    assert offered() == ["aaa", public["name"]]  # nothing tells it from the operator's
    assert offered(public["project_id"]) == [public["name"]]
    assert offered("mallory") == ["aaa"]
