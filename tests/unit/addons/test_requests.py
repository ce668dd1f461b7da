"""Quantities, and what a pod needs of them."""

from typing import Any

import pytest

from navarch.addons.requests import amounts, of_pod


def container(name: str = "c", cpu: str = "", memory: str = "", **more: Any) -> dict[str, Any]:
    asked = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    return {"name": name, "resources": {"requests": asked}, **more}


@pytest.mark.parametrize(
    ("said", "cpu", "memory"),
    [
        ("1", 1000, 1),
        ("100m", 100, 1),
        ("0.5", 500, 1),
        ("1500u", 2, 1),
        ("2Ki", 2048000, 2048),
        ("1e3", 1000000, 1000),
        ("1k", 1000000, 1000),
        ("1E", 2**63 - 1, 10**18),
        ("-1", 0, 0),
        ("many", 0, 0),
        ("NaN", 0, 0),
        ("1e999999", 2**63 - 1, 2**63 - 1),
    ],
)
def test_quantities(said: str, cpu: int, memory: int) -> None:
    assert amounts({"cpu": said, "memory": said}) == (("cpu", cpu), ("memory", memory))


def test_containers_add_up_and_the_largest_init_container_counts_for_the_whole_life() -> None:
    spec = {
        "containers": [container("a", "100m", "10"), container("b", "200m")],
        "initContainers": [container("i", "1", "5")],
    }
    assert of_pod({"spec": spec}) == (("cpu", 1000), ("memory", 10))


def test_an_init_container_has_the_sidecars_before_it_beside_it() -> None:
    side, init = container("s", "300m", restartPolicy="Always"), container("i", "500m")
    app = [container("a", "400m")]
    assert of_pod({"spec": {"containers": app, "initContainers": [side, init]}}) == (("cpu", 800),)
    assert of_pod({"spec": {"containers": app, "initContainers": [init, side]}}) == (("cpu", 700),)


def test_what_is_asked_for_the_whole_pod_takes_the_place_and_overhead_comes_on_top() -> None:
    spec = {
        "containers": [container("a", "400m", "100")],
        "resources": {"requests": {"cpu": "1", "ephemeral-storage": "5"}},
        "overhead": {"cpu": "50m", "memory": "7"},
    }
    assert of_pod({"spec": spec}) == (("cpu", 1050), ("memory", 107))


def test_while_resources_change_the_larger_counts() -> None:
    status = {"containerStatuses": [{"name": "a", "allocatedResources": {"cpu": "900m"}}]}
    assert of_pod({"spec": {"containers": [container("a", "400m")]}, "status": status}) == (("cpu", 900),)
