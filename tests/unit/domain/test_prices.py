"""What a cluster costs, where the operator gave prices."""

from dataclasses import replace
from decimal import Decimal

from tests.unit.domain.clusters import OFFER, cluster

from navarch.domain.prices import ANY, Prices, price_of
from navarch.domain.spec import Cluster, VolumeSpec

PRICES = Prices("EUR", ((ANY, Decimal("0.1")),), (("ssd", Decimal("0.5")),), Decimal("0.01"), Decimal("0.002"))


def machines(its: Cluster) -> int:
    return its.spec.control_plane.replicas + sum(g.spec.replicas for g in its.node_groups)


def test_machines_volumes_balancer_and_address_are_in_it() -> None:
    found = price_of(cluster(), OFFER, PRICES)
    assert found is not None
    gib = cluster().spec.control_plane.etcd_volume.size_gib * cluster().spec.control_plane.replicas
    wanted = machines(cluster()) * Decimal("0.1") * 730 + gib * Decimal("0.5") + Decimal("0.012") * 730
    assert (found.monthly, found.hourly * 730, found.unpriced) == (wanted, wanted, ())
    assert found.monthly_before is None


def test_a_flavors_own_price_goes_before_that_of_any_and_counts_by_its_id_too() -> None:
    flavor = OFFER.flavor(cluster().spec.control_plane.flavor)
    assert flavor is not None
    by_id = replace(PRICES, flavors=((flavor.id, Decimal(1)), (ANY, Decimal(0))))
    found = price_of(cluster(), OFFER, by_id)
    assert found is not None
    (line,) = [line for line in found.lines if line.name == flavor.name]
    assert line.monthly == line.count * 730


def test_what_has_no_price_is_named_and_not_taken_for_free() -> None:
    found = price_of(cluster(), OFFER, Prices("EUR", volumes=((ANY, Decimal(1)),)))
    assert found is not None
    flavors = {cluster().spec.control_plane.flavor, *(g.spec.flavor for g in cluster().node_groups)}
    assert set(found.unpriced) == {*(f"flavor {name}" for name in flavors), "load balancer", "floating address"}
    assert found.monthly == sum(line.count for line in found.lines if line.kind == "volume")


def test_a_change_says_what_it_was_before() -> None:
    its = cluster()
    (group, *others) = its.node_groups
    larger = replace(
        its,
        node_groups=(replace(group, spec=replace(group.spec, replicas=group.spec.replicas + 2)), *others),
    )
    found = price_of(larger, OFFER, PRICES, its)
    assert found is not None
    assert found.monthly_before is not None
    assert found.monthly - found.monthly_before == 2 * Decimal("0.1") * 730


def test_root_volumes_count() -> None:
    its = cluster()
    plane = replace(its.spec.control_plane, root_volume=VolumeSpec("ssd", 30))
    with_root = replace(its, spec=replace(its.spec, control_plane=plane))
    prices = [price_of(one, OFFER, PRICES) for one in (its, with_root)]
    assert prices[0] is not None
    assert prices[1] is not None
    assert prices[1].monthly - prices[0].monthly == 30 * plane.replicas * Decimal("0.5")


def test_without_prices_nothing_is_said() -> None:
    assert price_of(cluster(), OFFER, None) is None
