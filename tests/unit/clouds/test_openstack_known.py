"""An object is ours by its mark and by its id: what happens where one of them is lost, or a service ignores filters."""

from typing import Any
from urllib.parse import quote

import pytest
from tests.unit.clouds.test_openstack_requests import MARK, OWNER, FakeCloud

from navarch.clouds.openstack import OpenStackCloud
from navarch.domain.observed import KnownObject
from navarch.domain.openstack import steps
from navarch.domain.openstack.resources import Kind

NETWORK = {"id": "n1", "name": "web-11111111-net", "description": MARK, "mtu": 1442}
VOLUME = {
    "id": "v1",
    "name": "web-11111111-etcd-0",
    "status": "in-use",
    "metadata": {"navarch_cluster": OWNER.cluster_id},
}
SERVER = {"id": "s1", "name": "web-11111111-cp-0", "status": "ACTIVE", "tags": [MARK]}
ROUTER = {"id": "r1", "name": "web-11111111-net", "description": MARK}
PORT = {"id": "p1", "name": "web-11111111-cp-0", "description": MARK, "network_id": "n1", "fixed_ips": []}
GROUP = {"id": "g1", "name": "web-11111111-sg-cp", "description": MARK, "security_group_rules": []}
_LISTS: dict[Kind, tuple[str, str, dict[str, Any], str]] = {
    Kind.NETWORK: ("GET /v2.0/networks", "networks", NETWORK, "description"),
    Kind.ROUTER: ("GET /v2.0/routers", "routers", ROUTER, "description"),
    Kind.PORT: ("GET /v2.0/ports", "ports", {**PORT, "security_groups": []}, "description"),
    Kind.SERVER: ("GET /v2.1/servers/detail", "servers", SERVER, "tags"),
    Kind.VOLUME: ("GET /v3/volumes/detail", "volumes", VOLUME, "metadata"),
}


def one(kind: Kind, name: str, id_: str) -> tuple[KnownObject, ...]:
    return (KnownObject(kind.value, name, id_),)


@pytest.mark.parametrize("kind", list(_LISTS))
def test_a_service_that_ignores_filters_costs_nobody_anything(
    fake: FakeCloud, cloud: OpenStackCloud, kind: Kind
) -> None:
    key, collection, ours, mark = _LISTS[kind]
    stranger = {name: value for name, value in ours.items() if name != mark} | {"id": "payroll", "name": "payroll-db"}
    fake.answers = {key: (200, {collection: [ours, stranger]})}
    seen = cloud.observe(OWNER, frozenset({kind}))
    assert kind not in seen.seen
    (trouble,) = seen.trouble
    assert trouble.reason == "CloudAnswerUnreadable"
    assert "payroll" in trouble.message


def by_id(body: dict[str, Any], collection: str) -> Any:
    """A list that shows an object to whoever asks for its id, and to nobody who asks by mark."""

    def answer(request: Any) -> tuple[int, Any]:
        return 200, {collection: [body] if "&id=" in request.url or "?id=" in request.url else []}

    return answer


