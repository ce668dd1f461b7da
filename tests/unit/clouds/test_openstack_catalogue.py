"""Node images become releases."""

from typing import Any

import pytest

from navarch.clouds.openstack.offer import capacity_of, components_of, is_trusted, releases_of
from navarch.domain.offer import Offer, Release


def image(image_id: str, **properties: Any) -> dict[str, Any]:
    return {
        "id": image_id,
        "name": f"image {image_id}",
        "min_disk": 4,
        "created_at": "2026-11-01T00:00:00Z",
    } | properties


def test_an_image_tells_its_version_bundle_and_components() -> None:
    node = image(
        "i1",
        navarch_kubernetes_version="1.37.2",
        navarch_bundle="sha256:1",
        navarch_components="etcd=3.6.8-0,calico=v3.28.5",
        navarch_build_date="2026-11-20T10:00:00Z",
    )
    assert releases_of([node, image("debian")]) == (
        Release(
            kubernetes_version="1.37.2",
            image_id="i1",
            image_name="image i1",
            bundle="sha256:1",
            components=(("etcd", "3.6.8-0"), ("calico", "v3.28.5")),
            min_disk_gib=4,
            built_at="2026-11-20T10:00:00Z",
        ),
    )


def test_of_two_images_of_one_version_new_clusters_get_the_one_built_last() -> None:
    first = image("i1", navarch_kubernetes_version="1.37.2", navarch_build_date="2026-11-20T10:00:00Z")
    second = image("i2", navarch_kubernetes_version="1.37.2", navarch_build_date="2026-11-21T10:00:00Z")
    for order in ([first, second], [second, first]):
        offer = Offer(releases=releases_of(order))
        assert [release.image_id for release in offer.releases] == ["i2", "i1"]
        assert [release.image_id for release in offer.newest_releases] == ["i2"]
        newest = offer.release("1.37.2")
        assert newest is not None and newest.image_id == "i2"


def test_the_newest_version_comes_first() -> None:
    images = [image(v, navarch_kubernetes_version=v) for v in ("1.9.1", "1.37.2", "1.36.10", "1.36.9")]
    assert [release.kubernetes_version for release in releases_of(images)] == ["1.37.2", "1.36.10", "1.36.9", "1.9.1"]


@pytest.mark.parametrize(
    ("extra_specs", "capacity"),
    [
        ({}, ()),
        ({"hw:cpu_policy": "dedicated"}, ()),
        ({"capacity.cluster-autoscaler.kubernetes.io:gpu-count": "2"}, (("nvidia.com/gpu", 2),)),
        (
            {
                "capacity.cluster-autoscaler.kubernetes.io:gpu-type": "amd.com/gpu",
                "capacity.cluster-autoscaler.kubernetes.io:gpu-count": "1",
            },
            (("amd.com/gpu", 1),),
        ),
        ({"capacity.cluster-autoscaler.kubernetes.io:gpu-type": "amd.com/gpu"}, ()),
        ({"capacity.cluster-autoscaler.kubernetes.io:gpu-count": "many"}, ()),
        ({"capacity.cluster-autoscaler.kubernetes.io:gpu-count": "0"}, ()),
    ],
)
def test_a_flavor_names_its_devices_in_the_words_of_other_autoscalers(
    extra_specs: dict[str, str], capacity: tuple[tuple[str, int], ...]
) -> None:
    assert capacity_of(extra_specs) == capacity


def test_components_that_say_nothing_are_left_out() -> None:
    assert components_of("a=1, b = 2,broken,,c=x=y") == (("a", "1"), ("b", "2"), ("c", "x=y"))
    assert components_of("") == ()


@pytest.mark.parametrize(
    ("owners", "trusted"),
    [((), {"public"}), (("operator",), {"public", "shared"}), (("mallory",), {"mallorys", "community"})],
)
def test_a_node_image_is_the_operators_whatever_its_properties_say(owners: tuple[str, ...], trusted: set[str]) -> None:
    newest = {"navarch_kubernetes_version": "1.37.2", "navarch_build_date": "9999"}
    images = [
        image("public", visibility="public", owner="operator"),
        image("shared", visibility="shared", owner="operator"),
        image("mallorys", visibility="shared", owner="mallory", **newest),
        image("community", visibility="community", owner="mallory", **newest),
    ]
    assert {i["id"] for i in images if is_trusted(i, owners)} == trusted
