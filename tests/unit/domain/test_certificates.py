"""Certificates of a cluster that end."""

from dataclasses import replace
from datetime import datetime, timedelta

from tests.unit.domain.clusters import NOW, WANTED, cluster
from tests.unit.domain.test_plan import grown

from navarch.domain.conditions import CERTIFICATES, READY, judge
from navarch.domain.kube import Serving
from navarch.domain.observed import Observed
from navarch.domain.plan import plan
from navarch.domain.status import Status
from navarch.domain.steps import NoteCertificate

MACHINE = "shop-3f2a91bc-cp-0"


def seen_with(until: datetime, of: str = MACHINE) -> Observed:
    """A cluster that is as wanted, and whose API server has a certificate until then."""
    seen = grown(cluster())
    assert seen.kube is not None
    return replace(seen, kube=replace(seen.kube, serving=Serving(("kubernetes", of), until)))


def noted(seen: Observed) -> Observed:
    """What is seen once the plan has nothing left to do."""
    for step in plan(cluster(), seen, WANTED, now=NOW):
        seen = step.after(seen, None, NOW)
    return seen


def test_of_a_certificate_that_lasts_nothing_is_written_down() -> None:
    assert plan(cluster(), seen_with(NOW + timedelta(days=90)), WANTED, now=NOW) == ()
    assert plan(cluster(), seen_with(NOW, of="somebody-elses"), WANTED, now=NOW) == ()


def test_one_that_ends_is_told_with_its_machine_whichever_answers_next_and_until_it_is_renewed() -> None:
    until = NOW + timedelta(days=20)
    first = seen_with(until)
    assert plan(cluster(), first, WANTED, now=NOW) == (NoteCertificate(MACHINE, until),)
    seen = noted(first)
    assert plan(cluster(), seen, WANTED, now=NOW) == ()
    other = replace(seen, kube=seen_with(NOW + timedelta(days=300), of="another").kube)
    for look in (seen, other):
        status = judge(cluster(), look, WANTED, (), Status(), now=NOW)
        told = status.condition(CERTIFICATES)
        assert told is not None and (told.status, told.reason, told.responsible) == (
            "False",
            "CertificateEnding",
            "user",
        )
        assert MACHINE in told.message and f"machine delete {MACHINE}" in (told.remedy or "")
        ready = status.condition(READY)
        assert ready is not None and ready.status == "True"
    renewed = replace(seen, kube=seen_with(NOW + timedelta(days=365)).kube)
    assert plan(cluster(), renewed, WANTED, now=NOW) == (NoteCertificate(MACHINE, None),)
    assert judge(cluster(), noted(renewed), WANTED, (), Status(), now=NOW).condition(CERTIFICATES) is None


def test_one_that_has_sixty_days_is_noted_and_not_told() -> None:
    seen = noted(seen_with(NOW + timedelta(days=45)))
    assert judge(cluster(), seen, WANTED, (), Status(), now=NOW).condition(CERTIFICATES) is None


def test_authorities_that_end_within_a_year_are_told() -> None:
    old = replace(cluster(), created_at=NOW - timedelta(days=3300))
    told = judge(old, grown(cluster()), WANTED, (), Status(), now=NOW).condition(CERTIFICATES)
    assert told is not None and told.reason == "AuthorityEnding"
