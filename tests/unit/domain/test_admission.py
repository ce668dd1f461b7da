"""What a request for a cluster must satisfy, and what is filled in."""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from navarch.bootstrap.kubelet import identity_files
from navarch.bootstrap.pki import make_cluster_secrets
from navarch.bootstrap.user_data import user_data
from navarch.domain import names
from navarch.domain.admission import LIMITS, consider_cluster
from navarch.domain.calendar import MaintenanceWindow, Schedule
from navarch.domain.drafts import new_cluster
from navarch.domain.needs import compare, needs_of, shortages
from navarch.domain.offer import Allowance, ExternalNetwork, Flavor, Offer, Quota, Release, VolumeType
from navarch.domain.spec import Cluster, VolumeSpec
from navarch.domain.syntax import GROUP_NAME_LENGTH, NAME_LENGTH, wrong_name

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OFFER = Offer(
    flavors=(
        Flavor("f4", "m1.medium", 2, 4096, 20),
        Flavor("f1", "m1.tiny", 1, 512, 20),
        Flavor("f5", "diskless", 2, 2048, 1),
        Flavor("f3", "c1.small", 2, 2048, 20),
        Flavor("f2", "m1.small", 1, 2048, 20),
    ),
    zones=("z1", "z2", "z3"),
    volume_types=(VolumeType("hdd", ("z1",)), VolumeType("ssd", ("z1", "z2", "z3"))),
    external_networks=(ExternalNetwork("n1", "public", ("198.51.100.0/24",)),),
    releases=(
        Release("1.9.12", "i0", "old", "b0", (), 4),
        Release("1.37.2", "i2", "new", "b2", (), 4),
        Release("1.36.10", "i1", "mid", "b1", (), 4),
    ),
)


def draft(name: str | None = "shop", **spec: Any) -> Cluster:
    return new_cluster(
        {"name": name, "spec": spec},
        id_="3f2a91bc-5d1e-4f7a-9a39-000000000000",
        project_id="alpha",
        at=NOW,
        created_by="ann",
        request_id="req-1",
    )


def admitted(offer: Offer = OFFER, **asked: Any) -> Cluster:
    cluster, errors = consider_cluster(draft(**asked), offer)
    assert errors == ()
    return cluster


def refused(offer: Offer = OFFER, quota: Quota | None = None, **asked: Any) -> dict[str, str]:
    """Field and detail of all that is wrong, the quotas among it, as the service puts them together."""
    cluster, errors = consider_cluster(draft(**asked), offer)
    return {e.field: e.detail for e in (*errors, *shortages(compare(needs_of(cluster, offer), quota)))}


def group(**fields: Any) -> dict[str, Any]:
    return {"node_groups": [{"name": "web"} | fields]}


def test_a_name_alone_gives_the_smallest_that_fits_of_the_newest() -> None:
    cluster = admitted()
    spec = cluster.spec
    assert spec.kubernetes_version == "1.37.2"
    assert (spec.control_plane.flavor, spec.control_plane.replicas, spec.control_plane.zones) == (
        "c1.small",
        1,
        ("z1",),
    )
    assert spec.control_plane.etcd_volume == VolumeSpec("ssd", 10)
    assert spec.network.external_network == "public"
    assert [(g.name, g.spec.flavor, g.spec.replicas, g.spec.zones) for g in cluster.node_groups] == [
        ("default", "m1.small", 2, ("z1",))
    ]
    assert (cluster.created_by, cluster.request_id, cluster.project_id) == ("ann", "req-1", "alpha")


def test_three_control_plane_machines_are_spread_over_all_zones() -> None:
    assert admitted(control_plane={"replicas": 3}).spec.control_plane.zones == ("z1", "z2", "z3")


def test_no_node_groups_may_be_asked_for() -> None:
    assert admitted(node_groups=()).node_groups == ()


