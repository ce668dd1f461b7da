"""A dry run as pages show it: what is made, what becomes of machines, what it takes of the quotas. Pure."""

from collections import Counter
from typing import Any

from navarch.cli.plans import told

_BECOMES = ("created", "replaced", "drained", "removed", "started", "stopped")
_BAR = 100.0


def shown_plan(plan: dict[str, Any]) -> dict[str, Any]:
    """`objects`: what would be made, counted by kind, and named. `quotas`: each that has a limit, with now, after and
    limit, and where the parts of its bar end, of 100; `unlimited`: the names of the others. `machines`: what becomes of
    which."""
    steps = told(plan.get("steps") or [])
    counts = Counter(step["kind"] for step in steps)
    names: dict[str, list[str]] = {}
    for step in steps:
        names.setdefault(step["kind"], []).append(step["name"])
    impact = plan.get("machines") or {}
    quotas = [_quota(need) for need in plan.get("needs") or []]
    return {
        "cluster": plan["cluster"],
        "changes": plan.get("changes") or [],
        "objects": [(kind, count, names[kind]) for kind, count in counts.items()],
        "quotas": [quota for quota in quotas if quota["limit"] is not None or quota["short"]],
        "unlimited": [quota["name"] for quota in quotas if quota["limit"] is None and not quota["short"]],
        "fits": plan.get("fits", True),
        "quota_known": plan.get("quota_known", True),
        "machines": [(word, impact[word]) for word in _BECOMES if impact.get(word)],
        "seconds": impact.get("seconds"),
        "waits": impact.get("waits") or "",
        "notes": plan.get("notes") or [],
        "price": plan.get("price"),
        "addons": plan.get("addons") or [],
    }


def _quota(need: dict[str, Any]) -> dict[str, Any]:
    used, limit = need.get("used") or 0, need.get("limit")
    after = used + need["needed"]
    whole = max(limit or 0, after, 1)
    unlimited = limit is None or limit < 0
    return {
        "name": need["resource"],
        "unit": need.get("unit") or "",
        "used": need.get("used"),
        "after": after if need.get("used") is not None else None,
        "needed": need["needed"],
        "limit": None if unlimited else limit,
        "short": need.get("short", False),
        "used_part": 0.0 if unlimited else round(_BAR * used / whole, 1),
        "after_part": 0.0 if unlimited else round(_BAR * after / whole, 1),
    }
