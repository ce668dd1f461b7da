"""The add-ons that every cluster has: their order, what is known of them without rendering, and the digests that a look
goes by."""

from graphlib import CycleError

import pytest
from tests.unit.addons.sample_inputs import cluster, inputs, release

from navarch import __version__
from navarch.addons import catalogue
from navarch.addons.contract import Inputs
from navarch.addons.facts import FACTS
from navarch.addons.package import Package
from navarch.charts.given import GIVEN
from navarch.domain.catalogue import Card
from navarch.domain.errors import Permanent

ADDONS = catalogue.names()
CLOUD_FILES = inputs().cloud_files


def card(name: str) -> Card:
    return Card(name, "1.0.0", name, name, "security", "Apache-2.0", ">=1.36.0-0", "kube-system")


def packages(**after: tuple[str, ...]) -> dict[str, Package]:
    return {name: Package(card(name), after=others) for name, others in after.items()}


def test_an_addon_is_behind_those_it_comes_after_and_else_in_the_order_of_names() -> None:
    assert catalogue.in_order(packages(a=("c",), b=(), c=("b",), d=())) == ("b", "d", "c", "a")


def test_an_order_that_cannot_be_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="add-on a comes after nobody"):
        catalogue.in_order(packages(a=("nobody",)))
    with pytest.raises(CycleError):
        catalogue.in_order(packages(a=("b",), b=("a",)))


# -- what stands in the charts


@pytest.mark.parametrize("name", ADDONS)
def test_each_is_an_entry_with_a_card(name: str) -> None:
    its = catalogue.package(name).card
    assert its.required
    assert its.version == __version__
    assert its.title and its.description and its.category and its.licence == "Apache-2.0"
    assert its.namespace == "kube-system"
    assert [image.reference.rpartition("/")[2] for image in its.images] == list(catalogue.package(name).components)


@pytest.mark.parametrize("name", ADDONS)
def test_each_is_given_what_it_asks_for_and_nothing_can_be_set(name: str) -> None:
    schema = catalogue.package(name).schema
    assert schema["additionalProperties"] is False
    assert {inner[GIVEN] for inner in schema["properties"].values()} <= FACTS.keys()
    assert set(schema["required"]) == set(catalogue.package(name).values(inputs())) == set(schema["properties"])


def test_every_fact_is_asked_for() -> None:
    asked = {inner[GIVEN] for name in ADDONS for inner in catalogue.package(name).schema["properties"].values()}
    assert asked == set(FACTS)


@pytest.mark.parametrize("name", ADDONS)
def test_every_image_is_of_a_component_and_run_by_a_workload(name: str) -> None:
    its = catalogue.package(name)
    assert {image for workload in its.workloads for image in workload.images} == set(its.components)


# -- digests


def digests(of: Inputs) -> dict[str, str]:
    return {name: catalogue.package(name).digest(of) for name in ADDONS}


def test_the_same_inputs_give_the_same_digests() -> None:
    assert digests(inputs()) == digests(inputs())


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({"cluster": cluster(of=release(calico="v3.29.0"))}, {"calico"}),
        ({"mtu": 1500}, {"calico"}),
        ({"api_address": "10.0.0.9"}, {"calico", "kube-proxy"}),
        ({"cloud_files": {**CLOUD_FILES, "cloud.conf": "other"}}, {"cloud-controller", "cinder-csi"}),
        ({"cloud_files": {"cloud.conf": CLOUD_FILES["cloud.conf"]}}, {"cloud-controller", "cinder-csi"}),
        ({"volume_types": (("hdd", ("z1",)), ("ssd", ()))}, {"cinder-csi"}),
        ({"cluster": cluster(workers=5)}, set()),
        ({"machines": {"demo-6f1f6a3e-cp-0": "cp"}}, {"guard-rails"}),
        (
            {"cluster": cluster(control_plane=3)},
            {"cloud-controller", "cinder-csi", "kube-proxy", "metrics-server", "guard-rails"},
        ),
    ],
)
def test_a_digest_changes_with_what_it_is_made_of_and_nothing_else(
    changes: dict[str, object], changed: set[str]
) -> None:
    before = digests(inputs())
    after = digests(inputs(**changes))
    assert {name for name in ADDONS if before[name] != after[name]} == changed


def test_an_image_without_a_component_is_refused_before_anything_is_rendered() -> None:
    with pytest.raises(Permanent) as refused:
        digests(inputs(cluster=cluster(of=release(csi_resizer=""))))
    assert refused.value.reason == "ImageIncomplete"
