"""The form, the request, the command: three ways to say the same."""

import shlex
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from navarch.cli.fields import NEW_CLUSTER, NUMBER, SWITCH
from navarch.cli.wishes import given_by, new_cluster, node_groups
from navarch.client.errors import FieldProblem
from navarch.console.commands import addons_file
from navarch.console.commands import creation as command_of
from navarch.console.forms import Form
from navarch.console.pages.creation.wish import by_field, number_of_groups, request_of, without


def form(**fields: str | list[str]) -> Form:
    return Form({name: value if isinstance(value, list) else [value] for name, value in fields.items()})


FULL = Form(
    {
        name: value if isinstance(value, list) else [str(value)]
        for name, value in {
            "name": "shop", "version": "1.37.2", "control_plane": "3", "control_plane_flavor": "m1.medium",
            "zones": ["z1", "z2"], "groups": "2", "g0.name": "web", "g0.flavor": "m1.small", "g0.replicas": "4",
            "g0.labels": "tier=web", "g0.taints": "dedicated=web:NoSchedule", "g0.max_surge": "25%",
            "g0.repair_after_seconds": "600", "g0.force_drain": "yes", "g0.root_volume.size_gib": "40",
            "g1.name": "batch", "g1.zones": ["z3"], "g1.autoscaling.min": "0", "g1.autoscaling.max": "6",
            "allowed": "198.51.100.0/24, 198.51.100.7/32", "protected": "yes", "labels": "team=shop",
            "schedule.start": "08:00", "schedule.stop": "20:00", "schedule.days": ["mon", "tue"],
            "schedule.timezone": "Europe/Berlin", "maintenance.start": "03:00", "maintenance.hours": "4",
            "automatic_upgrades": "yes", "node_cidr": "10.1.0.0/24", "etcd_size": "20",
        }.items()
    }
)  # fmt: skip
ADDONS = [{"entry": "logging"}, {"entry": "monitoring"}]


def test_what_is_left_empty_is_left_to_navarch() -> None:
    assert request_of(form(name=" shop ", version="", count=""), []) == {"name": "shop", "spec": {}}


def test_what_is_filled_in_is_asked_for() -> None:
    assert request_of(FULL, ADDONS) == {
        "name": "shop",
        "labels": {"team": "shop"},
        "spec": {
            "kubernetes_version": "1.37.2",
            "control_plane": {
                "replicas": 3, "flavor": "m1.medium", "zones": ["z1", "z2"], "etcd_volume": {"size_gib": 20},
            },
            "network": {"api_allowed_cidrs": ["198.51.100.0/24", "198.51.100.7/32"], "node_cidr": "10.1.0.0/24"},
            "protected": True,
            "automatic_upgrades": True,
            "schedule": {"start": "08:00", "stop": "20:00", "days": ["mon", "tue"], "timezone": "Europe/Berlin"},
            "maintenance": {"start": "03:00", "hours": 4},
            "addons": [{"entry": "logging"}, {"entry": "monitoring"}],
            "node_groups": [
                {
                    "name": "web", "flavor": "m1.small", "replicas": 4, "zones": ["z1", "z2"],
                    "labels": {"tier": "web"}, "max_surge": "25%", "repair_after_seconds": 600, "force_drain": True,
                    "taints": [{"key": "dedicated", "value": "web", "effect": "NoSchedule"}],
                    "root_volume": {"size_gib": 40},
                },
                {"name": "batch", "zones": ["z3"], "autoscaling": {"min": 0, "max": 6}},
            ],
        },
    }  # fmt: skip


def test_a_group_that_is_left_out_lets_the_next_move_up() -> None:
    rest = without(FULL, 0)
    assert number_of_groups(rest) == 1
    assert request_of(rest, [])["spec"]["node_groups"] == [
        {"name": "batch", "zones": ["z3"], "autoscaling": {"min": 0, "max": 6}}
    ]


