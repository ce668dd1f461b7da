"""A control plane of three: one machine a zone, an etcd member on a disk of its own each, one address."""

from tests.e2e.clusters import Cluster


def test_each_control_plane_machine_and_its_volume_are_in_a_zone_of_their_own(three: Cluster) -> None:
    assert three.shown()["status"]["machines"] == {"desired": 4, "ready": 4}
    name, zones = three.stem, ("z1", "z2", "z3")
    servers = {s.name: s.availability_zone for s in three.servers() if "-cp-" in s.name}
    assert servers == {f"{name}-cp-{number}": zone for number, zone in enumerate(zones)}
    volumes = {v.name: v.availability_zone for v in three.cloud.block_storage.volumes() if "etcd" in v.name}
    assert volumes == {f"{name}-etcd-{number}": zone for number, zone in enumerate(zones)}


def test_all_three_members_of_etcd_are_healthy(three: Cluster) -> None:
    etcd = three.kubectl.get("pods", "-n", "kube-system", "-l", "component=etcd")["items"]
    assert len(etcd) == 3
    members = three.kubectl.run(
        "exec", "-n", "kube-system", etcd[0]["metadata"]["name"], "--", "etcdctl",
        "--cacert=/etc/kubernetes/pki/etcd/ca.crt", "--cert=/etc/kubernetes/pki/etcd/server.crt",
        "--key=/etc/kubernetes/pki/etcd/server.key", "endpoint", "health", "--cluster",
    )  # fmt: skip
    assert members.count("is healthy") == 3, members


def test_the_api_has_one_balancer_with_three_members(three: Cluster) -> None:
    balancers = three.cloud.load_balancer
    (pool,) = balancers.pools(loadbalancer_id=three.balancer().id)
    assert len(list(balancers.members(pool.id))) == 3