def test_ids_are_as_good_as_names_and_the_wish_has_the_name() -> None:
    cluster = admitted(
        control_plane={"flavor": "f4"},
        network={"external_network": "n1"},
        **group(flavor="f2"),
    )
    assert cluster.spec.control_plane.flavor == "m1.medium"
    assert cluster.spec.network.external_network == "public"
    assert cluster.node_groups[0].spec.flavor == "m1.small"


def test_of_networks_with_one_name_the_id_tells_which() -> None:
    twice = replace(OFFER, external_networks=(*OFFER.external_networks, ExternalNetwork("n2", "public", ())))
    assert admitted(twice, network={"external_network": "n2"}).spec.network.external_network == "n2"


@pytest.mark.parametrize("name", ["", "Shop", "-a", "a-", "a.b", "a_b", "x" * 41, "ä", "a\n"])
def test_names_must_be_labels(name: str) -> None:
    assert set(refused(name=name)) == {"name"}


@pytest.mark.parametrize("name", ["a", "9", "a-b", "x" * 40])
def test_labels_are_names(name: str) -> None:
    assert admitted(name=name).name == name


@pytest.mark.parametrize("replicas", [-1, 0, 2, 4, 7, 10**17])
def test_etcd_has_an_odd_number_of_members(replicas: int) -> None:
    assert set(refused(control_plane={"replicas": replicas})) == {"spec.control_plane.replicas"}


def test_a_version_not_offered_says_which_are() -> None:
    assert refused(kubernetes_version="1.30.0") == {
        "spec.kubernetes_version": "'1.30.0' is not offered; offered: 1.37.2, 1.36.10, 1.9.12"
    }


@pytest.mark.parametrize("flavor", ["m1.tiny", "m1.small", "diskless", "m9.huge"])
def test_a_control_plane_needs_room(flavor: str) -> None:
    found = refused(control_plane={"flavor": flavor})
    assert set(found) == {"spec.control_plane.flavor"}
    assert "c1.small, m1.medium" in found["spec.control_plane.flavor"]


def test_a_worker_needs_less() -> None:
    assert set(refused(**group(flavor="m1.tiny"))) == {"spec.node_groups[0].flavor"}
    assert admitted(**group(flavor="m1.small")).node_groups[0].spec.flavor == "m1.small"


def test_zones_must_exist_and_be_listed_once() -> None:
    found = refused(control_plane={"zones": ("z1", "z9")}, **group(zones=("z2", "z2")))
    assert set(found) == {"spec.control_plane.zones[1]", "spec.node_groups[0].zones[1]"}
    assert "z1, z2, z3" in found["spec.control_plane.zones[1]"]


def test_the_etcd_volumes_type_must_exist_where_the_control_plane_is() -> None:
    hdd = {"type": "hdd", "size_gib": 10}
    assert admitted(control_plane={"etcd_volume": hdd}).spec.control_plane.etcd_volume.type == "hdd"
    found = refused(control_plane={"replicas": 3, "etcd_volume": hdd})
    assert found == {"spec.control_plane.etcd_volume.type": "'hdd' does not exist in zone z2, z3"}
    found = refused(control_plane={"etcd_volume": {"type": "tape", "size_gib": -1}})
    assert set(found) == {"spec.control_plane.etcd_volume.type", "spec.control_plane.etcd_volume.size_gib"}


def test_a_cluster_is_not_named_like_the_id_of_another() -> None:
    assert "form of an id" in refused(name="3f2a91bc-5d1e-4f7a-9a39-000000000000")["name"]
    assert admitted(name="3f2a91bc-5d1e-4f7a-9a39-00000000000g").name


def test_of_far_too_many_zones_and_taints_only_the_first_are_judged() -> None:
    wrong = refused(**group(zones=["z9"] * 5000, taints=[{"key": "a", "effect": "NoSchedule"}] * 15_000))
    assert wrong["spec.node_groups[0].zones"] == f"must be at most {LIMITS.zones}, got 5000"
    assert wrong["spec.node_groups[0].taints"] == f"must be at most {LIMITS.taints}, got 15000"
    assert len(wrong) <= 2 + LIMITS.zones + LIMITS.taints


