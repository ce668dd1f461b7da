"""A control plane of three: one machine a zone, an etcd member on a disk of its own each, one address."""

import pytest
from actors import Customer

pytestmark = pytest.mark.timeout(900)


def test_three_control_plane_machines_in_three_zones(alpha: Customer) -> None:
    alpha.must(
        "cluster", "create", "three", "--control-plane-replicas", "3", "--workers", "1", "--wait", "--timeout", "800"
    )
    try:
        cluster = alpha.cluster("three")
        assert cluster["status"]["machines"] == {"desired": 4, "ready": 4}
        name = f"three-{cluster['id'][:8]}"
        cloud = alpha.cloud()
        zones = {s.name: s.availability_zone for s in cloud.compute.servers() if "-cp-" in s.name}
        assert zones == {f"{name}-cp-0": "z1", f"{name}-cp-1": "z2", f"{name}-cp-2": "z3"}
        volumes = {v.name: v.availability_zone for v in cloud.block_storage.volumes() if "etcd" in v.name}
        assert volumes == {f"{name}-etcd-0": "z1", f"{name}-etcd-1": "z2", f"{name}-etcd-2": "z3"}
        kubectl = alpha.kubectl("three")
        etcd = kubectl.get("pods", "-n", "kube-system", "-l", "component=etcd")["items"]
        assert len(etcd) == 3
        members = kubectl.run(
            "exec", "-n", "kube-system", etcd[0]["metadata"]["name"], "--", "etcdctl",
            "--cacert=/etc/kubernetes/pki/etcd/ca.crt", "--cert=/etc/kubernetes/pki/etcd/server.crt",
            "--key=/etc/kubernetes/pki/etcd/server.key", "endpoint", "health", "--cluster",
        )  # fmt: skip
        assert members.count("is healthy") == 3, members
        (balancer,) = cloud.load_balancer.load_balancers()
        pools = list(cloud.load_balancer.pools(loadbalancer_id=balancer.id))
        assert len(list(cloud.load_balancer.members(pools[0].id))) == 3
    finally:
        alpha.must("cluster", "delete", "three", "--yes", "--wait", timeout=300)
    assert alpha.left() == []
