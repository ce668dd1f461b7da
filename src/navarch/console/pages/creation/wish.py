"""From the form to the API's request, and from the API's refusals to the form's fields. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from navarch.cli.wishes import DEFAULT_GROUP, put
from navarch.client.errors import FieldProblem
from navarch.console import groups, wishes
from navarch.console.forms import Form
from navarch.console.groups import lines, number

Json = dict[str, Any]
# The form's fields by the API's, of which the longest that fits counts.
_FIELDS = {
    "name": "name",
    "spec.kubernetes_version": "version",
    "spec.control_plane.replicas": "control_plane",
    "spec.control_plane.flavor": "control_plane_flavor",
    "spec.control_plane.zones": "zones",
    "spec.control_plane.etcd_volume.type": "etcd_type",
    "spec.control_plane.etcd_volume.size_gib": "etcd_size",
    "spec.network.external_network": "external_network",
    "spec.network.node_cidr": "node_cidr",
    "spec.network.pod_cidr": "pod_cidr",
    "spec.network.service_cidr": "service_cidr",
    "spec.network.dns_servers": "dns_servers",
    "spec.ssh_keys": "ssh_keys",
    "spec.addons": "addons",
    **wishes.FIELDS,
}
_GROUP = re.compile(r"spec\.node_groups\[(\d+)\]\.?(.*)")


def number_of_groups(form: Form) -> int:
    """How many node groups the form has."""
    asked = number(form.text("groups"))
    return min(max(asked, 1), groups.MOST_GROUPS) if isinstance(asked, int) else 1


def without(form: Form, place: int) -> Form:
    """The form without one of its node groups; those after it move up."""
    fields: dict[str, list[str]] = {}
    for name, values in form.fields.items():
        match = re.fullmatch(r"g(\d+)\.(.+)", name)
        if match is None:
            fields[name] = list(values)
        elif int(match[1]) != place:
            fields[f"g{int(match[1]) - (int(match[1]) > place)}.{match[2]}"] = list(values)
    return Form(fields | {"groups": [str(max(1, number_of_groups(form) - 1))]})


def request_of(form: Form, addons: Sequence[Json]) -> Json:
    """What was filled in; the rest is Navarch's to choose. Zones that are ticked for all are those of node groups that
    have none of their own. `addons`: those that are ticked, as the API takes them."""
    body: Json = {"name": form.text("name"), **wishes.typed(form)}
    zones = form.texts("zones")
    for path, value in (
        ("kubernetes_version", form.text("version")),
        ("control_plane.replicas", number(form.text("control_plane"))),
        ("control_plane.flavor", form.text("control_plane_flavor")),
        ("control_plane.zones", zones),
        ("control_plane.etcd_volume.type", form.text("etcd_type")),
        ("control_plane.etcd_volume.size_gib", number(form.text("etcd_size"))),
        ("network.external_network", form.text("external_network")),
        ("network.node_cidr", form.text("node_cidr")),
        ("network.pod_cidr", form.text("pod_cidr")),
        ("network.service_cidr", form.text("service_cidr")),
        ("network.dns_servers", lines(form.text("dns_servers"))),
        ("addons", list(addons)),
        ("ssh_keys", [key.strip() for key in form.text("ssh_keys").splitlines() if key.strip()]),
    ):
        if value not in ("", []):
            put(body["spec"], path, value)
    asked = []
    for place in range(number_of_groups(form)):
        group = ({"zones": zones} if zones else {}) | groups.typed(form, f"g{place}")
        name = form.text(f"g{place}.name")
        asked.append(({"name": name} if name else {}) | group)
    if len(asked) > 1 or asked[0]:
        body["spec"]["node_groups"] = [_named(group, place) for place, group in enumerate(asked)]
    return body


def _named(group: Json, place: int) -> Json:
    """A group that was given no name has one, so that whoever fills in a number need not think of one."""
    return {"name": DEFAULT_GROUP if place == 0 else f"{DEFAULT_GROUP}-{place + 1}"} | group


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
    if path.startswith("addon."):  # a field of the form already
        return path
    group = _GROUP.fullmatch(path)
    if group is not None:
        return groups.field_of(group[2], f"g{group[1]}")
    fitting = [known for known in _FIELDS if path == known or path.startswith((f"{known}.", f"{known}["))]
    return _FIELDS[max(fitting, key=len)] if fitting else None
