"""The form, the request, the command: three ways to say the same."""

import shlex
from typing import Any

import pytest
from typer.testing import CliRunner

from navarch.cli.fields import NEW_CLUSTER
from navarch.cli.wishes import given_by, new_cluster, node_groups
from navarch.client.errors import FieldProblem
from navarch.console.forms import Form
from navarch.console.pages.creation.wish import by_field, command_of, request_of


def form(**fields: str | list[str]) -> Form:
    return Form({name: value if isinstance(value, list) else [value] for name, value in fields.items()})


FULL = form(
    name="shop", version="1.37.2", control_plane="3", control_plane_flavor="m1.medium", zones=["z1", "z2"],
    group="web", flavor="m1.small", count="4", allowed="198.51.100.0/24, 198.51.100.7/32", protected="yes",
)  # fmt: skip


def test_what_is_left_empty_is_left_to_navarch() -> None:
    assert request_of(form(name=" shop ", version="", count="")) == {"name": "shop", "spec": {}}


def test_what_is_filled_in_is_asked_for() -> None:
    assert request_of(FULL) == {
        "name": "shop",
        "spec": {
            "kubernetes_version": "1.37.2",
            "control_plane": {"replicas": 3, "flavor": "m1.medium", "zones": ["z1", "z2"]},
            "network": {"api_allowed_cidrs": ["198.51.100.0/24", "198.51.100.7/32"]},
            "protected": True,
            "node_groups": [{"name": "web", "flavor": "m1.small", "replicas": 4, "zones": ["z1", "z2"]}],
        },
    }


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
        if field.name == "protected":
            given["protected"] = True
        elif field.kind.type == list[str]:
            given[field.name] = [*(given[field.name] or []), next(rest)]
        else:
            given[field.name] = field.kind.part(next(rest), option)
    body = new_cluster({}, words[3], given_by(NEW_CLUSTER, given))
    asked = node_groups(None, None, [], groups)
    if asked:
        body["spec"]["node_groups"] = asked
    return body


@pytest.mark.parametrize(
    "filled", [FULL, form(name="shop"), form(name="shop", count="3"), form(name="s", zones=["z1"])]
)
def test_the_command_asks_for_the_same(filled: Form) -> None:
    body = request_of(filled)
    assert asked_by(command_of(body)) == body


def test_a_command_of_hostile_words_is_one_command() -> None:
    body = request_of(form(name="x; rm -rf /", group="$(id)", count="2"))
    words = shlex.split(command_of(body))
    assert words[3] == "x; rm -rf /"
    assert words[-1] == "name=$(id),replicas=2"


def test_refusals_go_to_their_fields() -> None:
    errors = (
        FieldProblem("spec.node_groups[0].replicas", "too many"),
        FieldProblem("spec.network.api_allowed_cidrs[1]", "no range"),
        FieldProblem("spec.network.node_cidr", "taken"),
        FieldProblem("", "no"),
    )
    assert by_field(errors) == (
        {"count": ["too many"], "allowed": ["no range"]},
        ["spec.network.node_cidr: taken", "no"],
    )


def test_the_options_are_the_commands_own() -> None:
    from navarch.cli.main import app

    said = CliRunner().invoke(app, ["cluster", "create", "--help"], terminal_width=200).output
    for option in [word for word in command_of(request_of(FULL)).split() if word.startswith("--")]:
        assert option in said
