"""What is asked of the cloud, how often, and what happens when it misbehaves: against a fake transport."""

import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from navarch.clouds.openstack import Asked, OpenStackCloud, OpenStackSettings, Trace
from navarch.clouds.openstack.patience import Patience
from navarch.domain.errors import Conflict, Permanent, Temporary
from navarch.domain.openstack import steps
from navarch.domain.openstack.resources import Identity, Kind, LoadBalancer, Network, Server
from navarch.domain.spec import Owner, Role

OWNER = Owner("p1", "11111111-2222-4333-8444-555555555555", "web-11111111")
MARK = "navarch:cluster=" + OWNER.cluster_id
SERVER = steps.CreateServer(
    "web-11111111-cp-0", Role.CONTROL_PLANE, "cp", 0, "small", "i1", "z1", "port1", "sg1", ("v1",)
)
_GONE = steps.Remove(Kind.IDENTITY, "u1", OWNER.cluster_id)
_ENDPOINTS = {
    "identity": "/v3",
    "compute": "/v2.1",
    "network": "/v2.0",
    "block-storage": "/v3",
    "load-balancer": "/v2",
    "image": "/v2",
}
_Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]] | Exception
_FOR = ContextVar("_FOR", default="")


class FakeCloud(requests.adapters.BaseAdapter):
    """Answers `METHOD /path` by what a test says, tokens and versions by itself, and remembers what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, _Answer | Callable[[requests.PreparedRequest], _Answer]] = {}
        self.asked: list[tuple[str, dict[str, list[str]], Any]] = []
        self.timeouts: set[Any] = set()

    def send(self, request: requests.PreparedRequest, *_: Any, timeout: Any = None, **__: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        self.timeouts.add(timeout)
        if parts.path == "/v3/auth/tokens":
            return _response(request, 201, self._token(), {"X-Subject-Token": "t"})
        if parts.path == "/" or (parts.hostname == "identity" and parts.path in ("/v3", "/v3/")):
            return _response(request, 300, {"versions": []})
        body = json.loads(request.body) if isinstance(request.body, bytes | str) else None
        key = f"{request.method} {parts.path}"
        self.asked.append((key, parse_qs(parts.query), body))
        answer = self.answers[key]
        answer = answer(request) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return _response(request, *answer)

    def close(self) -> None: ...

    @staticmethod
    def _token() -> dict[str, Any]:
        catalog = [
            {
                "type": kind,
                "endpoints": [{"interface": "public", "region_id": "RegionOne", "url": f"https://{kind}{path}"}],
            }
            for kind, path in _ENDPOINTS.items()
        ]
        roles = [{"id": "r1", "name": "member"}]
        user = {"id": "me", "name": "navarch", "domain": {"id": "default", "name": "Default"}}
        project = {"id": "p1", "name": "alpha", "domain": {"id": "default", "name": "Default"}}
        times = {"issued_at": "2026-01-01T00:00:00Z", "expires_at": "2099-01-01T00:00:00Z"}
        return {"token": {"catalog": catalog, "roles": roles, "user": user, "project": project, **times}}


def _response(
    request: requests.PreparedRequest, status: int, body: Any, headers: dict[str, str] | None = None
) -> requests.Response:
    response = requests.Response()
    response.request, response.url, response.status_code = request, str(request.url), status
    response._content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response.headers.update({"Content-Type": "application/json", **(headers or {})})
    return response


@pytest.fixture
def fake() -> FakeCloud:
    return FakeCloud()


@pytest.fixture
def cloud(fake: FakeCloud) -> OpenStackCloud:
    impatient = Patience(pause=lambda seconds: None)
    made = OpenStackCloud(OpenStackSettings("https://identity/v3", "navarch", "secret"), patience=impatient)
    made._sessions._http.mount("https://", fake)
    return made


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(minutes=20), timedelta(minutes=-20)])
def test_when_a_server_was_made_is_told_by_our_clock(fake: FakeCloud, ahead: timedelta) -> None:
    noon = datetime(2026, 11, 30, 12, tzinfo=UTC)
    cloud = OpenStackCloud(OpenStackSettings("https://identity/v3", "navarch", "secret"), clock=lambda: noon)
    cloud._sessions._http.mount("https://", fake)
    created = f"{noon - timedelta(minutes=3) + ahead:%Y-%m-%dT%H:%M:%SZ}"
    server = {"id": "s1", "name": SERVER.name, "status": "ACTIVE", "tags": [MARK], "created": created}
    date = {"Date": format_datetime(noon + ahead, usegmt=True)}
    fake.answers = {"GET /v2.1/servers/detail": lambda _: (200, {"servers": [server]}, date)}
    (seen,) = cloud.observe(OWNER, frozenset({Kind.SERVER})).of(Server)
    assert seen.created_at is not None
    assert abs(seen.created_at - (noon - timedelta(minutes=3))) <= timedelta(seconds=1)


def test_a_server_is_asked_for_whole_in_one_request(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    fake.answers = {
        "GET /v2.1/servers/detail": (200, {"servers": []}),
        "GET /v2.1/flavors": (200, {"flavors": [{"id": "f1", "name": "small"}]}),
        "POST /v2.1/servers": (202, {"server": {"id": "s1"}}),
    }
    made = cloud.carry_out(OWNER, SERVER, private="#cloud-config")
    assert made is not None
    assert (made.id, made.name) == ("s1", SERVER.name)
    (_, query, _), _, (_, _, body) = fake.asked
    assert query == {"name": ["^web\\-11111111\\-cp\\-0$"], "tags": ["navarch:cluster=" + OWNER.cluster_id]}
    assert body["os:scheduler_hints"] == {"group": "sg1"}
    server = body["server"]
    assert (server["flavorRef"], server["availability_zone"], server["config_drive"]) == ("f1", "z1", True)
    assert server["user_data"] == "I2Nsb3VkLWNvbmZpZw=="
    assert server["networks"] == [{"port": "port1"}]
    assert [(d["boot_index"], d["uuid"], d["delete_on_termination"]) for d in server["block_device_mapping_v2"]] == [
        (0, "i1", True),
        (-1, "v1", False),
    ]


def test_a_flavor_is_looked_up_once(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    fake.answers = {
        "GET /v2.1/servers/detail": (200, {"servers": []}),
        "GET /v2.1/flavors": (200, {"flavors": [{"id": "f1", "name": "small"}]}),
        "POST /v2.1/servers": (202, {"server": {"id": "s1"}}),
    }
    for _ in range(3):
        cloud.carry_out(OWNER, SERVER)
    assert [key for key, _, _ in fake.asked].count("GET /v2.1/flavors") == 1


def test_what_is_private_is_never_logged(
    fake: FakeCloud, cloud: OpenStackCloud, caplog: pytest.LogCaptureFixture
) -> None:
    fake.answers = {
        "GET /v2.1/servers/detail": (200, {"servers": []}),
        "GET /v2.1/flavors": (200, {"flavors": [{"id": "f1", "name": "small"}]}),
        "POST /v2.1/servers": (202, {"server": {"id": "s1"}}),
    }
    with caplog.at_level(logging.DEBUG):
        cloud.carry_out(OWNER, SERVER, private="#cloud-config")
    assert "flavors" in caplog.text
    assert "I2Nsb3VkLWNvbmZpZw==" not in caplog.text
    assert "secret" not in caplog.text
    assert "secret" not in repr(cloud._settings)


def test_a_server_that_is_still_going_holds_the_name(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    old = {"id": "s0", "name": SERVER.name, "status": "ACTIVE", "OS-EXT-STS:task_state": "deleting", "tags": [MARK]}
    fake.answers = {"GET /v2.1/servers/detail": (200, {"servers": [old]})}
    with pytest.raises(Conflict, match="still being removed"):
        cloud.carry_out(OWNER, SERVER)


def test_of_two_objects_of_one_name_the_older_is_kept(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    both = {"name": "web-11111111-net", "mtu": 1442, "description": MARK}
    young = {"id": "a", "created_at": "2026-02-01T00:00:00Z", **both}
    old = {"id": "b", "created_at": "2026-01-01T00:00:00Z", **both}
    fake.answers = {"GET /v2.0/networks": (200, {"networks": [young, old]})}
    found = cloud.carry_out(OWNER, steps.EnsureNetwork("web-11111111-net"))
    assert found is not None
    assert found.id == "b"
    seen = cloud.observe(OWNER, frozenset({Kind.NETWORK}))
    assert [network.id for network in seen.of(Network)] == ["a", "b"]


def test_every_page_of_a_list_is_read(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    def page(request: requests.PreparedRequest) -> _Answer:
        marker = parse_qs(urlsplit(str(request.url)).query).get("marker", ["0"])[0]
        number = int(marker)
        body: dict[str, Any] = {"networks": [{"id": f"n{number}", "name": "x", "description": MARK}]}
        if number < 3:
            following = f"https://network/v2.0/networks?marker={number + 1}"
            body["networks_links"] = [{"rel": "next", "href": following}]
        return 200, body

    fake.answers = {"GET /v2.0/networks": page}
    seen = cloud.observe(OWNER, frozenset({Kind.NETWORK}))
    assert [network.id for network in seen.of(Network)] == ["n0", "n1", "n2", "n3"]


@pytest.mark.parametrize(
    ("links", "following"),
    [
        ("volume_type_links", "http://10.0.0.1:8776/v3/p1/types?marker=1"),
        ("volume_types_links", "https://block-storage/v3/types?marker=1"),
    ],
)
def test_the_next_page_is_asked_for_where_the_service_is(
    fake: FakeCloud, cloud: OpenStackCloud, links: str, following: str
) -> None:
    """Cinder names the links of its types otherwise than all others, and behind a proxy it may not know its address."""

    def page(request: requests.PreparedRequest) -> _Answer:
        if "marker" in str(request.url):
            return 200, {"volume_types": [{"name": "ssd"}]}
        return 200, {"volume_types": [{"name": "hdd"}], links: [{"rel": "next", "href": following}]}

    fake.answers = {"GET /v3/types": page}
    types = cloud._sessions.own().volume.items("/types", "volume_types", "read the volume types")
    assert [t["name"] for t in types] == ["hdd", "ssd"]


def test_a_kept_connection_that_was_closed_is_asked_again_for_reads_only(
    fake: FakeCloud, cloud: OpenStackCloud
) -> None:
    closed = requests.exceptions.ConnectionError("closed without response")
    tries: list[_Answer] = [closed, (200, {"networks": []})]
    fake.answers = {"GET /v2.0/networks": lambda _: tries.pop(0), "POST /v2.0/networks": closed}
    with pytest.raises(Temporary):
        cloud.carry_out(OWNER, steps.EnsureNetwork("web-11111111-net"))
    assert [key for key, _, _ in fake.asked] == ["GET /v2.0/networks"] * 2 + ["POST /v2.0/networks"]


def test_every_request_is_bounded_in_time(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    fake.answers = {"GET /v2.0/networks": (200, {"networks": []})}
    cloud.observe(OWNER, frozenset({Kind.NETWORK}))
    assert fake.timeouts == {(5.0, 30.0)}


@pytest.mark.parametrize(
    "answer", [(200, b"<html>"), (200, {"nothing": []}), (200, {"networks": [{"name": "x", "description": MARK}]})]
)
def test_an_answer_that_makes_no_sense_is_unknown_not_absent(
    fake: FakeCloud, cloud: OpenStackCloud, answer: _Answer
) -> None:
    fake.answers = {"GET /v2.0/networks": answer}
    seen = cloud.observe(OWNER, frozenset({Kind.NETWORK}))
    assert not seen.knows(Network)
    assert [(t.reason, t.subject) for t in seen.trouble] == [("CloudAnswerUnreadable", Kind.NETWORK)]
    with pytest.raises(Temporary):
        cloud.carry_out(OWNER, steps.EnsureNetwork("web-11111111-net"))


def tree(*members: str, name: str = "kubernetes-api") -> dict[str, Any]:
    """What Octavia says that a balancer consists of."""
    pool = {"id": "pool1", "name": name, "members": [{"address": address} for address in members]}
    return {"statuses": {"loadbalancer": {"listeners": [{"id": "listener1", "name": name, "pools": [pool]}]}}}


def test_a_balancer_that_has_the_members_is_not_touched(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    step = steps.EnsureLoadBalancer("web-11111111-api", "sub1", ("10.0.0.5", "10.0.0.4"))
    there = {
        "id": "lb1",
        "name": step.name,
        "description": "navarch:cluster=" + OWNER.cluster_id,
        "provisioning_status": "PENDING_UPDATE",
        "operating_status": "ONLINE",
        "vip_address": "10.0.0.9",
        "vip_port_id": "port9",
        "listeners": [{"id": "listener1"}],
        "pools": [{"id": "pool1"}],
    }
    fake.answers = {
        "GET /v2/lbaas/loadbalancers": (200, {"loadbalancers": [there]}),
        "GET /v2/lbaas/loadbalancers/lb1/status": (200, tree("10.0.0.4", "10.0.0.5")),
    }
    assert cloud.carry_out(OWNER, step) is not None
    with pytest.raises(Conflict, match="PENDING_UPDATE"):
        cloud.carry_out(OWNER, steps.EnsureLoadBalancer(step.name, "sub1", ("10.0.0.4",)))
    assert not [key for key, _, _ in fake.asked if not key.startswith("GET")]


def test_the_members_are_those_of_the_apis_own_pool(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    """Somebody put a listener of theirs on the balancer, by an annotation of a Service."""
    there = {
        "id": "lb1",
        "name": "web-11111111-api",
        "description": MARK,
        "provisioning_status": "ACTIVE",
        "operating_status": "ONLINE",
        "vip_address": "10.0.0.9",
        "vip_port_id": "port9",
    }
    own, theirs = tree("10.0.0.4"), tree("10.9.9.9", name="theirs")
    listeners = [e for t in (theirs, own) for e in t["statuses"]["loadbalancer"]["listeners"]]
    fake.answers = {
        "GET /v2/lbaas/loadbalancers": (200, {"loadbalancers": [there]}),
        "GET /v2/lbaas/loadbalancers/lb1/status": (200, {"statuses": {"loadbalancer": {"listeners": listeners}}}),
    }
    assert [b.members for b in cloud.observe(OWNER, frozenset({Kind.LOAD_BALANCER})).of(LoadBalancer)] == [
        ("10.0.0.4",)
    ]


def _trust(trust_id: str, project_id: str = OWNER.project_id) -> dict[str, str]:
    return {"id": trust_id, "trustor_user_id": "me", "trustee_user_id": "u1", "project_id": project_id}


def test_what_an_interrupted_call_left_of_an_identity_is_taken_up(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    user = {"id": "u1", "name": OWNER.cluster_id, "description": ""}
    trusts = [{**_trust("other"), "trustee_user_id": "u2"}, _trust("elsewhere", "p2"), _trust("7" * 32)]
    fake.answers = {
        "GET /v3/users": (200, {"users": [user]}),
        "GET /v3/OS-TRUST/trusts": (200, {"trusts": trusts}),
        "PATCH /v3/users/u1": (200, {"user": user}),
    }
    made = cloud.carry_out(OWNER, steps.EnsureIdentity(), private="new password")
    assert made == Identity("u1", OWNER.cluster_id, "7" * 32)
    key, _, body = fake.asked[-1]
    assert key == "PATCH /v3/users/u1"
    assert body["user"]["password"] == "new password"
    assert body["user"]["description"].endswith("trust " + "7" * 32)


@pytest.mark.parametrize(
    ("delegated", "handed_on"), [(None, ["Member"]), (frozenset({"member", "Creator"}), ["Member", "creator"])]
)
def test_roles_are_handed_on_as_the_cloud_spells_them(delegated: frozenset[str] | None, handed_on: list[str]) -> None:
    """Policies compare roles without regard to case, trusts do not."""

    class Old(FakeCloud):
        @staticmethod
        def _token() -> dict[str, Any]:
            token = FakeCloud._token()
            token["token"]["roles"] = [{"name": "Member"}, {"name": "reader"}, {"name": "creator"}]
            return token

    fake = Old()
    fake.answers = {
        "GET /v3/users": (200, {"users": []}),
        "POST /v3/users": (201, {"user": {"id": "u1", "name": OWNER.cluster_id}}),
        "GET /v3/OS-TRUST/trusts": (200, {"trusts": []}),
        "POST /v3/OS-TRUST/trusts": (201, {"trust": {"id": "7" * 32}}),
        "PATCH /v3/users/u1": (200, {"user": {}}),
    }
    settings = OpenStackSettings("https://identity/v3", "navarch", "secret")
    if delegated is not None:
        settings = replace(settings, delegated_roles=delegated)
    cloud = OpenStackCloud(settings, transport=fake)
    cloud.carry_out(OWNER, steps.EnsureIdentity(), private="password")
    (trust,) = [body["trust"] for key, _, body in fake.asked if key == "POST /v3/OS-TRUST/trusts"]
    assert trust["roles"] == [{"name": name} for name in handed_on]


@pytest.mark.parametrize("there", [False, True])
def test_a_clouds_rules_for_peoples_passwords_lock_no_cluster_out(
    fake: FakeCloud, cloud: OpenStackCloud, there: bool
) -> None:
    user = {"id": "u1", "name": OWNER.cluster_id}
    fake.answers = {
        "GET /v3/users": (200, {"users": [user] if there else []}),
        "POST /v3/users": (201, {"user": user}),
        "GET /v3/OS-TRUST/trusts": (200, {"trusts": []}),
        "POST /v3/OS-TRUST/trusts": (201, {"trust": {"id": "7" * 32}}),
        "PATCH /v3/users/u1": (200, {"user": user}),
    }
    cloud.carry_out(OWNER, steps.EnsureIdentity(), private="password")
    (made,) = [
        body["user"] for key, _, body in fake.asked if "/v3/users" in key and "password" in (body or {}).get("user", {})
    ]
    options = made["options"]
    assert {option for option, on in options.items() if on} == {
        "ignore_change_password_upon_first_use",
        "ignore_password_expiry",
        "ignore_user_inactivity",
        "ignore_lockout_failure_attempts",
        "lock_password",
    }


def test_an_identity_whose_trust_is_gone_is_seen_without_one(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    user = {"id": "u1", "name": OWNER.cluster_id, "description": "Controllers of x; trust " + "7" * 32}
    fake.answers = {
        "GET /v3/users": (200, {"users": [user]}),
        "GET /v3/OS-TRUST/trusts/" + "7" * 32: (404, {"error": {"message": "Could not find trust"}}),
    }
    seen = cloud.observe(OWNER, frozenset({Kind.IDENTITY}))
    assert seen.of(Identity) == (Identity("u1", OWNER.cluster_id, None),)


def test_the_trust_of_a_cluster_ends_before_its_user_goes(fake: FakeCloud, cloud: OpenStackCloud) -> None:
    fake.answers = {
        "GET /v3/OS-TRUST/trusts": (200, {"trusts": [_trust("t1"), {**_trust("t2"), "trustee_user_id": "u2"}]}),
        "DELETE /v3/OS-TRUST/trusts/t1": (204, b""),
        "DELETE /v3/users/u1": (204, b""),
    }
    cloud.carry_out(OWNER, _GONE)
    assert [key for key, _, _ in fake.asked[1:]] == ["DELETE /v3/OS-TRUST/trusts/t1", "DELETE /v3/users/u1"]


@pytest.mark.parametrize("there", [False, True])
def test_a_user_that_keystone_hides_is_gone_unless_it_is_still_listed(
    fake: FakeCloud, cloud: OpenStackCloud, there: bool
) -> None:
    fake.answers = {
        "GET /v3/OS-TRUST/trusts": (200, {"trusts": []}),
        "DELETE /v3/users/u1": (403, {"error": {"message": "You are not authorized"}}),
        "GET /v3/users": (200, {"users": [{"id": "u1", "name": OWNER.cluster_id}] if there else []}),
    }
    if there:
        with pytest.raises(Permanent, match="not authorized"):
            cloud.carry_out(OWNER, _GONE)
    else:
        assert cloud.carry_out(OWNER, _GONE) is None


def test_the_endpoint_for_controllers_needs_no_call(fake: FakeCloud, tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text("PEM")
    made = OpenStackCloud(OpenStackSettings("https://identity/v3", "navarch", "secret", ca_file=str(authority)))
    assert (made.endpoint.auth_url, made.endpoint.region) == ("https://identity/v3", "RegionOne")
    assert made.endpoint.ca_certificate == "PEM"
    assert fake.asked == []


def traced(fake: FakeCloud, told: list[Asked], request_id: str = "") -> OpenStackCloud:
    trace = Trace(request_id=lambda: request_id, asked=told.append)
    made = OpenStackCloud(OpenStackSettings("https://identity/v3", "navarch", "secret"), trace)
    made._sessions._http.mount("https://", fake)
    return made


def test_the_customers_request_id_goes_along_with_every_request(fake: FakeCloud) -> None:
    seen: list[Any] = []

    def answer(request: requests.PreparedRequest) -> _Answer:
        seen.append(request.headers.get("X-OpenStack-Request-ID"))
        return 200, {"output": "", "networks": []}

    fake.answers = {"POST /v2.1/servers/s1/action": answer}
    traced(fake, [], "req-1").console(OWNER, "s1")
    traced(fake, []).console(OWNER, "s1")
    assert seen == ["req-1", None]


def test_every_request_is_told_with_its_status_and_the_services_own_id(fake: FakeCloud) -> None:
    told: list[Asked] = []
    fake.answers = {"POST /v2.1/servers/s1/action": (200, {"output": ""})}
    traced(fake, told).console(OWNER, "s1")
    fake.answers = {"POST /v2.1/servers/s1/action": (503, {})}
    with pytest.raises(Temporary):
        traced(fake, told).console(OWNER, "s1")
    fake.answers = {"POST /v2.1/servers/s1/action": requests.exceptions.ReadTimeout("slow")}
    with pytest.raises(Temporary):
        traced(fake, told).console(OWNER, "s1")
    assert [(a.service, a.method, a.status) for a in told] == [("Nova", "POST", n) for n in (200, 503, 0)]


def test_reads_side_by_side_are_made_for_whoever_asked(fake: FakeCloud) -> None:
    told: list[str] = []
    trace = Trace(asked=lambda _: told.append(_FOR.get()))
    cloud = OpenStackCloud(OpenStackSettings("https://identity/v3", "navarch", "secret"), trace)
    cloud._sessions._http.mount("https://", fake)
    fake.answers = {
        "GET /v2.0/networks": (200, {"networks": []}),
        "GET /v2.0/subnets": (200, {"subnets": []}),
    }
    for name in ("one", "two"):
        _FOR.set(name)
        cloud.observe(OWNER, frozenset({Kind.NETWORK, Kind.SUBNET}))
    assert sorted(told) == ["one", "one", "two", "two"]
