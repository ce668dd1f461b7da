"""Reads are made again within a bound; what changes something never is."""

from random import Random
from typing import Any

import pytest
import requests
from tests.unit.clouds.test_openstack_requests import MARK, OWNER, FakeCloud, _response

from navarch.clouds.openstack import OpenStackCloud, OpenStackSettings
from navarch.clouds.openstack.errors import Unanswered
from navarch.clouds.openstack.patience import BOUND, Patience
from navarch.domain.errors import Permanent, Temporary
from navarch.domain.openstack import steps
from navarch.domain.openstack.resources import Kind, Network

LISTS = "GET /v2.0/networks"
THERE = (200, {"networks": [{"id": "n1", "name": "web-11111111-net", "description": MARK, "mtu": 1442}]})
CLOSED = requests.exceptions.ConnectionError("closed without response")


class Clock:
    """Time that passes where somebody waits."""

    def __init__(self) -> None:
        self.now, self.pauses = 0.0, list[float]()

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self) -> Patience:
        return Patience(lambda: self.now, self.pause, Random(1))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patient(fake: FakeCloud, clock: Clock) -> OpenStackCloud:
    settings = OpenStackSettings("https://identity/v3", "navarch", "secret")
    return OpenStackCloud(settings, transport=fake, patience=clock.patience())


def gives(*answers: Any) -> Any:
    """One answer after the other, the last for ever."""
    rest = list(answers)
    return lambda _: rest.pop(0) if len(rest) > 1 else rest[0]


def asked(fake: FakeCloud) -> list[str]:
    return [key for key, _, _ in fake.asked]


@pytest.mark.parametrize("lost", [CLOSED, (500, {}), (502, b"<html>"), (503, {}), (504, {})])
def test_a_lost_answer_is_not_a_lost_look(fake: FakeCloud, patient: OpenStackCloud, clock: Clock, lost: Any) -> None:
    fake.answers = {LISTS: gives(lost, lost, THERE)}
    seen = patient.observe(OWNER, frozenset({Kind.NETWORK}))
    assert [n.id for n in seen.of(Network)] == ["n1"] and not seen.trouble
    assert asked(fake) == [LISTS] * 3
    assert 0 < clock.pauses[0] < clock.pauses[1] < 1, "at once, and a little later each time"


def test_what_changes_something_is_asked_for_once(fake: FakeCloud, patient: OpenStackCloud) -> None:
    failures: tuple[Any, ...] = (CLOSED, (503, {}), (500, {}))
    for failure in failures:
        fake.asked.clear()
        fake.answers = {LISTS: (200, {"networks": []}), "POST /v2.0/networks": failure}
        with pytest.raises(Temporary):
            patient.carry_out(OWNER, steps.EnsureNetwork("web-11111111-net"))
        assert asked(fake) == [LISTS, "POST /v2.0/networks"]
    fake.asked.clear()
    fake.answers = {"DELETE /v2.0/security-groups/s1": (503, {})}
    with pytest.raises(Temporary):
        patient.carry_out(OWNER, steps.Remove(Kind.SECURITY_GROUP, "s1", "sg"))
    assert asked(fake) == ["DELETE /v2.0/security-groups/s1"]


@pytest.mark.parametrize("refusal", [400, 403, 404, 409])
def test_a_refusal_is_an_answer(fake: FakeCloud, patient: OpenStackCloud, refusal: int) -> None:
    fake.answers = {LISTS: (refusal, {"NeutronError": {"type": "x", "message": "no"}})}
    assert patient.observe(OWNER, frozenset({Kind.NETWORK})).trouble
    assert asked(fake) == [LISTS]


def test_a_service_that_says_when_to_come_back_is_not_asked_before(clock: Clock) -> None:
    answers = [Unanswered("busy", reason="CloudBusy", retry_after=4.0)]

    def ask() -> str:
        if answers:
            raise answers.pop()
        return "read"

    assert clock.patience().read("Nova", ask) == "read"
    assert 4.0 <= clock.now <= 5.0


def test_one_that_says_later_than_the_look_can_wait_is_not_waited_for(clock: Clock) -> None:
    def ask() -> str:
        raise Unanswered("busy", reason="CloudBusy", retry_after=BOUND + 1)

    with pytest.raises(Unanswered) as told:
        clock.patience().read("Nova", ask)
    assert clock.now == 0 and told.value.after == BOUND + 1


def test_no_try_begins_after_the_bound(clock: Clock) -> None:
    began = []

    def times_out() -> str:
        began.append(clock.now)
        clock.now += 5.0
        raise Unanswered("no answer")

    with pytest.raises(Unanswered):
        clock.patience().read("Nova", times_out)
    assert len(began) == 3 and began[-1] <= BOUND


def test_all_projects_together_ask_a_service_that_is_away_once_each(clock: Clock) -> None:
    patience, tries = clock.patience(), list[str]()

    def away() -> str:
        tries.append("x")
        raise Unanswered("away")

    for _ in range(200):
        with pytest.raises(Unanswered):
            patience.read("Cinder", away)
    assert len(tries) == 200 + 100, "the credit is used up"
    assert patience.read("Nova", lambda: "read") == "read", "others are not blamed for it"
    tries.clear()
    for _ in range(8):
        patience.read("Cinder", lambda: "back")
    with pytest.raises(Unanswered):
        patience.read("Cinder", away)
    assert len(tries) > 1, "it answers again: its answers earn repetitions"


def test_a_fifth_of_lost_answers_goes_on_being_made_good(clock: Clock) -> None:
    patience, chance, failed = clock.patience(), Random(2), 0

    def ask() -> str:
        if chance.random() < 0.2:
            raise Unanswered("lost")
        return "read"

    for _ in range(5000):
        try:
            patience.read("Neutron", ask)
        except Unanswered:
            failed += 1
    assert failed < 10  # a fifth to the power of five, of 5000: 1.6


def test_a_login_is_made_again(fake: FakeCloud, clock: Clock) -> None:
    class Away(FakeCloud):
        lost = 2

        def send(self, request: requests.PreparedRequest, *given: Any, **more: Any) -> requests.Response:
            if str(request.url).endswith("/auth/tokens") and self.lost:
                self.lost -= 1
                return _response(request, 503, {})
            return super().send(request, *given, **more)

    away = Away()
    away.answers = {LISTS: THERE}
    settings = OpenStackSettings("https://identity/v3", "navarch", "secret")
    cloud = OpenStackCloud(settings, transport=away, patience=clock.patience())
    assert cloud.observe(OWNER, frozenset({Kind.NETWORK})).knows(Network) and away.lost == 0


def test_a_wrong_password_is_told_at_once(clock: Clock) -> None:
    class Closed(FakeCloud):
        logins = 0

        def send(self, request: requests.PreparedRequest, *given: Any, **more: Any) -> requests.Response:
            if str(request.url).endswith("/auth/tokens"):
                self.logins += 1
                return _response(request, 401, {"error": {"message": "no"}})
            return super().send(request, *given, **more)

    closed = Closed()
    settings = OpenStackSettings("https://identity/v3", "navarch", "secret")
    cloud = OpenStackCloud(settings, transport=closed, patience=clock.patience())
    with pytest.raises(Permanent):
        cloud.quota("p1")
    assert clock.now == 0 and closed.logins == 2  # the project's, then Navarch's own, which tells which is wrong
