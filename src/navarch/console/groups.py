"""A node group as a form: its fields by a prefix, as `g0.flavor`, so that a page can have several. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from navarch.client.errors import FieldProblem
from navarch.console.changes import difference
from navarch.console.forms import Form

Json = dict[str, Any]
MOST_GROUPS = 10  # in one form
_TEXTS = ("flavor", "kubernetes_version")
_NUMBERS = ("replicas", "drain_timeout_seconds", "repair_after_seconds")
_SHARES = ("max_surge", "max_unavailable", "max_unhealthy")
_LIMITS = ("min", "max", "unneeded_seconds", "utilization_threshold", "max_provision_seconds", "priority")
SPARE = ("replicas", "cpu_millicores", "memory_mib")

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
FIELDS = (
    "name", *_TEXTS, *_NUMBERS, *_SHARES, "zones", "labels", "taints", "repair_conditions", "force_drain",
    *(f"autoscaling.{name}" for name in _LIMITS), "autoscaling.capacity",
    *(f"autoscaling.spare.{name}" for name in SPARE), "root_volume.type", "root_volume.size_gib",
    "keep_failed_machines.count", "keep_failed_machines.hours",
)  # fmt: skip


def typed(form: Form, prefix: str) -> Json:
    """What was filled in, without the name; what was left empty is not there."""
    group: Json = {}

    def text(name: str) -> str:
        return form.text(f"{prefix}.{name}")

    group |= {name: text(name) for name in _TEXTS}
    group |= {name: number(text(name)) for name in _NUMBERS}
    group |= {name: number(text(name)) for name in _SHARES}
    group["zones"] = form.texts(f"{prefix}.zones")
    group["labels"] = pairs(text("labels"))
    group["taints"] = [_taint(line) for line in lines(text("taints"))]
    group["repair_conditions"] = lines(text("repair_conditions"))
    group["force_drain"] = form.ticked(f"{prefix}.force_drain")
    for whole, names in (
        ("autoscaling", _LIMITS),
        ("root_volume", ("type", "size_gib")),
        ("keep_failed_machines", ("count", "hours")),
    ):
        parts = {name: number(text(f"{whole}.{name}")) for name in names}
        group[whole] = {name: its for name, its in parts.items() if its != ""}
    capacity = pairs(text("autoscaling.capacity"))
    if capacity:
        group["autoscaling"]["capacity"] = capacity
    spare = {name: number(text(f"autoscaling.spare.{name}")) for name in SPARE}
    if any(its != "" for its in spare.values()):
        group["autoscaling"]["spare"] = {name: its for name, its in spare.items() if its != ""}
    return {name: its for name, its in group.items() if its is not False and its not in ("", [], {})}


def patch(spec: Mapping[str, Any], form: Form, prefix: str) -> Json:
    """The merge patch that makes a group as it was filled in. What was emptied goes back to its default."""
    wanted: Json = {name: None for name in spec if name in _names()} | typed(form, prefix)
    wanted["force_drain"] = form.ticked(f"{prefix}.force_drain")
    for name in ("labels", "keep_failed_machines"):
        if wanted.get(name) is None:
            wanted[name] = {}
    for name in ("labels", "autoscaling"):  # what is no longer there is taken away
        before = spec.get(name)
        if isinstance(before, Mapping) and isinstance(wanted.get(name), dict):
            wanted[name] = dict.fromkeys(before) | wanted[name]
            for key, its in before.items():
                if isinstance(its, Mapping):
                    wanted[name][key] = dict.fromkeys(its) | (wanted[name][key] or {})
    for name in ("taints", "repair_conditions"):
        wanted[name] = wanted.get(name) or []
    if not wanted.get("zones"):
        wanted.pop("zones", None)
    return difference(spec, wanted)


def filled(name: str, spec: Mapping[str, Any], prefix: str) -> Form:
    """A group that is there, as the form that asks for it."""
    fields: dict[str, list[str]] = {f"{prefix}.name": [name]}
    for field in FIELDS[1:]:
        its: Any = spec
        for part in field.split("."):
            its = its.get(part) if isinstance(its, Mapping) else None
        fields[f"{prefix}.{field}"] = _words(field, its)
    return Form(fields)


def field_of(path: str, prefix: str) -> str | None:
    """The form's field of a path within a group, as `autoscaling.max`; None: none has it."""
    plain = re.sub(r"\[\d+\]", "", path)
    fitting = [known for known in FIELDS if plain == known or plain.startswith(f"{known}.")]
    if not fitting and plain in ("autoscaling", "autoscaling.spare", "root_volume", "keep_failed_machines"):
        fitting = [next(known for known in FIELDS if known.startswith(f"{plain}."))]
    return f"{prefix}.{max(fitting, key=len)}" if fitting else None


def by_field(errors: Iterable[FieldProblem], prefix: str) -> tuple[dict[str, list[str]], list[str]]:
    """What is wrong with each field of the form of one group, and what is wrong beside them."""
    fields: dict[str, list[str]] = {}
    beside: list[str] = []
    for error in errors:
        name = field_of(error.field.removeprefix("spec."), prefix)
        if name is None:
            beside.append(f"{error.field}: {error.detail}" if error.field else error.detail)
        elif error.detail not in fields.setdefault(name, []):
            fields[name].append(error.detail)
    return fields, beside


def number(text: str) -> int | str:
    """A number where it is one; what else was typed is the API's to refuse."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text


def lines(text: str) -> list[str]:
    """What stands on each line, or between commas."""
    return [part for part in (p.strip() for p in re.split(r"[\n,]", text)) if part]


def pairs(text: str) -> dict[str, str]:
    """Labels, as key=value."""
    return {key.strip(): its.strip() for key, _, its in (line.partition("=") for line in lines(text))}


def _taint(line: str) -> Json:
    front, _, effect = line.rpartition(":")
    key, _, its = (front or effect).partition("=")
    return {"key": key, "value": its, "effect": effect if front else ""}


def _words(field: str, its: Any) -> list[str]:
    if field == "zones":
        return list(its or [])
    if field in ("labels", "autoscaling.capacity"):
        return ["\n".join(f"{key}={label}" for key, label in (its or {}).items())]
    if field == "taints":
        return ["\n".join(f"{t['key']}={t['value']}:{t['effect']}" for t in its or [])]
    if field == "repair_conditions":
        return ["\n".join(its or [])]
    if field == "force_drain":
        return ["yes"] if its else [""]
    return ["" if its is None else str(its)]


def _names() -> set[str]:
    return {field.partition(".")[0] for field in FIELDS} - {"name"}
