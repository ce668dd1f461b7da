"""What rendered objects take of a project's quotas: volumes of claims, and balancers of Services."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

_INTERNAL = "service.beta.kubernetes.io/openstack-internal-load-balancer"
"""Annotation of a Service whose balancer has no floating address (cloud-provider-openstack)."""
_QUANTITY = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)([kMGTPE]i?|)")
_SIGNS = ("", "k", "M", "G", "T", "P", "E")
_GIB = 1 << 30


def taken(objects: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """By the names of quotas: `gigabytes` as Cinder makes volumes, in whole GiB. What an operator makes of custom
    resources is not seen, and what is said in a wrong form counts nothing."""
    takes = Counter[str]()
    for made in objects:
        spec = _mapping(made.get("spec"))
        if made["kind"] == "PersistentVolumeClaim":
            takes += _volume(spec, 1)
        elif made["kind"] == "StatefulSet":
            replicas, templates = spec.get("replicas", 1), spec.get("volumeClaimTemplates")
            for template in templates if isinstance(templates, list) else ():
                takes += _volume(_mapping(_mapping(template).get("spec")), replicas if type(replicas) is int else 1)
        elif made["kind"] == "Service" and spec.get("type") == "LoadBalancer":
            said = _mapping(made["metadata"].get("annotations")).get(_INTERNAL)
            takes += Counter(load_balancers=1, ports=1, floating_ips=0 if said == "true" else 1)
    return +takes


def _volume(claim: Mapping[str, Any], count: int) -> Counter[str]:
    asked = _mapping(_mapping(claim.get("resources")).get("requests")).get("storage", "")
    return Counter(volumes=count, gigabytes=count * _gib(str(asked)))


def _mapping(said: Any) -> Mapping[str, Any]:
    return said if isinstance(said, dict) else {}


def _gib(said: str) -> int:
    """A quantity of Kubernetes, such as 10Gi, in whole GiB; 0 where it is none: the cluster will say so."""
    found = _QUANTITY.fullmatch(said)
    if found is None:
        return 0
    sign = found[2]
    unit = float(1024 if sign.endswith("i") else 1000) ** _SIGNS.index(sign[:1])
    return ceil(float(found[1]) * unit / _GIB)