def test_where_there_is_no_ssd_the_first_type_in_every_zone_is_taken() -> None:
    types = (VolumeType("hdd", ("z1",)), VolumeType("ceph", ("z1", "z2", "z3")))
    offer = replace(OFFER, volume_types=types)
    assert admitted(offer, control_plane={"replicas": 3}).spec.control_plane.etcd_volume.type == "ceph"
    assert admitted(offer).spec.control_plane.etcd_volume.type == "hdd"


def test_a_cloud_that_offers_nothing_is_told_of_not_crashed_on() -> None:
    assert set(refused(Offer())) == {
        "spec.kubernetes_version", "spec.control_plane.flavor", "spec.control_plane.zones",
        "spec.control_plane.etcd_volume.type", "spec.node_groups[0].flavor", "spec.node_groups[0].zones",
        "spec.network.external_network",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("network", "field", "says"),
    [
        ({"node_cidr": "10.0.0.1/24"}, "node_cidr", "10.0.0.0/24"),
        ({"node_cidr": "10.0.0.0/255.255.255.0"}, "node_cidr", "written as 10.0.0.0/24"),
        ({"node_cidr": "10.0.0.0/0.0.0.255"}, "node_cidr", "written as 10.0.0.0/24"),
        ({"node_cidr": "10.0.0.0/024"}, "node_cidr", "written as 10.0.0.0/24"),
        ({"pod_cidr": "10.100.0.0/255.255.0.0"}, "pod_cidr", "written as 10.100.0.0/16"),
        ({"service_cidr": "10.200.0.0/255.255.0.0"}, "service_cidr", "written as 10.200.0.0/16"),
        ({"node_cidr": "ten"}, "node_cidr", "not a range"),
        ({"node_cidr": "10.0.0.0"}, "node_cidr", "no prefix"),
        ({"node_cidr": "10.0.0.0/28"}, "node_cidr", "/27"),
        ({"node_cidr": "10.0.0.0/8"}, "node_cidr", "/16"),
        ({"node_cidr": "fd00::/64"}, "node_cidr", "IPv6"),
        ({"node_cidr": "198.51.100.128/25"}, "node_cidr", "external network public"),
        ({"node_cidr": "169.254.0.0/24"}, "node_cidr", "reserved"),
        ({"node_cidr": "127.0.0.0/24"}, "node_cidr", "reserved"),
        ({"pod_cidr": "10.0.0.0/16"}, "pod_cidr", "overlaps node_cidr"),
        ({"pod_cidr": "10.1.0.0/25"}, "pod_cidr", "/24"),
        ({"pod_cidr": "10.1.0.0/23"}, "pod_cidr", "for 2 nodes"),
        ({"service_cidr": "10.100.4.0/24"}, "service_cidr", "overlaps pod_cidr"),
        ({"service_cidr": "10.200.0.0/25"}, "service_cidr", "/24"),
        ({"service_cidr": "20.0.0.0/9"}, "service_cidr", "/12"),
        ({"subnet_id": "x"}, "subnet_id", "not offered yet"),
        ({"public_api": False}, "public_api", "not offered yet"),
        ({"external_network": "none"}, "external_network", "public"),
        ({"dns_servers": ("8.8.8",)}, "dns_servers[0]", "not an IP address"),
        ({"dns_servers": ("8.8.8.8",) * 6}, "dns_servers", "at most 5"),
        ({"dns_servers": ("8.8.8.8", "127.0.0.53")}, "dns_servers[1]", "no address at which"),
        ({"dns_servers": ("0.0.0.0",)}, "dns_servers[0]", "no address at which"),
        ({"dns_servers": ("2001:4860:4860::8888",)}, "dns_servers[0]", "IPv6"),
        ({"api_allowed_cidrs": ("198.51.100.0/255.255.255.0",)}, "api_allowed_cidrs[0]", "as 198.51.100.0/24"),
        ({"api_allowed_cidrs": (" 198.51.100.0/24",)}, "api_allowed_cidrs[0]", "not a range"),
        ({"api_allowed_cidrs": ("0.0.0.0/0", "1.2.3.4")}, "api_allowed_cidrs[1]", "1.2.3.4/32"),
        ({"api_allowed_cidrs": tuple(f"10.0.{n}.0/24" for n in range(51))}, "api_allowed_cidrs", "50"),
    ],
)
def test_addresses(network: dict[str, Any], field: str, says: str) -> None:
    found = refused(network=network)
    assert says in found[f"spec.network.{field}"]


