"""An object is ours by its mark and by the id that was written down: another name is put back, never a reason to
remove."""

from dataclasses import replace

import pytest
from tests.unit.domain.clusters import NOW, WANTED, cluster, look
from tests.unit.domain.test_drift import STEM, settled
from tests.unit.domain.test_plan import grown

from navarch.domain.cloud import CloudState, Resource
from navarch.domain.observed import KnownObject, Observed
from navarch.domain.openstack.resources import (
    RESOURCES,
    Identity,
    Kind,
    Port,
    Router,
    Server,
    ServerGroup,
    Snapshot,
    Volume,
)
from navarch.domain.openstack.steps import EnsureRouter, Remove, RestoreName
from navarch.domain.plan import plan
from navarch.domain.providers import known_objects, recognised
from navarch.domain.rehearsal import imagine
from navarch.domain.steps import Step

RENAMED = [type_ for type_ in RESOURCES if type_ not in (Identity, Snapshot)]


def known(seen: Observed) -> Observed:
    """The same, with its objects written down."""
    return look(seen, objects=known_objects(cluster(), seen, NOW))


def renamed(seen: Observed, type_: type[Resource], name: str = "mine") -> tuple[Observed, str]:
    """What is seen after somebody gave the first object of a type another name; and the name that it had."""
    found = seen.cloud.of(type_)[0]
    cloud = seen.cloud.changed(type_, found.id, name=name)
    return replace(seen, cloud=recognised(cloud, seen.record.objects)), found.name


def steps(seen: Observed) -> tuple[Step, ...]:
    return plan(cluster(), seen, WANTED, now=NOW)


@pytest.mark.parametrize("type_", RENAMED, ids=lambda t: t.__name__)
def test_an_object_that_its_owner_renames_gets_its_name_back_and_nothing_else_happens(type_: type[Resource]) -> None:
    seen, name = renamed(known(settled()), type_)
    id_ = seen.cloud.of(type_)[0].id
    assert steps(seen) == (RestoreName(Kind(type_.kind), id_, name),)
    assert steps(imagine(seen, steps(seen)[0], NOW)) == ()


def test_what_is_answered_of_a_renamed_object_does_not_take_the_name_that_it_is_known_by() -> None:
    seen, name = renamed(known(settled()), Server)
    server = seen.cloud.of(Server)[0]
    answered = seen.cloud.having(replace(server, name="mine", task_state="powering-on"))
    assert [s.name for s in answered.of(Server) if s.id == server.id] == [name]


def test_what_is_done_to_an_object_by_name_waits_until_it_has_its_name_again() -> None:
    seen, _ = renamed(known(settled()), next(t for t in RESOURCES if t.kind is Kind.ROUTER))
    router = seen.cloud.of_kind(Kind.ROUTER)[0]
    lost = replace(seen, cloud=seen.cloud.having(replace(router, subnet_ids=())))
    (first,) = steps(lost)
    assert isinstance(first, RestoreName)
    (then,) = [s for s in steps(imagine(lost, first, NOW)) if not isinstance(s, RestoreName)]
    assert isinstance(then, EnsureRouter)


def test_a_stranger_with_our_mark_and_a_name_of_its_own_is_left_alone() -> None:
    """Somebody copied a server with its tags, or put our description on a port of theirs."""
    copies = (
        Server("s9", "database", "ACTIVE", "z1"),
        Port("p9", "database", "10.0.0.99"),
        ServerGroup("g9", "database"),
    )
    seen = known(settled())
    for copy in copies:
        seen = replace(seen, cloud=seen.cloud.having(copy))
    assert steps(replace(seen, cloud=recognised(seen.cloud, seen.record.objects))) == ()


def test_a_server_of_a_machine_that_was_given_up_goes_though_it_was_never_written_down() -> None:
    seen = known(settled())
    left = Server("s9", f"{STEM}-web-9", "ACTIVE", "z1")
    assert steps(replace(seen, cloud=seen.cloud.having(left))) == (
        Remove(Kind.SERVER, "s9", left.name, "its machine was given up"),
    )


def test_a_server_group_of_a_node_group_that_is_gone_goes_though_it_was_never_written_down() -> None:
    """A list that lagged did not show it when its node group was deleted."""
    seen = known(settled())
    left = ServerGroup("g9", f"{STEM}-more-spread")
    assert steps(replace(seen, cloud=seen.cloud.having(left))) == (
        Remove(Kind.SERVER_GROUP, "g9", left.name, "its node group was deleted"),
    )


def test_what_is_written_down_is_what_is_ours_and_there() -> None:
    seen = grown(cluster())
    claim = Volume("v9", "pvc-1", "in-use", "z1", made_by="csi")
    seen = replace(seen, cloud=seen.cloud.having(claim))
    objects = known_objects(cluster(), seen, NOW)
    assert {o.id for o in objects} == {r.id for r in seen.cloud.everything() if r.id != "v9"}
    gone = replace(known(seen), cloud=seen.cloud.without(Kind.ROUTER, seen.cloud.of_kind(Kind.ROUTER)[0].id))
    assert Kind.ROUTER not in {o.kind for o in known_objects(cluster(), gone, NOW)}


def test_a_look_at_other_kinds_does_not_forget_what_was_renamed() -> None:
    seen, _ = renamed(known(grown(cluster())), Router)
    servers = CloudState({Kind.SERVER: seen.cloud.of_kind(Kind.SERVER)})
    routers = CloudState({Kind.ROUTER: ()})
    assert seen.cloud.astray
    assert seen.cloud.joined(servers).astray == seen.cloud.astray
    assert seen.cloud.joined(routers).astray == ()


def test_what_could_not_be_read_stays_written_down() -> None:
    seen = known(grown(cluster()))
    blind = replace(
        seen, cloud=replace(seen.cloud, seen={k: v for k, v in seen.cloud.seen.items() if k != Kind.SERVER})
    )
    assert known_objects(cluster(), blind, NOW) == seen.record.objects


def test_of_two_objects_of_one_name_that_nobody_uses_the_one_that_was_known_is_ours() -> None:
    seen = known(settled())
    (network,) = (n for n in seen.cloud.of_kind(Kind.SERVER_GROUP) if "web" in n.name)
    older = replace(network, id="another")
    both = replace(
        seen,
        cloud=replace(
            seen.cloud, seen={**seen.cloud.seen, Kind.SERVER_GROUP: (older, *seen.cloud.of_kind(Kind.SERVER_GROUP))}
        ),
    )
    assert [s.id for s in steps(both) if isinstance(s, Remove)] == ["another"]
    assert KnownObject("server group", network.name, network.id) in known_objects(cluster(), both, NOW)
