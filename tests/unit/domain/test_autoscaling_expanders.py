"""Which of several node groups grows for pods that each of them would help."""

from dataclasses import replace

import pytest
from tests.unit.domain.test_autoscaling_decisions import decided, shop

from navarch.domain.autoscaling import Decision
from navarch.domain.pods import PodShape
from navarch.domain.spec import Autoscaling, Cluster, NodeGroupSpec

HALF = PodShape("default", requests=(("cpu", 600), ("memory", 900 << 20)))


def two_groups(expander: str, *, most: int = 4) -> Cluster:
    """web: machines of one CPU, which fit these pods well; large: of two, and with the higher priority."""
    of = shop(0, min=0, max=most)
    of = replace(of, spec=replace(of.spec, expander=expander))
    large = NodeGroupSpec("m1.medium", 0, ("z1",), autoscaling=Autoscaling(0, 4, priority=10))
    return replace(of, node_groups=(*of.node_groups, replace(of.node_groups[0], name="large", spec=large)))


def grown(found: Decision) -> dict[str, int]:
    return {change.group: change.replicas for change in found.changes}


@pytest.mark.parametrize(
    ("expander", "group"), [("least-waste", {"web": 1}), ("priority", {"large": 1}), ("most-pods", {"web": 1})]
)
def test_a_pod_brings_a_machine_of_the_group_that_the_expander_says(expander: str, group: dict[str, int]) -> None:
    assert grown(decided(two_groups(expander), waiting=1, shape=HALF)) == group


def test_by_most_pods_the_group_grows_that_has_room_for_more_of_them() -> None:
    """Two pods: web may have one machine, with room for one; a large one has room for both, and leaves more over."""
    assert grown(decided(two_groups("most-pods", most=1), waiting=2, shape=HALF)) == {"large": 1}
    assert "web" in grown(decided(two_groups("least-waste", most=1), waiting=2, shape=HALF))


def test_a_random_choice_is_the_same_for_the_same_pods_and_not_the_same_for_all() -> None:
    def chosen() -> list[str]:
        of = two_groups("random")
        return [str(grown(decided(of, waiting=1, shape=HALF, named=name))) for name in "abcdefghijklmnop"]

    assert chosen() == chosen()
    assert set(chosen()) == {str({"web": 1}), str({"large": 1})}