def test_the_ranges_have_room_for_what_is_asked() -> None:
    assert "room for 26 machines" in refused(
        network={"node_cidr": "10.0.0.0/27"}, **group(replicas=30)
    )["spec.network.node_cidr"]  # fmt: skip
    assert admitted(network={"node_cidr": "10.0.0.0/27"}, **group(replicas=20))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "cp"}, "name"),
        ({"name": "x" * 21}, "name"),
        ({"name": "Web"}, "name"),
        ({"replicas": -1}, "replicas"),
        ({"replicas": 101}, "replicas"),
        ({"max_surge": 0}, "max_surge"),
        ({"max_surge": 11}, "max_surge"),
        ({"max_unavailable": -1}, "max_unavailable"),
        ({"max_surge": "101%"}, "max_surge"),
        ({"max_surge": "many"}, "max_surge"),
        ({"max_surge": "0%", "max_unavailable": "25%", "replicas": 3}, "max_surge"),  # a quarter of 3 is none
        ({"drain_timeout_seconds": -1}, "drain_timeout_seconds"),
        ({"repair_after_seconds": 59}, "repair_after_seconds"),
        ({"repair_conditions": ["Ready"]}, "repair_conditions[0]"),
        ({"repair_conditions": ["KernelDeadlock", "a b"]}, "repair_conditions[1]"),
        ({"repair_conditions": ["A", "A"]}, "repair_conditions[1]"),
        ({"repair_conditions": [f"C{n}" for n in range(11)]}, "repair_conditions"),
        ({"max_unhealthy": "-1%"}, "max_unhealthy"),
        ({"max_unhealthy": 101}, "max_unhealthy"),
        ({"keep_failed_machines": {"count": 11}}, "keep_failed_machines.count"),
        ({"keep_failed_machines": {"hours": 0}}, "keep_failed_machines.hours"),
        ({"autoscaling": {"max": 3, "spare": {"replicas": 1}}}, "autoscaling.spare"),
        ({"autoscaling": {"max": 3, "spare": {"replicas": 101, "memory_mib": 1}}}, "autoscaling.spare.replicas"),
        ({"autoscaling": {"max": 3, "spare": {"cpu_millicores": -1}}}, "autoscaling.spare.cpu_millicores"),
        (
            {"autoscaling": {"max": 3, "spare": {"replicas": 1, "cpu_millicores": 901}}},
            "autoscaling.spare.cpu_millicores",
        ),
        ({"autoscaling": {"max": 3, "spare": {"replicas": 1, "memory_mib": 2048}}}, "autoscaling.spare.memory_mib"),
        ({"root_volume": {"type": "hdd"}, "zones": ["z2"]}, "root_volume.type"),
        ({"root_volume": {"size_gib": 3}}, "root_volume.size_gib"),  # the node image needs 4
        ({"root_volume": {"size_gib": 1001}}, "root_volume.size_gib"),
        ({"kubernetes_version": "1.35.0"}, "kubernetes_version"),
        ({"kubernetes_version": "1.9.12"}, "kubernetes_version"),  # 28 minor versions behind
        ({"labels": {"a b": "c"}}, "labels"),
        ({"labels": {"a": "b c"}}, "labels"),
        ({"labels": {"node-role.kubernetes.io/x": ""}}, "labels"),
        ({"labels": {"app.kubernetes.io/part-of": "x"}}, "labels"),
        ({"labels": {"node.kubernetes.io/instance-type": "x"}}, "labels"),
        ({"labels": {"k8s.io/x": ""}}, "labels"),
        ({"labels": {"component.navarch.io/calico": "v1"}}, "labels"),
        ({"labels": {f"k{n}": "" for n in range(33)}}, "labels"),
        ({"taints": ({"key": "k", "effect": "Never"},)}, "taints[0].effect"),
        ({"taints": ({"key": "", "effect": "NoSchedule"},)}, "taints[0].key"),
        ({"taints": ({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},)}, "taints[0].key"),
        ({"taints": ({"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"},)}, "taints[0].key"),
        (
            {"taints": ({"key": "node.cloudprovider.kubernetes.io/uninitialized", "effect": "NoSchedule"},)},
            "taints[0].key",
        ),
        ({"taints": ({"key": "k", "effect": "NoSchedule", "value": "a b"},)}, "taints[0].value"),
        (
            {"taints": ({"key": "k", "effect": "NoSchedule"}, {"key": "k", "effect": "NoSchedule", "value": "v"})},
            "taints[1]",
        ),
    ],
)
def test_node_groups(fields: dict[str, Any], field: str) -> None:
    assert set(refused(**group(**fields))) == {f"spec.node_groups[0].{field}"}


