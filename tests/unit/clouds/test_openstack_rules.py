"""Rules of security groups between our words and Neutron's."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from navarch.clouds.openstack.security_groups import difference, rule_body, rules_of
from navarch.domain.openstack.resources import Rule

IDS = {"web-sg-cp": "g1", "web-sg-worker": "g2"}
NAMES = {group_id: name for name, group_id in IDS.items()}
ports = st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(sorted)
rules = st.builds(
    lambda protocol, pair, origin: Rule(protocol, *(pair if protocol != "icmp" else (None, None)), **origin),
    st.sampled_from(["tcp", "udp", "icmp"]),
    ports,
    st.sampled_from(
        [{"cidr": "0.0.0.0/0"}, {"cidr": "10.0.0.0/24"}, {"group": "web-sg-cp"}, {"group": "web-sg-worker"}]
    ),
)


def as_neutron_answers(rule: Rule, rule_id: str) -> dict[str, Any]:
    return {"id": rule_id, **rule_body(rule, "g1", IDS)}


@given(st.frozensets(rules, max_size=8), st.frozensets(rules, max_size=8))
def test_any_set_of_rules_becomes_any_other_by_its_difference(before: frozenset[Rule], wanted: frozenset[Rule]) -> None:
    bodies = {f"r{n}": as_neutron_answers(rule, f"r{n}") for n, rule in enumerate(sorted(before, key=repr))}
    existing = rules_of(list(bodies.values()), NAMES)
    assert frozenset(existing) == before
    added, gone = difference(existing, wanted)
    kept = [body for rule_id, body in bodies.items() if rule_id not in gone]
    after = rules_of([*kept, *(as_neutron_answers(rule, f"n{n}") for n, rule in enumerate(added))], NAMES)
    assert frozenset(after) == wanted
    assert all(len(ids) == 1 for ids in after.values())


def test_of_a_rule_that_is_there_twice_one_goes() -> None:
    rule = Rule("tcp", 6443, 6443, cidr="0.0.0.0/0")
    existing = rules_of([as_neutron_answers(rule, "r1"), as_neutron_answers(rule, "r2")], NAMES)
    assert difference(existing, frozenset({rule})) == (frozenset(), ("r2",))


def test_egress_is_left_alone() -> None:
    body = {**as_neutron_answers(Rule("tcp", 1, 2, cidr="0.0.0.0/0"), "r1"), "direction": "egress"}
    assert rules_of([body], NAMES) == {}


def test_a_rule_without_an_origin_is_from_everywhere() -> None:
    body = {**as_neutron_answers(Rule("tcp", 1, 2, cidr="0.0.0.0/0"), "r1"), "remote_ip_prefix": None}
    assert list(rules_of([body], NAMES)) == [Rule("tcp", 1, 2, cidr="0.0.0.0/0")]
    assert list(rules_of([{**body, "ethertype": "IPv6"}], NAMES)) == [Rule("tcp", 1, 2, cidr="::/0")]


def test_a_group_of_somebody_else_keeps_its_id() -> None:
    body = {**as_neutron_answers(Rule("tcp", 1, 2, group="web-sg-cp"), "r1"), "remote_group_id": "unknown"}
    assert list(rules_of([body], NAMES)) == [Rule("tcp", 1, 2, group="unknown")]


def test_protocols_by_number_and_none_are_read_by_name() -> None:
    body = as_neutron_answers(Rule("tcp", None, None, cidr="0.0.0.0/0"), "r1")
    read = {number: next(iter(rules_of([{**body, "protocol": number}], NAMES))) for number in ("6", "17", "1", None)}
    assert {number: rule.protocol for number, rule in read.items()} == {
        "6": "tcp",
        "17": "udp",
        "1": "icmp",
        None: "any",
    }
