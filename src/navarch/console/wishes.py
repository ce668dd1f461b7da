"""The fields of a cluster that both its creation and its settings have: read from a form, and put into one. Pure."""

from collections.abc import Mapping
from typing import Any

from navarch.console.changes import difference
from navarch.console.forms import Form
from navarch.console.groups import lines, number, pairs

Json = dict[str, Any]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIMES: Mapping[str, tuple[str, ...]] = {"schedule": ("start", "stop"), "maintenance": ("start", "hours")}
_SWITCHES = ("protected", "automatic_upgrades", "remove_stopped_workers", "rollout_paused")
_NUMBERS = ("soak_seconds", "groups_at_once")
# Forms' fields by those of the API.
FIELDS: Mapping[str, str] = {
    "labels": "labels",
    "spec.network.api_allowed_cidrs": "allowed",
    **{f"spec.{name}": name for name in (*_SWITCHES, *_NUMBERS, "expander")},
    **{f"spec.{whole}": f"{whole}.start" for whole in _TIMES},
    **{f"spec.{whole}.{p}": f"{whole}.{p}" for whole, parts in _TIMES.items() for p in (*parts, "days", "timezone")},
}


def typed(form: Form) -> Json:
    """What was filled in, as parts of a request; what was left empty is not there."""
    spec: Json = {name: True for name in _SWITCHES if form.ticked(name)}
    spec |= {name: number(form.text(name)) for name in _NUMBERS if form.text(name)}
    if form.text("expander"):
        spec["expander"] = form.text("expander")
    if form.text("allowed"):
        spec["network"] = {"api_allowed_cidrs": lines(form.text("allowed").replace(" ", ","))}
    for whole, parts in _TIMES.items():
        its: Json = {part: number(form.text(f"{whole}.{part}")) for part in parts if form.text(f"{whole}.{part}")}
        days = form.texts(f"{whole}.days")
        its |= {"days": days} if days and its else {}
        zone = form.text(f"{whole}.timezone")
        its |= {"timezone": zone} if zone and its else {}
        if its:
            spec[whole] = its
    labels = pairs(form.text("labels"))
    return ({"labels": labels} if labels else {}) | {"spec": spec}


def patch(cluster: Mapping[str, Any], form: Form) -> Json:
    """The merge patch that makes a cluster as it was filled in: all fields of its settings are in the form."""
    wanted = typed(form)
    spec, labels = wanted["spec"], wanted.get("labels", {})
    spec |= {name: False for name in _SWITCHES if name not in spec and name != "protected"}
    spec.pop("protected", None)
    spec |= {name: None for name in (*_NUMBERS, "expander") if name not in spec}
    spec.setdefault("network", {"api_allowed_cidrs": []})
    for whole in _TIMES:
        if whole in spec:
            spec[whole] = {"days": list(DAYS), "timezone": "UTC"} | spec[whole]
        else:
            spec[whole] = None
    labels = dict.fromkeys(cluster["labels"]) | labels
    return difference(cluster, {"spec": spec, "labels": labels})


def filled(cluster: Mapping[str, Any]) -> Form:
    """A cluster that is there, as the form of its settings."""
    spec = cluster["spec"]
    fields: dict[str, list[str]] = {
        "labels": ["\n".join(f"{key}={label}" for key, label in cluster["labels"].items())],
        "allowed": [", ".join(spec["network"]["api_allowed_cidrs"])],
    }
    fields |= {name: ["yes" if spec.get(name) else ""] for name in _SWITCHES}
    fields |= {name: [str(spec[name])] for name in (*_NUMBERS, "expander") if spec.get(name) is not None}
    for whole, parts in _TIMES.items():
        its = spec.get(whole) or {}
        for part in (*parts, "timezone"):
            fields[f"{whole}.{part}"] = [str(its.get(part, ""))]
        fields[f"{whole}.days"] = list(its.get("days") or ())
    return Form(fields)
