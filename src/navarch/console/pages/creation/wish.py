"""From the form to the API's request, from the request to a command, and from the API's refusals to the form's fields.
Pure."""

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from navarch.cli.wishes import DEFAULT_GROUP, put
from navarch.client.errors import FieldProblem
from navarch.console.forms import Form

Json = dict[str, Any]
# The form's fields by the API's, of which the longest that fits counts.
_FIELDS = {
    "name": "name",
    "spec.kubernetes_version": "version",
    "spec.control_plane.replicas": "control_plane",
    "spec.control_plane.flavor": "control_plane_flavor",
    "spec.control_plane.zones": "zones",
    "spec.network.api_allowed_cidrs": "allowed",
    "spec.protected": "protected",
    "spec.node_groups[0].name": "group",
    "spec.node_groups[0].flavor": "flavor",
    "spec.node_groups[0].replicas": "count",
    "spec.node_groups[0].zones": "zones",
}


def request_of(form: Form) -> Json:
    """What was filled in; the rest is Navarch's to choose."""
    body: Json = {"name": form.text("name"), "spec": {}}
    zones = form.texts("zones")
    for path, value in (
        ("kubernetes_version", form.text("version")),
        ("control_plane.replicas", _number(form.text("control_plane"))),
        ("control_plane.flavor", form.text("control_plane_flavor")),
        ("control_plane.zones", zones),
        ("network.api_allowed_cidrs", re.split(r"[\s,]+", form.text("allowed")) if form.text("allowed") else []),
        ("protected", form.ticked("protected")),
    ):
        if value not in ("", [], False):
            put(body["spec"], path, value)
    group = {
        "name": form.text("group"),
        "flavor": form.text("flavor"),
        "replicas": _number(form.text("count")),
        "zones": zones,
    }
    given = {key: value for key, value in group.items() if value not in ("", [])}
    if given:
        body["spec"]["node_groups"] = [{"name": DEFAULT_GROUP} | given]
    return body


def command_of(body: Mapping[str, Any]) -> str:
    """The command that asks for the same."""
    spec = body["spec"]
    control_plane, network = spec.get("control_plane", {}), spec.get("network", {})
    words = ["navarch", "cluster", "create", body["name"] or "NAME"]
    for option, value in (
        ("--version", spec.get("kubernetes_version")),
        ("--control-plane-replicas", control_plane.get("replicas")),
        ("--control-plane-flavor", control_plane.get("flavor")),
    ):
        words += [option, str(value)] if value is not None else []
    for zone in control_plane.get("zones", []):
        words += ["--zone", zone]
    for cidr in network.get("api_allowed_cidrs", []):
        words += ["--api-allowed-cidr", cidr]
    words += ["--protected"] if spec.get("protected") else []
    for group in spec.get("node_groups", []):
        parts = [f"{key}={'+'.join(value) if key == 'zones' else value}" for key, value in group.items()]
        words += ["--node-group", ",".join(parts)]
    return shlex.join(words)


def by_field(errors: Iterable[FieldProblem]) -> tuple[dict[str, list[str]], list[str]]:
    """What is wrong with each field of the form, and what is wrong beside them."""
    fields: dict[str, list[str]] = {}
    beside: list[str] = []
    for error in errors:
        name = _field(error.field)
        if name is None:
            beside.append(f"{error.field}: {error.detail}" if error.field else error.detail)
        elif error.detail not in fields.setdefault(name, []):
            fields[name].append(error.detail)
    return fields, beside


def _field(path: str) -> str | None:
    fitting = [known for known in _FIELDS if path == known or path.startswith((f"{known}.", f"{known}["))]
    return _FIELDS[max(fitting, key=len)] if fitting else None


def _number(text: str) -> int | str:
    """A number where it is one; what else was typed is the API's to refuse."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
