"""What hangs on an add-on and is none of its objects, on a real kube-apiserver: counted, kept, gone with data."""

from time import sleep
from typing import Any

import pytest
from tests.integration.test_chart_hooks_on_a_real_api_server import there, until
from tests.integration.test_charts_on_a_real_api_server import (
    AVAILABLE,
    BOAT,
    CLAIMS,
    DEFINITION,
    STATEFUL_SETS,
    Shop,
    claim,
    namespace,
    report,
    stateful_set,
)
from tests.integration.test_charts_on_a_real_api_server import api as api
from tests.integration.test_charts_on_a_real_api_server import shop as shop

from navarch.addons.connection import Connection
from navarch.addons.contract import Asks
from navarch.addons.errors import Absent
from navarch.domain.catalogue import Beside

pytestmark = pytest.mark.kube

BOATS = "/apis/example.org/v1/namespaces/default/boats"


def database() -> dict[str, Any]:
    template = {"metadata": {"name": "data"}, "spec": claim("data")["spec"]}
    return stateful_set(volumeClaimTemplates=[template])


def makes(api: Connection, name: str, **metadata: Any) -> None:
    """A claim, as the StatefulSet's controller makes it."""
    made = claim(name)
    made["metadata"] |= {"labels": {"app": "db"}, **metadata}
    api.create(CLAIMS, made)


def counted(shop: Shop) -> Beside:
    asks = Asks(chosen=(("shop", shop.items),), beside=("shop",))
    (seen,) = shop.clusters.observe(shop.access, asks).chosen
    assert seen.beside is not None
    return seen.beside


def there_now(shop: Shop, api: Connection) -> None:
    """The add-on with a StatefulSet and a definition, and what came to hang on them."""
    while shop.apply(namespace(), DEFINITION, database()).waits:
        if there(api, f"{STATEFUL_SETS}/db"):
            report(api, f"{STATEFUL_SETS}/db", **AVAILABLE, currentRevision="1", updateRevision="1")
    for ordinal in range(2):
        makes(api, f"data-db-{ordinal}")
    for name, more in (
        ("data-db-x", {}),
        ("mydata-db-0", {}),
        ("data-db-0-0", {}),
        ("data-db-7", {"labels": {"app": "another"}}),
        ("data-db-8", {"labels": {"app": "db", "navarch.io/chosen-addon": "another"}}),
    ):
        makes(api, name, **more)


OTHERS = {"data-db-x", "mydata-db-0", "data-db-0-0", "data-db-7", "data-db-8"}


def names(api: Connection) -> set[str]:
    return {
        c["metadata"]["name"] for c in api.list(CLAIMS, page=50, pages=1) if "deletionTimestamp" not in c["metadata"]
    }


def test_claims_of_a_stateful_set_and_objects_of_its_kinds_are_counted(shop: Shop, api: Connection) -> None:
    there_now(shop, api)
    found = counted(shop)
    assert [(c.namespace, c.name) for c in found.claims] == [("shop", "data-db-0"), ("shop", "data-db-1")]
    assert found.objects == ()
    until(lambda: sails(api))
    assert counted(shop).objects == (("boats.example.org", 1),)
    (plain,) = shop.clusters.observe(shop.access, Asks(chosen=(("shop", shop.items),))).chosen
    assert plain.beside is None, "asked for rarely"


def sails(api: Connection) -> bool:
    try:
        api.create(BOATS, BOAT)
    except Absent:  # the kind is not served yet
        return False
    return True


def test_they_stay_where_an_add_on_goes_without_its_data(shop: Shop, api: Connection) -> None:
    there_now(shop, api)
    until(lambda: not shop.remove())
    assert not there(api, f"{STATEFUL_SETS}/db")
    assert names(api) == OTHERS | {"data-db-0", "data-db-1"}


def test_with_its_data_they_go_and_nobody_elses_do(shop: Shop, api: Connection) -> None:
    there_now(shop, api)
    shop.noted.clear()
    shop.remove(with_data=True)
    assert {i.name for i in shop.noted[0] if i.kind == "PersistentVolumeClaim"} == {"data-db-0", "data-db-1"}
    until(lambda: (shop.remove(with_data=True), names(api))[1] == OTHERS)


def test_a_claim_whose_chart_says_so_is_kept(shop: Shop, api: Connection) -> None:
    there_now(shop, api)
    api.merge(f"{CLAIMS}/data-db-1", {"metadata": {"annotations": {"helm.sh/resource-policy": "keep"}}})
    shop.remove(with_data=True)
    until(lambda: (shop.remove(with_data=True), names(api))[1] == OTHERS | {"data-db-1"})


def test_a_claim_that_was_there_before_the_set_is_somebody_elses(shop: Shop, api: Connection) -> None:
    shop.apply(namespace())
    makes(api, "data-db-5")
    sleep(1.1)  # times of creation have seconds
    there_now(shop, api)
    assert "data-db-5" not in {c.name for c in counted(shop).claims}
    until(lambda: (shop.remove(with_data=True), names(api))[1] == OTHERS | {"data-db-5"})


def test_claims_that_stayed_are_the_add_ons_when_it_comes_again(shop: Shop, api: Connection) -> None:
    there_now(shop, api)
    until(lambda: not shop.remove())
    assert {"data-db-0", "data-db-1"} <= names(api)
    sleep(1.1)  # times of creation have seconds
    shop.items = ()
    while shop.apply(namespace(), DEFINITION, database()).waits:
        if there(api, f"{STATEFUL_SETS}/db"):
            report(api, f"{STATEFUL_SETS}/db", **AVAILABLE, currentRevision="1", updateRevision="1")
    until(lambda: (shop.remove(with_data=True), names(api))[1] == OTHERS)