@pytest.mark.parametrize(
    ("kind", "answers", "name"),
    [
        (
            Kind.NETWORK,
            {"GET /v2.0/networks": by_id({**NETWORK, "name": "mine", "description": ""}, "networks")},
            "mine",
        ),
        (
            Kind.SERVER,
            {
                "GET /v2.1/servers/detail": (200, {"servers": []}),
                "GET /v2.1/servers/s1": (200, {"server": {**SERVER, "tags": [], "name": "db"}}),
            },
            "db",
        ),
        (
            Kind.VOLUME,
            {
                "GET /v3/volumes/detail": (200, {"volumes": []}),
                "GET /v3/volumes/v1": (200, {"volume": {**VOLUME, "metadata": {}, "name": "data"}}),
            },
            "data",
        ),
        (
            Kind.SECURITY_GROUP,
            {"GET /v2.0/security-groups": (200, {"security_groups": [{**GROUP, "description": "", "name": "web"}]})},
            "web",
        ),
    ],
)
def test_what_lost_its_mark_is_still_seen_by_its_id(
    fake: FakeCloud, cloud: OpenStackCloud, kind: Kind, answers: dict[str, Any], name: str
) -> None:
    fake.answers = answers
    id_ = {Kind.NETWORK: "n1", Kind.SERVER: "s1", Kind.VOLUME: "v1", Kind.SECURITY_GROUP: "g1"}[kind]
    seen = cloud.observe(OWNER, frozenset({kind}), one(kind, "whatever", id_))
    assert [r.id for r in seen.of_kind(kind)] == [id_]
    assert seen.astray == ((id_, name),)
    assert cloud.observe(OWNER, frozenset({kind})).of_kind(kind) == ()


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        (Kind.NETWORK, {"GET /v2.0/networks": (200, {"networks": []})}),
        (
            Kind.SERVER,
            {"GET /v2.1/servers/detail": (200, {"servers": []}), "GET /v2.1/servers/gone": (404, {"itemNotFound": {}})},
        ),
        (
            Kind.VOLUME,
            {"GET /v3/volumes/detail": (200, {"volumes": []}), "GET /v3/volumes/gone": (404, {"itemNotFound": {}})},
        ),
    ],
)
def test_what_is_gone_is_asked_for_by_its_id_before_it_is_called_gone(
    fake: FakeCloud, cloud: OpenStackCloud, kind: Kind, answers: dict[str, Any]
) -> None:
    fake.answers = answers
    seen = cloud.observe(OWNER, frozenset({kind}), one(kind, "whatever", "gone"))
    assert (seen.of_kind(kind), seen.trouble) == ((), ())
    assert len(fake.asked) > len([k for k in answers if "detail" in k])


@pytest.mark.parametrize(
    ("kind", "answers", "asked"),
    [
        (
            Kind.ROUTER,
            {"PUT /v2.0/routers/r1": (200, {"router": ROUTER})},
            [("PUT /v2.0/routers/r1", {"router": {"name": "ours", "description": MARK}})],
        ),
        (
            Kind.FLOATING_IP,
            {"PUT /v2.0/floatingips/r1": (200, {"floatingip": {}})},
            [("PUT /v2.0/floatingips/r1", {"floatingip": {"description": f"ours {MARK}"}})],
        ),
        (
            Kind.LOAD_BALANCER,
            {"PUT /v2/lbaas/loadbalancers/r1": (200, {"loadbalancer": {}})},
            [("PUT /v2/lbaas/loadbalancers/r1", {"loadbalancer": {"name": "ours", "description": MARK}})],
        ),
        (
            Kind.VOLUME,
            {"PUT /v3/volumes/r1": (200, {"volume": {}}), "POST /v3/volumes/r1/metadata": (200, {"metadata": {}})},
            [
                ("PUT /v3/volumes/r1", {"volume": {"name": "ours"}}),
                ("POST /v3/volumes/r1/metadata", {"metadata": {"navarch_cluster": OWNER.cluster_id}}),
            ],
        ),
        (
            Kind.SERVER,
            {"PUT /v2.1/servers/r1": (200, {"server": {}}), f"PUT /v2.1/servers/r1/tags/{quote(MARK)}": (201, b"")},
            [("PUT /v2.1/servers/r1", {"server": {"name": "ours"}}), (f"PUT /v2.1/servers/r1/tags/{quote(MARK)}", {})],
        ),
    ],
)
def test_name_and_mark_are_put_back(
    fake: FakeCloud, cloud: OpenStackCloud, kind: Kind, answers: dict[str, Any], asked: list[Any]
) -> None:
    fake.answers = answers
    assert cloud.carry_out(OWNER, steps.RestoreName(kind, "r1", "ours")) is None
    assert [(key, body) for key, _, body in fake.asked] == asked
