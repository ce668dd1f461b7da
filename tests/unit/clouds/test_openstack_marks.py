"""How objects are known to be a cluster's."""

from hypothesis import given
from hypothesis import strategies as st

from navarch.clouds.openstack import marks
from navarch.domain.spec import Owner

OURS = Owner("p", "11111111-2222-4333-8444-555555555555", "web-11111111")
OTHERS = Owner("p", "99999999-2222-4333-8444-555555555555", "web-99999999")


def test_a_floating_ips_name_is_read_back_from_its_description() -> None:
    description = marks.floating_description(OURS, "web-11111111-api")
    assert description == "web-11111111-api navarch:cluster=11111111-2222-4333-8444-555555555555"
    assert marks.floating_name(OURS, description) == ("web-11111111-api", "navarch")
    assert marks.floating_name(OTHERS, description) is None


@given(st.text(max_size=80))
def test_any_name_survives_the_description(name: str) -> None:
    assert marks.floating_name(OURS, marks.floating_description(OURS, name)) == (name, "navarch")


def test_the_cloud_controllers_floating_ip_is_the_cluster_s_it_names() -> None:
    description = f"Floating IP for Kubernetes external service shop/front from cluster {OURS.cluster_id}"
    assert marks.floating_name(OURS, description) == ("shop/front", "cloud-controller")
    assert marks.floating_name(OTHERS, description) is None


def test_anybodys_floating_ip_is_nobodys() -> None:
    for description in ("", "mine", f"for cluster {OURS.cluster_id}", f"x from cluster {OURS.cluster_id}"):
        assert marks.floating_name(OURS, description) is None


def test_security_groups_are_told_apart_by_description() -> None:
    service = f"Security Group for shop/front Service LoadBalancer in cluster {OURS.cluster_id}"
    assert marks.security_group_maker(OURS, "web-11111111-sg-cp", marks.mark(OURS)) == "navarch"
    assert marks.security_group_maker(OURS, "lb-sg-1-shop-front", service) == "cloud-controller"
    assert marks.security_group_maker(OURS, "mine", service) is None
    assert marks.security_group_maker(OURS, "web-11111111-sg-cp", "") is None
    assert marks.security_group_maker(OTHERS, "web-11111111-sg-cp", marks.mark(OURS)) is None
    assert marks.security_group_maker(OTHERS, "lb-sg-1-shop-front", service) is None


def test_balancers_are_told_apart_by_description_and_name() -> None:
    name = f"kube_service_{OURS.cluster_id}_shop_front"
    assert marks.balancer_maker(OURS, "web-11111111-api", marks.mark(OURS)) == "navarch"
    assert marks.balancer_maker(OURS, name, "Kubernetes external service") == "cloud-controller"
    assert marks.balancer_maker(OTHERS, name, "") is None
    assert marks.balancer_maker(OURS, "web-11111111-api", "") is None


def test_server_groups_carry_the_mark_in_their_name() -> None:
    name = marks.marked_name(OURS, "web-11111111-cp-spread")
    assert marks.server_group_name(OURS, name) == "web-11111111-cp-spread"
    assert marks.server_group_name(OTHERS, name) is None
    assert marks.server_group_name(OURS, "web-11111111-cp-spread") is None  # of a cluster whose name begins so