def test_labels_that_a_kubelet_may_set_are_the_users_to_choose() -> None:
    labels = {"node.kubernetes.io/role": "web", "example.org/team": "blue"}
    assert dict(admitted(**group(labels=labels)).node_groups[0].spec.labels) == labels


@pytest.mark.parametrize(("unavailable", "says"), [(0, "where max_unavailable is 0: no"),
    ("25%", "where max_unavailable is 25% of 3 replicas, rounded down to 0: no")])  # fmt: skip
def test_a_group_of_which_no_machine_could_be_replaced_says_why(unavailable: int | str, says: str) -> None:
    (told,) = refused(**group(replicas=3, max_surge=0, max_unavailable=unavailable)).values()
    assert says in told


def test_a_group_is_not_newer_than_its_cluster() -> None:
    found = refused(kubernetes_version="1.36.10", **group(kubernetes_version="1.37.2"))
    assert found == {"spec.node_groups[0].kubernetes_version": "must not be newer than the cluster's 1.36.10"}
    made = admitted(**group(kubernetes_version="1.36.10")).node_groups[0].spec
    assert made.release == OFFER.releases[2]


def test_what_the_project_alone_may_use_is_not_said_to_be_missing_where_that_is_not_known() -> None:
    asked: dict[str, Any] = {"control_plane": {"flavor": "gpu.large", "etcd_volume": {"type": "gold"}}}
    fields = ("spec.control_plane.flavor", "spec.control_plane.etcd_volume.type")
    known, unknown = refused(OFFER, **asked), refused(OFFER.beside(None), **asked)
    assert ["could not be read now" in known[field] for field in fields] == [False, False]
    assert ["could not be read now" in unknown[field] for field in fields] == [True, True]


NEWER = replace(OFFER, releases=(Release("1.37.2", "i3", "newer", "b3", (), 30), *OFFER.releases))


def test_an_image_is_chosen_by_its_name_or_id() -> None:
    assert admitted(NEWER, node_image="new").spec.release.image_id == "i2"
    assert admitted(NEWER, node_image="i2").spec.node_image == "new"
    assert admitted(OFFER, node_image=None).spec.node_image == "new"
    found = refused(NEWER, node_image="old")
    assert found["spec.node_image"] == "'old' is not an image of 1.37.2; there is newer, new"
    big = refused(NEWER, node_image="newer")
    assert set(big) == {"spec.control_plane.flavor", "spec.node_groups[0].flavor"}, "no flavor has 30 GiB"


def test_machines_that_start_from_a_volume_need_no_disk() -> None:
    plane = {"flavor": "diskless", "root_volume": {}}
    made = admitted(control_plane=plane, **group(flavor="diskless", root_volume={"type": "hdd", "size_gib": 8}))
    assert made.spec.control_plane.root_volume == VolumeSpec("ssd", 20)
    assert made.node_groups[0].spec.root_volume == VolumeSpec("hdd", 8)
    assert set(refused(control_plane={"flavor": "diskless"})) == {"spec.control_plane.flavor"}


