"""What entries say of their add-ons' programs, on a real kube-apiserver: what these made goes with the add-on, and
nothing else does; what they complain of is heard."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.chosen_entry import there
from tests.integration.kube_apiserver import ApiServer
from tests.integration.test_charts_on_a_real_api_server import (
    BOAT,
    CONFIG_MAPS,
    DEFINITION,
    Shop,
    config_map,
    namespace,
)
from tests.integration.test_charts_on_a_real_api_server import api as api
from tests.integration.test_charts_on_a_real_api_server import shop as shop

from navarch.addons.connection import Connection
from navarch.addons.contract import Asks
from navarch.addons.rendering import ADDON_LABEL
from navarch.addons.targets import LABEL
from navarch.domain.catalogue import Item
from navarch.domain.errors import Permanent
from navarch.domain.terms import Complaint, Created, EventsRule, Terms

pytestmark = pytest.mark.kube

SECRETS = "/api/v1/namespaces/shop/secrets"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
BOATS = "/apis/example.org/v1/namespaces/shop/boats"
SERVICES = "/api/v1/namespaces/kube-system/services"
EVENTS = "/api/v1/namespaces/shop/events"
OF_SHOP = {"made-by": "shop"}


@pytest.fixture(autouse=True)
def inhabited(shop: Shop, api: Connection) -> None:
    """The add-on's namespace has something of somebody else's: it stays, as no controller here would end it."""
    shop.apply(namespace())
    shop.items = ()
    api.create(CONFIG_MAPS, config_map("somebodys", a="1"))


def made(name: str, labels: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels or {}}, **fields}


def gone_with(shop: Shop, *rules: Created, **fields: Any) -> tuple[str, ...]:
    """A removal with what an entry lists; what still goes."""
    creates = Terms(creates=rules).created_by("shop", "shop")
    return shop.remove(creates=creates, namespace="shop", **fields)


def wholly_gone(shop: Shop, *rules: Created, **fields: Any) -> None:
    for _ in range(50):
        waits = gone_with(shop, *rules, **fields)
        if not waits:
            return
    raise AssertionError(waits)


def test_what_a_program_made_goes_by_its_name_or_all_of_its_labels_and_nothing_else_does(
    shop: Shop, api: Connection
) -> None:
    assert not shop.apply(namespace(), config_map(a="1")).waits
    api.create(LEASES, made("shop-leader"))
    api.create(LEASES, made("other-leader"))
    api.create(SECRETS, made("one", {**OF_SHOP, "part": "ca"}))
    api.create(SECRETS, made("two", {**OF_SHOP, "part": "ca", "more": "x"}))
    api.create(SECRETS, made("half", OF_SHOP))
    api.create(SECRETS, made("of-another", {**OF_SHOP, "part": "ca", LABEL: "web"}))
    api.create(SECRETS, made("of-the-system", {**OF_SHOP, "part": "ca", ADDON_LABEL: "dns"}))
    api.create(SERVICES, made("shop-kubelet", spec={"ports": [{"port": 10250}], "clusterIP": "None"}))
    wholly_gone(
        shop,
        Created("Lease", "coordination.k8s.io", name="{name}-leader"),
        Created("Secret", labels=(("made-by", "{name}"), ("part", "ca"))),
        Created("Service", namespace="kube-system", name="{name}-kubelet"),
        Created("Secret", name="never-made"),
        Created("Dragon", "example.org", name="of-no-kind"),
    )
    assert not there(api, f"{CONFIG_MAPS}/settings")
    assert not there(api, f"{LEASES}/shop-leader")
    assert there(api, f"{LEASES}/other-leader")
    left = {s["metadata"]["name"] for s in api.list(SECRETS, page=50, pages=1)}
    assert left == {"half", "of-another", "of-the-system"}
    assert not there(api, f"{SERVICES}/shop-kubelet")


def test_a_kind_of_another_scope_than_the_entry_says_is_left_alone(shop: Shop, api: Connection) -> None:
    api.create(WEBHOOKS, made("shop-hooks"))
    api.create(LEASES, made("shop-leader"))
    rules = (
        Created("ValidatingWebhookConfiguration", "admissionregistration.k8s.io", name="shop-hooks"),
        Created("Lease", "coordination.k8s.io", name="shop-leader", clusterwide=True),
    )
    wholly_gone(shop, *rules)
    assert there(api, f"{WEBHOOKS}/shop-hooks")
    assert there(api, f"{LEASES}/shop-leader")
    wholly_gone(shop, *(Created(r.kind, r.group, name=r.name, clusterwide=not r.clusterwide) for r in rules))
    assert not there(api, f"{WEBHOOKS}/shop-hooks")


def test_of_more_than_could_be_meant_none_is_removed(shop: Shop, api: Connection) -> None:
    shop.apply(namespace(), config_map(a="1"))
    for number in range(101):
        api.create(SECRETS, made(f"s{number}", OF_SHOP))
    rule = Created("Secret", labels=tuple(OF_SHOP.items()))
    with pytest.raises(Permanent, match="more than 100") as refused:
        wholly_gone(shop, rule)
    assert (refused.value.reason, refused.value.responsible) == ("TooManyToRemove", "user")
    assert api.count(SECRETS) == 101
    assert not there(api, f"{CONFIG_MAPS}/settings"), "the add-on's own went before"
    api.delete(f"{SECRETS}/s0")
    wholly_gone(shop, rule)
    assert api.count(SECRETS) == 0


def test_what_stays_with_the_add_on_stays_whatever_the_entry_lists(shop: Shop, api: Connection) -> None:
    kept = config_map("kept", a="1")
    kept["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    shop.apply(namespace(), kept)
    wholly_gone(shop, Created("ConfigMap", name="kept"))
    assert there(api, f"{CONFIG_MAPS}/kept")


def test_what_programs_clean_up_after_goes_while_they_run_and_what_they_make_again_at_the_end(
    shop: Shop, api: Connection
) -> None:
    objects = (namespace(), DEFINITION, config_map(a="1"))
    while shop.apply(*objects).waits:
        pass
    boat = {**BOAT, "metadata": {"name": "own", "finalizers": ["example.org/sink"]}}
    api.create(BOATS, boat)
    api.create(WEBHOOKS, made("shop-hooks"))
    rules = (
        Created("Boat", "example.org", name="own"),
        Created("ValidatingWebhookConfiguration", "admissionregistration.k8s.io", name="shop-hooks", clusterwide=True),
        Created("Secret", name="own"),
    )
    api.create(SECRETS, made("own"))
    assert gone_with(shop, *rules) == ("Boat own is going",)
    assert not there(api, f"{WEBHOOKS}/shop-hooks")
    assert there(api, f"{CONFIG_MAPS}/settings"), "its program is still there"
    assert there(api, f"{SECRETS}/own")
    api.merge(f"{BOATS}/own", {"metadata": {"finalizers": None}})  # the program has done its part
    api.create(WEBHOOKS, made("shop-hooks"))  # and makes this again
    wholly_gone(shop, *rules)
    for path in (f"{BOATS}/own", f"{WEBHOOKS}/shop-hooks", f"{SECRETS}/own", f"{CONFIG_MAPS}/settings"):
        assert not there(api, path)


# -- complaints

RULE = EventsRule(("RecordError",), "dns", "NamesNotWritten", "user", "Give it the key.", ("RecordReady",), 5)


def event(
    api: Connection, name: str, reason: str, about: str, minutes_ago: float, source: str = "dns", **more: Any
) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    api.create(
        EVENTS,
        {
            "metadata": {"name": name},
            "involvedObject": {"kind": "Service", "namespace": "shop", "name": about},
            "reason": reason,
            "message": f"{about}: {reason}",
            "type": "Normal",
            "action": "Write",
            "eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingComponent": source,
            "reportingInstance": f"{source}-1",
            **more,
        },
    )


@pytest.fixture
def quiet(shop: Shop, kube: ApiServer) -> Shop:
    """An add-on of which nobody has said anything yet."""
    shop.apply(namespace(), config_map(a="1"))
    kube.admin().ask("DELETE", EVENTS)
    return shop


def heard(shop: Shop, items: tuple[Item, ...] | None = None) -> Complaint | None:
    asks = Asks(chosen=(("shop", shop.items if items is None else items),), complaints=(("shop", (RULE,)),))
    (seen,) = shop.clusters.observe(shop.access, asks).chosen
    complaint: Complaint | None = seen.complaint
    return complaint


def test_a_complaint_of_the_last_minutes_is_heard_and_is_over_once_that_object_is_well(
    quiet: Shop, api: Connection
) -> None:
    assert heard(quiet) is None
    event(api, "a1", "RecordError", "web", 3)
    event(api, "a2", "RecordError", "shop", 2)
    told = heard(quiet)
    assert told == Complaint(
        "NamesNotWritten", "Service shop/shop (and of 1 more): shop: RecordError", "user", "Give it the key."
    )
    event(api, "a3", "RecordReady", "shop", 1)
    assert heard(quiet) == Complaint(
        "NamesNotWritten", "Service shop/web: web: RecordError", "user", "Give it the key."
    )
    event(api, "a4", "RecordReady", "web", 4)
    assert heard(quiet), "it was well before, and is not now"
    event(api, "a5", "RecordReady", "web", 1)
    assert heard(quiet) is None


def test_what_was_long_ago_or_is_of_others_is_no_complaint(quiet: Shop, api: Connection) -> None:
    event(api, "b1", "RecordError", "web", 6)
    event(api, "b2", "RecordError", "web", 1, source="others")
    event(api, "b3", "Other", "web", 1)
    assert heard(quiet) is None


def test_an_event_that_goes_on_counts_by_when_it_was_seen_last(quiet: Shop, api: Connection) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    event(api, "c1", "RecordError", "web", 40, series={"count": 9, "lastObservedTime": now})
    assert heard(quiet)


def test_what_is_not_there_is_told_before_what_it_complains_of(quiet: Shop, api: Connection) -> None:
    event(api, "d1", "RecordError", "web", 1)
    api.delete(f"{CONFIG_MAPS}/settings")
    assert heard(quiet) is None
    assert heard(quiet, items=())


def test_without_a_rule_no_event_is_read(quiet: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    plain = Connection.list

    def recorded(self: Connection, path: str, **how: Any) -> Any:
        read.append(path)
        return plain(self, path, **how)

    monkeypatch.setattr(Connection, "list", recorded)
    quiet.look()
    assert read
    assert "/api/v1/events" not in read
    assert heard(quiet) is None
    assert read.count("/api/v1/events") == 1, "of an idle rule one list"
