"""What is offered to a cluster whose project has things of its own."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from tests.unit.domain.clusters import NOW, cluster

from navarch.domain.errors import Temporary
from navarch.domain.offer import Flavor, Offer, Quota, VolumeType
from navarch.domain.spec import Cluster
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.offers import Offers

GPU = Flavor("f-gpu", "gpu.large", 8, 32768, 40)


@dataclass
class _Cloud:
    asked: list[str] = field(default_factory=list)
    away: bool = False

    def quota(self, project_id: str) -> Quota:
        self.asked.append(project_id)
        if self.away:
            raise Temporary("away", reason="CloudNotAnswering")
        return Quota(flavors=(GPU,))


def shared(one: Cluster) -> Offer:
    """All that it names."""
    names = {one.spec.control_plane.flavor, *(g.spec.flavor for g in one.node_groups)}
    types = {one.spec.control_plane.etcd_volume.type}
    return Offer(
        flavors=tuple(Flavor(name, name, 2, 4096, 20) for name in sorted(names)),
        volume_types=tuple(VolumeType(name, ()) for name in types),
    )


def test_a_cluster_that_names_nothing_private_costs_no_question() -> None:
    cloud, one = _Cloud(), cluster()
    offers = Offers(cast(Dependencies, SimpleNamespace(cloud=cloud, clock=SimpleNamespace(now=lambda: NOW))))
    assert offers.to(one, shared(one)) == shared(one)
    assert cloud.asked == []


def test_what_a_project_may_use_is_asked_for_every_ten_minutes_and_known_while_the_cloud_is_away() -> None:
    now = [NOW]
    cloud, one = _Cloud(), cluster()
    dependencies: Any = SimpleNamespace(cloud=cloud, clock=SimpleNamespace(now=lambda: now[0]))
    offers, offer = Offers(dependencies), shared(one)
    group = one.node_groups[0]
    with_gpu = replace(one, node_groups=(replace(group, spec=replace(group.spec, flavor="gpu.large")),))
    assert offers.to(with_gpu, offer).flavor("gpu.large") == GPU
    assert offers.to(with_gpu, offer).flavor("gpu.large") == GPU
    assert cloud.asked == [one.project_id]
    now[0], cloud.away = NOW + timedelta(minutes=11), True
    assert offers.to(with_gpu, offer).flavor("gpu.large") == GPU
    assert cloud.asked == [one.project_id] * 2
    assert offers.to(one, offer) == offer, "others are not told of it"


def test_what_could_not_be_read_counts_as_unknown_and_is_asked_for_again_soon() -> None:
    now = [NOW]
    cloud, one = _Cloud(away=True), cluster()
    dependencies: Any = SimpleNamespace(cloud=cloud, clock=SimpleNamespace(now=lambda: now[0]))
    offers, offer = Offers(dependencies), shared(one)
    group = one.node_groups[0]
    with_gpu = replace(one, node_groups=(replace(group, spec=replace(group.spec, flavor="gpu.large")),))
    assert not offers.to(with_gpu, offer).whole
    now[0], cloud.away = NOW + timedelta(seconds=21), False
    assert offers.to(with_gpu, offer).flavor("gpu.large") == GPU
    assert offers.to(with_gpu, offer).whole
