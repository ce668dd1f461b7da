"""What an add-on takes of a project's quotas."""

from collections import Counter
from typing import Any

import pytest

from navarch.charts.taking import taken


def claim(storage: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"storage": storage}}}


@pytest.mark.parametrize(
    ("said", "gib"),
    [("10Gi", 10), ("500Mi", 1), ("1.5Ti", 1536), ("11G", 11), ("1073741824", 1), ("2Ei", 2 << 30), ("much", 0)],
)
def test_claims_take_whole_gib(said: str, gib: int) -> None:
    made = {"kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claim(said)}
    assert taken([made]) == +Counter(volumes=1, gigabytes=gib)


def test_each_pod_of_a_stateful_set_has_its_claims() -> None:
    spec = {"replicas": 3, "volumeClaimTemplates": [{"spec": claim("2Gi")}, {"spec": claim("1Gi")}]}
    assert taken([{"kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}]) == {"volumes": 6, "gigabytes": 9}
    alone = {"kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"volumeClaimTemplates": [{}]}}
    assert taken([alone]) == {"volumes": 1}


def test_what_is_said_in_a_wrong_form_counts_nothing() -> None:
    metadata = {"name": "db", "annotations": "none"}
    for kind in ("PersistentVolumeClaim", "StatefulSet", "Service"):
        odd = {"resources": 3, "volumeClaimTemplates": {}, "replicas": "x", "type": "LoadBalancer"}
        specs: tuple[Any, ...] = (None, [], odd)
        for spec in specs:
            assert taken([{"kind": kind, "metadata": metadata, "spec": spec}])["gigabytes"] == 0


def test_a_balancer_inside_has_no_floating_address() -> None:
    made: dict[str, Any] = {"kind": "Service", "metadata": {"name": "door"}, "spec": {"type": "LoadBalancer"}}
    assert taken([made]) == {"load_balancers": 1, "ports": 1, "floating_ips": 1}
    made["metadata"]["annotations"] = {"service.beta.kubernetes.io/openstack-internal-load-balancer": "true"}
    assert taken([made]) == {"load_balancers": 1, "ports": 1}
    assert taken([{"kind": "Service", "metadata": {"name": "in"}, "spec": {"clusterIP": "None"}}]) == {}
