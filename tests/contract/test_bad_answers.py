"""What the adapter makes of services that misbehave in the middle of something; on the simulated OpenStack alone, since
no real one does so when asked."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.contract.built import Built, new_owner
from tests.contract.simulated import SimulatedStage

from navarch.domain.errors import Permanent, Temporary
from navarch.domain.openstack import steps
from navarch.domain.openstack.resources import Kind, LoadBalancer, Network, Subnet, Volume
from navarch.domain.spec import Role
from navarch.simulator.openstack import faults
from navarch.simulator.openstack.about import About
from navarch.simulator.openstack.faults import Strike, Striker
from navarch.simulator.openstack.site import Limits

VOLUMES = frozenset({Kind.VOLUME})


@pytest.fixture
def stage() -> SimulatedStage:
    return SimulatedStage()


@pytest.fixture
def built(stage: SimulatedStage) -> Built:
    return Built(stage, stage.cloud(), new_owner(stage.project_id))


def volumes(built: Built, count: int) -> list[str]:
    props = built.stage.props
    step = steps.EnsureVolume("etcd-0", props.volume_type, 1, props.zone)
    return [built.do(replace(step, name=f"etcd-{n}"), Volume).id for n in range(count)]


def server(built: Built, **changes: object) -> steps.CreateServer:
    props = built.stage.props
    step = steps.CreateServer(
        "web-1", Role.WORKER, "web", 1, props.flavor, props.image_id, props.zone, port_id="p", server_group_id="g"
    )
    return replace(step, **changes)  # type: ignore[arg-type]


def at_list(number: int, strike: Callable[[], Strike | None], *, again: bool = False) -> Striker:
    """Hits the list of volumes that is asked for as the so-many-th, beginning with 1; `again`: all later ones, too."""
    lists = 0

    def hit(what: About) -> Strike | None:
        nonlocal lists
        lists += (what.verb, what.kind, what.name) == ("GET", "volume", "")
        is_meant = lists >= number if again else lists == number
        return strike() if is_meant and what.kind == "volume" else None

    return hit


def test_a_token_that_ends_between_two_requests_is_renewed(stage: SimulatedStage, built: Built) -> None:
    made = volumes(built, 2)

    def end_all_tokens() -> None:
        stage.region.tokens.clear()

    seen = stage.struck(at_list(1, end_all_tokens)).observe(built.owner, VOLUMES)
    assert sorted(v.id for v in seen.of(Volume)) == sorted(made)
    assert seen.trouble == ()


def test_a_process_that_outlives_its_token_notices_nothing(stage: SimulatedStage, built: Built) -> None:
    (made,) = volumes(built, 1)
    stage.wait(stage.region.site.limits.token_seconds + 1)
    assert [v.id for v in built.cloud.observe(built.owner, VOLUMES).of(Volume)] == [made]


def test_a_busy_service_says_when_to_come_again(stage: SimulatedStage, built: Built) -> None:
    cloud = stage.struck(at_list(1, lambda: faults.busy(7), again=True))
    step = steps.EnsureVolume("etcd-0", stage.props.volume_type, 1, stage.props.zone)
    with pytest.raises(Temporary) as caught:
        cloud.carry_out(built.owner, step)
    assert caught.value.after == 7.0
    assert stage.region["volume"].count(stage.project_id) == 0


def in_pages_of_two(stage: SimulatedStage) -> None:
    stage.region.site = replace(stage.region.site, limits=Limits(cinder_page=2))


def test_a_list_comes_in_pages(stage: SimulatedStage, built: Built) -> None:
    in_pages_of_two(stage)
    made = volumes(built, 5)
    assert sorted(v.id for v in built.cloud.observe(built.owner, VOLUMES).of(Volume)) == sorted(made)


def test_a_page_that_fails_in_the_middle_makes_all_of_the_list_unknown(stage: SimulatedStage, built: Built) -> None:
    in_pages_of_two(stage)
    volumes(built, 5)
    seen = stage.struck(at_list(2, lambda: faults.failing(503), again=True)).observe(built.owner, VOLUMES)
    assert (Kind.VOLUME in seen.seen, seen.of(Volume)) == (False, ())
    assert [error.reason for error in seen.trouble] == ["CloudNotAnswering"]


def test_a_page_that_fails_once_is_asked_for_again(stage: SimulatedStage, built: Built) -> None:
    in_pages_of_two(stage)
    made = volumes(built, 5)
    seen = stage.struck(at_list(2, lambda: faults.failing(503))).observe(built.owner, VOLUMES)
    assert sorted(v.id for v in seen.of(Volume)) == sorted(made) and not seen.trouble


def test_a_list_that_changes_between_two_pages_is_read_again(stage: SimulatedStage, built: Built) -> None:
    in_pages_of_two(stage)
    volumes(built, 5)

    def remove_the_markers() -> None:
        for volume in stage.region["volume"]:
            stage.region["volume"].drop(volume)

    seen = stage.struck(at_list(2, remove_the_markers)).observe(built.owner, VOLUMES)
    assert Kind.VOLUME not in seen.seen
    (trouble,) = seen.trouble
    assert (trouble.reason, trouble.responsible) == ("CloudAnswerUnreadable", None)
    assert "The list changed while it was read" in trouble.message


def unfiltered(what: About) -> Strike | None:
    return faults.unfiltered() if what.verb == "GET" else None


def test_what_a_filter_lets_through_is_nobodys_until_it_was_looked_at(stage: SimulatedStage, built: Built) -> None:
    other = Built(stage, stage.cloud(), new_owner(stage.project_id))
    for each in (built, other):
        network = each.do(steps.EnsureNetwork("net"), Network)
        each.do(steps.EnsureSubnet("net", network.id, "10.0.0.0/24"), Subnet)
        volumes(each, 1)
    seen = stage.struck(unfiltered).observe(built.owner)
    ours = {resource.id for _, _, resource in built.made}
    assert {resource.id for kind in Kind for resource in seen.of_kind(kind)} <= ours
    assert not {Kind.NETWORK, Kind.SUBNET, Kind.VOLUME} & set(seen.seen)
    assert {error.reason for error in seen.trouble} == {"CloudAnswerUnreadable"}


def test_nothing_is_made_or_taken_by_a_filter_that_is_ignored(stage: SimulatedStage, built: Built) -> None:
    stage.foreign_network("net")
    before = stage.region["network"].count(stage.project_id)
    with pytest.raises(Temporary, match="does not keep the filter"):
        stage.struck(unfiltered).carry_out(built.owner, steps.EnsureNetwork("net"))
    assert stage.region["network"].count(stage.project_id) == before


def test_user_data_beyond_novas_limit_is_told_and_not_shown(built: Built) -> None:
    with pytest.raises(Permanent) as caught:
        built.cloud.carry_out(built.owner, server(built), private="ticket" * 10_000)
    assert caught.value.reason == "UserDataTooLong"
    assert "80000 characters in base64, Nova takes 65535" in caught.value.message
    assert "ticket" not in caught.value.message
    assert caught.value.remedy


def test_what_nova_quotes_of_a_server_it_refuses_is_not_shown(built: Built) -> None:
    with pytest.raises(Permanent) as caught:
        built.cloud.carry_out(built.owner, server(built, name="w" * 256), private="ticket")
    assert "Invalid input for field/attribute name. Value: (not shown)" in caught.value.message


def test_a_balancer_for_whose_port_there_is_no_room_is_a_matter_of_quota(stage: SimulatedStage, built: Built) -> None:
    network = built.do(steps.EnsureNetwork("net"), Network)
    subnet = built.do(steps.EnsureSubnet("net", network.id, "10.0.0.0/24"), Subnet)
    step = steps.EnsureLoadBalancer("api", subnet.id, ("10.0.0.5",))
    stage.region.quotas[stage.project_id, "port"] = stage.region["port"].count(stage.project_id)
    with pytest.raises(Permanent) as caught:
        built.cloud.carry_out(built.owner, step)
    assert (caught.value.reason, built.cloud.observe(built.owner).of(LoadBalancer)) == ("QuotaExceeded", ())
    assert "ports" in caught.value.message