def test_groups_without_a_name_have_one_each() -> None:
    asked = request_of(Form({"name": ["shop"], "groups": ["2"], "g1.replicas": ["3"]}), [])["spec"]["node_groups"]
    assert asked == [{"name": "default"}, {"name": "default-2", "replicas": 3}]


def asked_by(command: str) -> dict[str, Any]:
    """What `navarch cluster create` would send: its own options, read by its own functions."""
    words = shlex.split(command)
    assert words[:3] == ["navarch", "cluster", "create"]
    given: dict[str, Any] = {field.name: None for field in NEW_CLUSTER}
    groups: list[str] = []
    rest = iter(words[4:])
    for option in rest:
        if option == "--node-group":
            groups.append(next(rest))
            continue
        field = next(f for f in NEW_CLUSTER if option in (part for o in f.options for part in o.split("/")))
        if field.kind is SWITCH:
            given[field.name] = option in field.options[0].split("/")[0]
        elif field.kind.type == list[str]:
            given[field.name] = [*(given[field.name] or []), next(rest)]
        elif field.kind is NUMBER:
            given[field.name] = int(next(rest))
        else:
            given[field.name] = next(rest)
    body = new_cluster({}, words[3], given_by(NEW_CLUSTER, given))
    asked = node_groups(None, None, [], groups)
    if asked:
        body["spec"]["node_groups"] = asked
    return body


SPARE = {
    "g0.autoscaling.max": "6",
    "g0.autoscaling.spare.replicas": "2",
    "g0.autoscaling.spare.cpu_millicores": "500",
    "g0.autoscaling.spare.memory_mib": "512",
}


@pytest.mark.parametrize(
    "filled",
    [
        FULL, form(name="shop"), form(name="shop", **{"g0.replicas": "3"}), form(name="s", zones=["z1"]),
        form(name="shop", **SPARE),
    ],
)  # fmt: skip
def test_the_command_asks_for_the_same(filled: Form) -> None:
    body = request_of(filled, [])
    assert asked_by(command_of(body)) == body


def test_add_ons_with_values_are_a_file_beside_the_command() -> None:
    body = request_of(form(name="shop"), [{"entry": "logging", "values": {"retention": "3d"}}, {"entry": "registry"}])
    assert command_of(body) == "navarch cluster create shop -f addons.yaml"
    assert yaml.safe_load(addons_file(body)) == {"addons": body["spec"]["addons"]}
    plain = request_of(form(name="shop"), ADDONS)
    assert addons_file(plain) == ""
    assert command_of(plain) == "navarch cluster create shop --addon logging --addon monitoring"


def test_a_command_of_hostile_words_is_one_command() -> None:
    body = request_of(form(name="x; rm -rf /", **{"g0.name": "$(id)", "g0.replicas": "2"}), [])
    words = shlex.split(command_of(body))
    assert words[3] == "x; rm -rf /"
    assert words[-1] == "name=$(id),replicas=2"


def test_refusals_go_to_their_fields() -> None:
    errors = (
        FieldProblem("spec.node_groups[0].replicas", "too many"),
        FieldProblem("spec.network.api_allowed_cidrs[1]", "no range"),
        FieldProblem("spec.network.node_cidr", "taken"),
        FieldProblem("spec.addons[1].version", "is for another Kubernetes"),
        FieldProblem("", "no"),
    )
    assert by_field(errors) == (
        {
            "g0.replicas": ["too many"],
            "allowed": ["no range"],
            "node_cidr": ["taken"],
            "addons": ["is for another Kubernetes"],
        },
        ["no"],
    )


def test_the_options_are_the_commands_own() -> None:
    from navarch.cli.main import app

    said = CliRunner().invoke(app, ["cluster", "create", "--help"], terminal_width=200).output
    for option in [word for word in command_of(request_of(FULL, ADDONS)).split() if word.startswith("--")]:
        assert option in said
