"""Machines: a ticket goes in, a node's configuration comes out, phase reports follow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient
from tests.integration.api_fixtures import MACHINE_TOKENS, OFFER, SEALER, Api, MakeApi
from tests.integration.some_values import RELEASE

from navarch.api.access import ApiService
from navarch.bootstrap.join import LAST_PHASE
from navarch.bootstrap.pki import make_cluster_secrets
from navarch.bootstrap.tickets import MachineTokens, digest
from navarch.bootstrap.vault import SECRETS, close_secrets
from navarch.domain.machines import Machine, MachineFacts, MachineTemplate
from navarch.domain.spec import Role
from navarch.domain.status import Status

pytestmark = pytest.mark.postgres

FACTS = MachineFacts("10.0.0.5", "0123456789abcdef0123")
ADDRESSED = Status(api_url="https://198.51.100.9:6443", api_internal_address="10.0.0.9")
NONCE = "n" * 32


class Place:
    """A cluster whose machines may join."""

    def __init__(self, api: Api, *, replicas: int = 1, status: Status = ADDRESSED, sealed: bool = True) -> None:
        self.api = api
        self.id: str = api.create(control_plane={"replicas": replicas})["id"]
        self.claim = api.claim(self.id)
        if sealed:
            content = close_secrets(SEALER, self.id, make_cluster_secrets(datetime.now(UTC)))
            api.store.seal(self.id, self.claim.token, SECRETS, content)
        api.store.record(self.id, self.claim.token, status, look_again_after=0)
        self.claim = api.claim(self.id)

    def ticket(self, name: str, *, role: Role = Role.CONTROL_PLANE, serial: int = 0, minutes: int = 60) -> str:
        """A ticket of a new machine."""
        group = "cp" if role is Role.CONTROL_PLANE else "default"
        template = MachineTemplate(RELEASE, "m1.medium")
        machine = Machine(name, role, group, serial, "z1", datetime.now(UTC), template)
        self.api.store.record_machine(self.id, self.claim.token, machine)
        ticket, digest = MACHINE_TOKENS.issue_ticket(self.id, name)
        expires = datetime.now(UTC) + timedelta(minutes=minutes)
        self.api.store.add_ticket(self.id, self.claim.token, name, digest, expires_at=expires, facts=FACTS)
        return ticket


def join(api: Api, machine: str, ticket: str, nonce: str = NONCE, **more: Any) -> Any:
    return api.client.post("/bootstrap/v1/join", json={"machine": machine, "ticket": ticket, "nonce": nonce, **more})


def report(api: Api, token: str, machine: str, phase: str, state: str = "done", **more: Any) -> Any:
    body = {"machine": machine, "phase": phase, "state": state, "at": datetime.now(UTC).isoformat(), "seconds": 1.5}
    return api.client.post("/bootstrap/v1/reports", json=body | more, headers={"Authorization": f"Bearer {token}"})


def test_a_machine_joins_and_reports_until_it_is_a_node(api: Api) -> None:
    place = Place(api)
    ticket = place.ticket("m0")
    answer = join(api, "m0", ticket, boot={"cloud_init_at": "2026-01-01T00:00:00Z", "uptime_seconds": 4.5})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [s["phase"] for s in body["steps"]][-1] == LAST_PHASE
    assert any(f["path"].startswith("/etc/kubernetes/pki/") for f in body["files"])
    assert join(api, "m0", ticket).json()["report_token"] == body["report_token"]
    token = body["report_token"]
    assert report(api, token, "m0", "KubeadmInit", "started").status_code == 204
    assert (
        report(api, token, "m0", "KubeadmInit", "failed", log="no route\x00 to host" + "x" * 20_000).status_code == 204
    )
    (machine,) = api.get("/clusters/shop/machines").json()["machines"]
    assert [(p["step"], p["state"], p["seconds"]) for p in machine["boot"]] == [
        ("Booted", "done", 4.5), ("KubeadmInit", "failed", 1.5),
    ]  # fmt: skip
    assert len(machine["boot"][1]["log"]) == 16 * 1024
    assert report(api, token, "m0", LAST_PHASE).status_code == 204
    assert api.get("/clusters/shop/machines").json()["machines"][0]["joined"]
    assert join(api, "m0", ticket).status_code == 403


def test_a_cluster_whose_machine_reported_is_due_at_once(api: Api) -> None:
    place = Place(api)
    token = join(api, "m0", place.ticket("m0")).json()["report_token"]
    api.store.record(place.id, place.claim.token, ADDRESSED, look_again_after=3600)
    assert api.store.claim("w", lease=30) is None
    report(api, token, "m0", "KubeadmInit")
    assert api.store.claim("w", lease=30) is not None


@pytest.mark.parametrize("status", [Status(), replace(ADDRESSED, api_url=None)])
def test_before_the_api_has_an_address_it_is_too_early(api: Api, status: Status) -> None:
    place = Place(api, status=status)
    answer = join(api, "m0", place.ticket("m0"))
    assert answer.status_code == 425
    assert float(answer.headers["Retry-After"]) == 0.5


def test_before_the_keys_are_made_it_is_too_early(api: Api) -> None:
    assert join(api, "m0", Place(api, sealed=False).ticket("m0")).status_code == 425


def test_the_second_place_waits_for_the_first(api: Api) -> None:
    place = Place(api, replicas=3)
    first, second = place.ticket("m0"), place.ticket("m1", serial=1)
    assert join(api, "m1", second).status_code == 425
    token = join(api, "m0", first, nonce="o" * 32).json()["report_token"]
    report(api, token, "m0", LAST_PHASE)
    assert join(api, "m1", second).status_code == 200


def test_who_has_to_wait_has_booted_all_the_same(api: Api) -> None:
    place = Place(api, status=Status())
    ticket, boot = place.ticket("m0"), {"uptime_seconds": 4.5}
    for _ in range(2):
        assert join(api, "m0", ticket, boot=boot).status_code == 425
    (machine,) = api.get("/clusters/shop/machines").json()["machines"]
    assert [(p["step"], p["state"], p["seconds"]) for p in machine["boot"]] == [("Booted", "done", 4.5)]


def test_who_boots_again_with_a_new_ticket_has_booted_anew(api: Api) -> None:
    place = Place(api)
    join(api, "m0", place.ticket("m0"), boot={"uptime_seconds": 4.5})
    ticket, digest = MACHINE_TOKENS.issue_ticket(place.id, "m0")
    api.store.add_ticket(
        place.id, place.claim.token, "m0", digest, expires_at=datetime.now(UTC) + timedelta(hours=1), facts=FACTS
    )
    assert join(api, "m0", ticket, boot={"uptime_seconds": 6.5}).status_code == 200
    (machine,) = api.get("/clusters/shop/machines").json()["machines"]
    assert [p["seconds"] for p in machine["boot"]] == [6.5]


@pytest.mark.parametrize(("waited", "after"), [(0, 0.5), (10, 0.5), (60, 3.0), (3600, 30.0)])
def test_who_has_waited_long_is_asked_to_wait_longer(
    api: Api, monkeypatch: pytest.MonkeyPatch, waited: int, after: float
) -> None:
    ticket, first = Place(api, status=Status()).ticket("m0"), datetime.now(UTC)
    for now in (first, first + timedelta(seconds=waited)):
        monkeypatch.setattr(ApiService, "now", lambda _, now=now: now)
        answer = join(api, "m0", ticket)
    assert float(answer.headers["Retry-After"]) == after


def test_a_worker_does_not_wait_for_the_control_plane(api: Api) -> None:
    assert join(api, "w1", Place(api).ticket("w1", role=Role.WORKER, serial=1)).status_code == 200


def test_tickets_are_refused(api: Api) -> None:
    place = Place(api)
    ticket, expired = place.ticket("m0"), place.ticket("w1", role=Role.WORKER, serial=1, minutes=-1)
    assert join(api, "m0", "made-up").status_code == 403
    assert join(api, "w1", ticket).status_code == 403
    assert join(api, "w1", expired).status_code == 403
    assert join(api, "m0", ticket).status_code == 200
    assert join(api, "m0", ticket, nonce="x" * 32).status_code == 403
    api.store.forget_machine(place.id, place.claim.token, "m0")
    assert join(api, "m0", ticket).status_code == 403


@pytest.mark.parametrize(
    "body",
    [{}, {"machine": "m0"}, {"machine": 5, "ticket": "t", "nonce": NONCE},
     {"machine": "m0", "ticket": "t", "nonce": "n"},
     {"machine": "m" * 100, "ticket": "t", "nonce": NONCE}, {"machine": "m\x00", "ticket": "t\x00", "nonce": NONCE},
     {"machine": "\ud800", "ticket": "t", "nonce": NONCE}, {"machine": "m", "ticket": "\ud800", "nonce": NONCE}],
)  # fmt: skip
def test_bad_joins_are_refused_in_words(api: Api, body: dict[str, Any]) -> None:
    import json

    answer = api.client.post("/bootstrap/v1/join", content=json.dumps(body))
    assert answer.status_code in (400, 403, 422), answer.text


def test_a_report_needs_the_machines_own_token(api: Api) -> None:
    place = Place(api)
    token = join(api, "m0", place.ticket("m0")).json()["report_token"]
    other = MACHINE_TOKENS.issue(place.id, "m9")
    for wrong in ("", "x", token[:-4], "a" * 900):
        assert report(api, wrong, "m0", "KubeadmInit").status_code == 401
    assert report(api, token, "m1", "KubeadmInit").status_code == 422
    assert report(api, other, "m9", "KubeadmInit").status_code == 404
    assert api.client.post("/bootstrap/v1/reports", json={}).status_code == 401


@pytest.mark.parametrize(
    "change",
    [{"phase": "a b"}, {"phase": "x" * 65}, {"state": "maybe"}, {"seconds": -1}, {"seconds": "many"}, {"log": 5},
     {"phase": None}, {"at": 5}],
)  # fmt: skip
def test_bad_reports_are_refused(api: Api, change: dict[str, Any]) -> None:
    place = Place(api)
    token = join(api, "m0", place.ticket("m0")).json()["report_token"]
    assert report(api, token, "m0", **({"phase": "KubeadmInit"} | change)).status_code == 422


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday", "2026-01-01T00:00:00"]
)
def test_a_clock_that_cannot_be_right_is_not_believed(api: Api, at: str) -> None:
    place = Place(api)
    token = join(api, "m0", place.ticket("m0")).json()["report_token"]
    assert report(api, token, "m0", "KubeadmInit", at=at).status_code == 204
    (machine,) = api.get("/clusters/shop/machines").json()["machines"]
    said = datetime.fromisoformat(machine["boot"][-1]["at"])
    assert abs(said - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_clock_that_is_minutes_off_is_not_believed(api: Api) -> None:
    """Its reports would be from before its server was made, and count for nothing."""
    place = Place(api)
    token = join(api, "m0", place.ticket("m0")).json()["report_token"]
    for at in (datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + timedelta(minutes=5)):
        assert report(api, token, "m0", "KubeadmInit", at=at.isoformat()).status_code == 204
        (machine,) = api.get("/clusters/shop/machines").json()["machines"]
        assert abs(datetime.fromisoformat(machine["boot"][-1]["at"]) - datetime.now(UTC)) < timedelta(minutes=2)


def test_what_a_machine_reports_does_nothing_on_a_terminal(api: Api) -> None:
    place = Place(api)
    token = join(api, "m0", place.ticket("m0")).json()["report_token"]
    log = "one\r\n\ttwo \x1b]52;c;cm0=\x07 \x9b2J \u202e"
    assert report(api, token, "m0", "KubeadmInit", "failed", log=log).status_code == 204
    (machine,) = api.get("/clusters/shop/machines").json()["machines"]
    assert machine["boot"][-1]["log"] == "one\n\ttwo \ufffd]52;c;cm0=\ufffd \ufffd2J \ufffd"


def test_a_machine_that_reports_without_end_is_slowed_down(make_api: MakeApi) -> None:
    api = make_api(machine_burst=2, machine_rate=0.01)
    api.store.write_offer(OFFER)
    place = Place(api)
    token = join(api, "m0", place.ticket("m0")).json()["report_token"]
    answers = [report(api, token, "m0", "KubeadmInit") for _ in range(4)]
    assert [a.status_code for a in answers] == [204, 204, 429, 429]
    assert 0 < float(answers[-1].headers["Retry-After"]) <= 100


def test_tickets_that_are_made_up_cost_no_question_to_the_database(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.store, "redeem_ticket", None)  # would fail if it were asked
    others, _ = MachineTokens(b"x" * 32).issue_ticket(str(uuid4()), "m0")
    for ticket in ("no ticket", others, MACHINE_TOKENS.issue(str(uuid4()), "m0")):
        assert join(api, "m0", ticket).status_code == 403


def test_who_writes_a_ticket_into_the_database_joins_no_cluster(api: Api) -> None:
    place = Place(api)
    place.ticket("m0")
    mine, of_mine = MACHINE_TOKENS.issue_ticket(str(uuid4()), "m0")  # a real one, of a cluster of the writer's own
    expires = datetime.now(UTC) + timedelta(hours=1)
    for ticket, digest_ in (("made up", digest("made up")), (mine, of_mine)):
        api.store.add_ticket(place.id, place.claim.token, "m0", digest_, expires_at=expires, facts=FACTS)
        assert join(api, "m0", ticket).status_code == 403


def test_an_address_that_asks_without_end_is_slowed_down(make_api: MakeApi) -> None:
    api = make_api(machine_burst=1, machine_rate=0.001)
    api.client = TestClient(api.client.app, client=("198.51.100.9", 50000))
    answers = [join(api, f"m{n}", "no ticket").status_code for n in range(22)]
    assert answers == [403] * 20 + [429] * 2


def test_nobody_uses_up_what_a_machine_may_ask(make_api: MakeApi) -> None:
    api = make_api(machine_burst=3, machine_rate=0.001)
    api.store.write_offer(OFFER)
    place = Place(api)
    ticket = place.ticket("m0")
    assert [join(api, "m0", "no ticket").status_code for _ in range(10)] == [403] * 10
    assert [join(api, "m0", ticket).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_machine_of_a_cluster_that_is_gone_is_told_so(api: Api) -> None:
    place = Place(api)
    ticket = place.ticket("m0")
    token = join(api, "m0", ticket).json()["report_token"]
    api.store.forget(place.id, place.claim.token)
    assert join(api, "m0", ticket).status_code == 403
    assert report(api, token, "m0", "KubeadmInit").status_code == 404
