"""Fields of an add-on that somebody else sets, on a real kube-apiserver: taken back, and told with who it was."""

from typing import Any

import pytest
from tests.integration.test_charts_on_a_real_api_server import (
    AVAILABLE,
    CONFIG_MAPS,
    DEPLOYMENTS,
    Shop,
    config_map,
    deployment,
    namespace,
    report,
    scale,
)
from tests.integration.test_charts_on_a_real_api_server import api as api
from tests.integration.test_charts_on_a_real_api_server import shop as shop

from navarch.addons.connection import Connection
from navarch.domain.disputes import Dispute

pytestmark = pytest.mark.kube


def applies(api: Connection, who: str, **data: str) -> None:
    """Somebody's server-side apply of the add-on's settings, over whoever set them."""
    made: dict[str, Any] = {**config_map(**data), "metadata": {"name": "settings", "namespace": "shop"}}
    api.apply_as(who, f"{CONFIG_MAPS}/settings", made)


def test_a_field_of_somebody_elses_is_taken_back_and_told_with_its_manager(shop: Shop, api: Connection) -> None:
    objects = (namespace(), config_map(a="1", b="1"))
    assert shop.apply(*objects).taken == ()
    applies(api, "argocd-controller", a="2", mine="3")
    applies(api, "argocd-controller", a="2", mine="3", b="1")  # the same as the add-on's: both may have it
    done = shop.apply(*objects)
    assert done.taken == (Dispute("ConfigMap shop/settings", ".data.a", "argocd-controller"),)
    assert api.get(f"{CONFIG_MAPS}/settings")["data"] == {"a": "1", "b": "1", "mine": "3"}
    assert shop.apply(*objects).taken == (), "it is the add-on's again"


def test_replicas_that_somebody_sets_are_told_also_while_pods_are_waited_for(shop: Shop, api: Connection) -> None:
    objects = (namespace(), deployment(replicas=2))
    shop.apply(*objects)
    scale(api, 5)
    done = shop.apply(*objects)
    assert done.waits, "its pods do not run here"
    (told,) = done.taken
    assert (told.object, told.field) == ("Deployment shop/web", ".spec.replicas")
    assert told.manager
    report(api, f"{DEPLOYMENTS}/web", **dict.fromkeys(AVAILABLE, 2))
    assert not shop.apply(*objects).taken


def test_what_others_call_themselves_is_shown_and_does_nothing(shop: Shop, api: Connection) -> None:
    shop.apply(namespace(), config_map(a="1"))
    applies(api, 'bad"name' + "x" * 90, a="2")
    (told,) = shop.apply(namespace(), config_map(a="1")).taken
    assert "bad" in told.manager
    assert len(told.manager) <= 60


def test_of_an_object_with_many_such_fields_a_few_are_told(shop: Shop, api: Connection) -> None:
    many = {f"k{n:02}": "1" for n in range(30)}
    shop.apply(namespace(), config_map(**many))
    applies(api, "kubectl-edit", **dict.fromkeys(many, "2"))
    assert len(shop.apply(namespace(), config_map(**many)).taken) == 5
    assert api.get(f"{CONFIG_MAPS}/settings")["data"] == many