def test_root_volumes_count_against_the_quota() -> None:
    few = quota(volumes=2, gigabytes=100)
    assert set(refused(quota=few, **group(root_volume={}))) == {"quota.volumes"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"soak_seconds": -1}, "soak_seconds"),
        ({"groups_at_once": 0}, "groups_at_once"),
        ({"schedule": {}}, "schedule.start schedule.stop"),
        ({"schedule": {"start": "8:00", "stop": "24:00"}}, "schedule.start schedule.stop"),
        ({"schedule": {"start": "08:00", "stop": "08:00"}}, "schedule.stop"),
        ({"schedule": {"start": "08:00", "stop": "20:00", "days": []}}, "schedule.days"),
        ({"schedule": {"start": "08:00", "stop": "20:00", "days": ["mon", "mon", "noday"]}},
         "schedule.days[1] schedule.days[2]"),
        ({"schedule": {"start": "08:00", "stop": "20:00", "timezone": "Mars/Base"}}, "schedule.timezone"),
        ({"schedule": {"start": "08:00", "stop": "20:00", "timezone": "../../etc/passwd"}}, "schedule.timezone"),
        ({"schedule": {"start": "08:00", "stop": "20:00", "timezone": "localtime"}}, "schedule.timezone"),
        ({"maintenance": {"start": "03:00", "hours": 1, "timezone": "Factory"}}, "maintenance.timezone"),
        ({"maintenance": {"start": "03:00"}}, "maintenance.hours"),
        ({"maintenance": {"start": "x", "hours": 25}}, "maintenance.start maintenance.hours"),
        ({"control_plane": {"repair_after_seconds": 1}}, "control_plane.repair_after_seconds"),
        ({"control_plane": {"root_volume": {"type": "no"}}}, "control_plane.root_volume.type"),
    ],
)  # fmt: skip
def test_how_a_cluster_lives(spec: dict[str, Any], field: str) -> None:
    assert set(refused(**spec)) == {f"spec.{one}" for one in field.split()}


def test_a_cluster_has_the_times_that_were_asked_for() -> None:
    office = {"start": "08:00", "stop": "20:00", "days": ["mon", "fri"], "timezone": "Europe/Berlin"}
    made = admitted(schedule=office, maintenance={"start": "22:00", "hours": 4}, running=False)
    assert made.spec.schedule == Schedule("08:00", "20:00", ("mon", "fri"), "Europe/Berlin")
    assert made.spec.maintenance == MaintenanceWindow("22:00", 4)
    assert (made.spec.running, made.spec.running_since) == (False, None)


def test_node_groups_have_names_of_their_own_and_a_bound_in_all() -> None:
    groups = ({"name": "a"}, {"name": "a"})
    assert set(refused(node_groups=groups)) == {"spec.node_groups[1].name"}
    many = tuple({"name": f"g{n}", "replicas": 0} for n in range(LIMITS.node_groups + 1))
    assert set(refused(node_groups=many)) == {"spec.node_groups"}
    big = tuple({"name": f"g{n}", "replicas": 60} for n in range(2))
    assert set(refused(node_groups=big)) == {"spec.node_groups"}


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJOQd3pIrZKJ2Zr8gX8yRCW4p8mZ0wYfV2mC1vJ9q7Xo me@example"


def test_ssh_keys_are_whole_public_keys() -> None:
    assert admitted(ssh_keys=(KEY, f" {KEY}\n")).spec.ssh_keys == (KEY,)
    bad = (
        KEY[:60],
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        f"{KEY}\n{KEY}",
        "ssh-rsa " + KEY.split()[1],
        "ssh-ed25519 !!",
    )
    assert set(refused(ssh_keys=bad)) == {f"spec.ssh_keys[{n}]" for n in range(len(bad))}
    assert set(refused(ssh_keys=(KEY,) * 17)) == {"spec.ssh_keys"}


