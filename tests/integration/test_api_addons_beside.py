"""Add-ons of one cluster beside each other, as the API takes and refuses them: what requires, conflicts, is alone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.integration.api_fixtures import OFFER, SEALER, Api, MakeApi, errors, plenty
from tests.integration.catalogue_fixtures import Unchanging, add_entry

from navarch.bootstrap.vault import close_values
from navarch.domain.chosen import Chosen
from navarch.domain.terms import Created, Terms
from navarch.store.contract import Clash

pytestmark = pytest.mark.postgres

ADDONS = "/clusters/shop/addons"
NEEDS = Terms(requires=("kinds",))
CREATES = (Created("Lease", "coordination.k8s.io", name="{name}-leader"), Created("Secret", labels=(("of", "{name}"),)))


@pytest.fixture
def shop(make_api: MakeApi) -> Api:
    """A cluster, and a catalogue: `operator` provides `kinds`, which `web` requires; `other` conflicts with them;
    `one` is alone; version 2.0.0 of `operator` provides nothing, 2.0.0 of `web` conflicts with `one`."""
    api = make_api(renderer=Unchanging())
    api.store.write_offer(OFFER)
    api.store.write_quota("alpha", plenty())
    operator = Terms(provides=("kinds",), creates=CREATES, leaves=("The bucket stays.",))
    for name, version, terms in (
        ("operator", "1.0.0", operator),
        ("operator", "2.0.0", Terms()),
        ("web", "1.0.0", NEEDS),
        ("web", "2.0.0", Terms(requires=("kinds",), conflicts=("one",))),
        ("other", "1.0.0", Terms(conflicts=("kinds",))),
        ("one", "1.0.0", Terms(alone=True)),
        ("lost", "1.0.0", Terms(requires=("nothing-has-it",))),
    ):
        add_entry(api.store, name, version, terms=terms)
    api.create()
    return api


def install(api: Api, entry: str, **body: Any) -> Any:
    return api.post(ADDONS, {"entry": entry, "version": "1.0.0", **body})


def test_what_requires_another_is_refused_before_it_is_there_and_says_which_entry_has_it(shop: Api) -> None:
    for dry_run in ("", "?dry_run=true"):
        answer = shop.post(f"{ADDONS}{dry_run}", {"entry": "web", "version": "1.0.0"})
        assert answer.status_code == 422
        assert errors(answer) == {
            "entry": "web requires kinds, which the cluster does not have: install operator first, or with it"
        }
    assert "no entry of the catalogue provides that" in errors(install(shop, "lost"))["entry"]
    assert install(shop, "operator", name="mine").status_code == 202
    assert install(shop, "web").status_code == 202


def test_it_is_told_together_with_all_else_that_is_wrong(shop: Api) -> None:
    answer = install(shop, "web", name="Bad", values={"size": "x"})
    assert set(errors(answer)) == {"name", "entry", "values.size"}


def test_what_does_not_bear_another_is_refused_whoever_says_so(shop: Api) -> None:
    install(shop, "operator")
    said = errors(install(shop, "other"))["entry"]
    assert said == "other cannot be in one cluster with operator (kinds): add-on operator"
    shop.delete(f"{ADDONS}/operator")
    assert install(shop, "other").status_code == 422, "it is still there"


def test_of_an_entry_that_is_alone_a_second_is_refused(shop: Api) -> None:
    assert install(shop, "one").status_code == 202
    answer = install(shop, "one", name="two", namespace="two")
    assert errors(answer) == {"entry": "a cluster has one add-on of one at most, and one is one"}


def test_an_upgrade_is_asked_the_same(shop: Api) -> None:
    for name in ("operator", "web", "one"):
        install(shop, name)
    for dry_run in ("", "?dry_run=true"):
        answer = shop.patch(f"{ADDONS}/web{dry_run}", {"version": "2.0.0"})
        assert errors(answer) == {"version": "web cannot be in one cluster with one: add-on one"}
        lost = shop.patch(f"{ADDONS}/operator{dry_run}", {"version": "2.0.0"})
        assert errors(lost) == {"version": "add-on web requires what 2.0.0 does not provide"}
    assert shop.patch(f"{ADDONS}/operator", {"values": {"size": 2}}).status_code == 200


def test_one_that_another_requires_is_not_removed_before_that(shop: Api) -> None:
    install(shop, "operator")
    install(shop, "web")
    assert shop.get(f"{ADDONS}/operator").json()["needed_by"] == ["web"]
    refused = shop.delete(f"{ADDONS}/operator")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:navarch:problem:add-on-needed")
    assert "web cannot do without add-on operator" in refused.text
    assert shop.get(f"{ADDONS}/operator").json()["deletion_requested_at"] is None
    assert shop.delete(f"{ADDONS}/web").status_code == 202
    assert shop.delete(f"{ADDONS}/operator").status_code == 202
    assert shop.delete(f"{ADDONS}/operator?no_hooks=true").status_code == 202


def test_what_came_since_it_was_considered_counts_too(shop: Api) -> None:
    install(shop, "operator")
    cluster = shop.get("/clusters/shop").json()["id"]
    values = close_values(SEALER, cluster, "web", {})
    other = Chosen("other", "other", "1.0.0", "other", "", terms=Terms(conflicts=("kinds",)))
    with pytest.raises(Clash, match="cannot be in one cluster"):
        shop.store.choose(cluster, other, values)
    web = Chosen("web", "web", "1.0.0", "web", "", terms=NEEDS)
    shop.store.choose(cluster, web, values)
    with pytest.raises(Clash, match="web requires it"):
        shop.store.request_chosen_removal(cluster, "operator", at=datetime.now(UTC), with_data=False)
    (operator, _) = shop.store.chosen(cluster)
    with pytest.raises(Clash, match="web would lack"):
        shop.store.change_chosen(cluster, Chosen("operator", "operator", "2.0.0", "operator", ""), values)
    assert shop.store.chosen(cluster)[0] == operator


def test_a_new_cluster_may_ask_for_them_in_any_order_and_not_for_what_cannot_be_together(shop: Api) -> None:
    def asked(*names: str) -> Any:
        addons = [{"entry": name, "version": "1.0.0"} for name in names]
        return shop.post("/clusters?dry_run=true", {"name": "new", "spec": {"addons": addons}})

    assert asked("web", "operator").status_code == 200
    told = errors(asked("web", "other", "lost"))
    assert set(told) == {"spec.addons[0].entry", "spec.addons[2].entry"}
    assert set(errors(asked("operator", "other"))) == {"spec.addons[1].entry"}


def test_a_new_clusters_add_ons_that_would_wait_for_each_other_are_refused(shop: Api) -> None:
    add_entry(shop.store, "mine", "1.0.0", terms=Terms(requires=("web",), provides=("kinds",)))
    addons = [{"entry": "web", "version": "1.0.0"}, {"entry": "mine"}]
    said = errors(shop.post("/clusters?dry_run=true", {"name": "new", "spec": {"addons": addons}}))
    assert said == {"spec.addons": "web, mine would wait for each other: none can be installed first"}
    addons += [{"entry": "operator", "version": "1.0.0"}]
    assert shop.post("/clusters?dry_run=true", {"name": "new", "spec": {"addons": addons}}).status_code == 200


def test_what_is_removed_and_what_stays_is_shown_beforehand(shop: Api) -> None:
    install(shop, "operator", name="mine", namespace="here")
    shown = shop.get(f"{ADDONS}/mine").json()
    assert shown["creates"] == [
        {"kind": "Lease", "namespace": "here", "name": "mine-leader", "labels": {}},
        {"kind": "Secret", "namespace": "here", "name": "", "labels": {"of": "mine"}},
    ]
    assert (shown["leaves"], shown["needed_by"]) == (["The bucket stays."], [])


def test_the_catalogue_says_what_an_entry_requires(shop: Api) -> None:
    entry = shop.get("/addons/web").json()
    assert (entry["requires"], entry["conflicts"], entry["provides"], entry["instances"]) == (
        ["kinds"],
        ["one"],
        [],
        "many",
    )
    assert shop.get("/addons/one").json()["instances"] == "one"