def test_ssh_keys_fit_into_what_nova_hands_to_a_machine() -> None:
    long = tuple(f"{KEY} {n} {'x' * 1900}" for n in range(16))
    assert len(admitted(ssh_keys=long).spec.ssh_keys) == 16
    join = {"endpoint": "https://kaas.example.org:9443", "ca": "x" * 8000, "ticket": "t" * 64, "machine": "m" * 52}
    private = user_data(**join, ssh_keys=long)
    assert len(b64encode(private.encode())) <= 65_535
    assert "32000 characters" in refused(ssh_keys=(f"{KEY} {'x' * 32_000}",))["spec.ssh_keys"]


def test_a_resolver_that_is_named_twice_is_asked_for_once() -> None:
    assert admitted(network={"dns_servers": ("8.8.8.8", "8.8.8.8", "1.1.1.1")}).spec.network.dns_servers == (
        "8.8.8.8",
        "1.1.1.1",
    )


def test_a_node_group_that_is_larger_than_a_server_group_may_be_is_refused_beforehand() -> None:
    ten = Quota((Allowance("server_group_members", 10, 0),))
    assert refused(quota=ten, **group(replicas=9)) == {}
    told = refused(quota=ten, **group(replicas=10))["quota.server_group_members"]
    assert "11 machines in one node group" in told and "10 are allowed" in told and "several" in told
    small = [{"name": name, "replicas": 9} for name in ("a", "b", "c")]
    assert refused(quota=ten, node_groups=small) == {}, "each group has its own"


def test_every_machine_of_the_longest_names_has_a_certificate() -> None:
    longest = admitted(name="n" * NAME_LENGTH, node_groups=[{"name": "g" * GROUP_NAME_LENGTH}])
    owner, secrets = names.owner(longest), make_cluster_secrets(NOW)
    machines = [names.worker_machine(owner, "g" * GROUP_NAME_LENGTH, serial) for serial in (1, 12, 99_999)]
    machines.append(names.control_plane_machine(owner, 4))
    for machine in machines:
        assert len(machine) <= names.MACHINE_NAME_LENGTH and wrong_name(machine, 63) is None
        assert identity_files(secrets, node=machine, address="10.0.0.4", api_url="https://10.0.0.5:6443", now=NOW)
    alike = {names.worker_machine(owner, "high-memory-worker" + end, 1) for end in "abc"}
    assert len(alike) == 3, "groups whose names begin alike have machines of their own"
    assert names.worker_machine(replace(owner, stem="web-11111111"), "default", 1) == "web-11111111-default-1"


def quota(**free: int) -> Quota:
    return Quota(tuple(Allowance(name, 100, 100 - number) for name, number in free.items()))


def test_a_quota_too_small_says_which_needed_and_free() -> None:
    found = refused(quota=quota(instances=2, cores=4, ports=6, volumes=0, networks=1))
    assert set(found) == {"quota.instances", "quota.ports", "quota.volumes"}
    assert found["quota.instances"].startswith("3 needed, 2 free (limit 100, used 98)")


def test_unlimited_and_unknown_quotas_do_not_stand_in_the_way() -> None:
    assert refused(quota=Quota((Allowance("cores", -1, 5000),))) == {}


def test_quotas_of_a_volume_type_count_too() -> None:
    found = refused(quota=quota(gigabytes_ssd=5, volumes_ssd=0, volumes_hdd=0))
    assert set(found) == {"quota.gigabytes_ssd", "quota.volumes_ssd"}


def test_all_mistakes_are_told_at_once() -> None:
    found = refused(
        name="X",
        quota=quota(instances=0),
        kubernetes_version="2",
        control_plane={"replicas": 2, "flavor": "no", "zones": ("no",)},
        network={"node_cidr": "no", "external_network": "no"},
        **group(name="cp", flavor="no"),
    )
    assert len(found) == 10
