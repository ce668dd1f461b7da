"""A plan as a person reads it: what changes, what is done, what becomes of machines, what it takes of the quotas."""

import re
from typing import Any

from navarch.cli.output import Column, Output, emit_data, print_table, span, text

_BECOMES = ("created", "replaced", "drained", "removed", "started", "stopped")
_BOOKKEEPING = ("RecordMachine",)
_INNER = ("image_id", "digest", "role", "group", "serial", "members")
_CHANGES = (
    Column("CHANGES", lambda c: c["field"], keep=True),
    Column("FROM", lambda c: text(c.get("before"))),
    Column("TO", lambda c: text(c.get("after"))),
)
_STEPS = (
    Column("WOULD BE DONE", lambda s: step_words(s["kind"]), keep=True),
    Column("NAME", lambda s: s["name"], keep=True),
    Column("WITH", lambda s: _details(s.get("details") or {})),
)
_MACHINES = (
    Column("MACHINES", lambda m: m[0], keep=True),
    Column("COUNT", lambda m: len(m[1]), right=True),
    Column("WHICH", lambda m: text(m[1])),
)
_NEEDS = (
    Column("QUOTA", lambda n: n["resource"].replace("_", " "), keep=True),
    Column("NEEDED", lambda n: n["needed"], right=True),
    Column("FREE", lambda n: "unlimited" if n.get("free") is None else n["free"], right=True),
    Column("LIMIT", lambda n: n.get("limit"), right=True),
    Column("UNIT", lambda n: n.get("unit")),
    Column("", lambda n: "too little" if n.get("short") else ""),
)
_ADDONS = (
    Column("ADD-ON", lambda a: a["name"], keep=True),
    Column("ENTRY", lambda a: f"{a['entry']} {a['version']}", keep=True),
    Column("NAMESPACE", lambda a: a["namespace"]),
    Column("OBJECTS", lambda a: len(a["differences"]), right=True),
    Column("VALUES", lambda a: text(a["values"] or None)),
)


def show_plan(plan: dict[str, Any], output: Output) -> None:
    """Print the answer to a dry run."""
    if output in (Output.JSON, Output.YAML):
        emit_data(plan, output)
        return
    changes, steps, needs = plan.get("changes") or [], plan.get("steps") or [], plan.get("needs") or []
    machines, addons = _machines(plan.get("machines") or {}), plan.get("addons") or []
    for rows, columns in (
        (changes, _CHANGES),
        (told(steps), _STEPS),
        (addons, _ADDONS),
        (machines, _MACHINES),
        (needs, _NEEDS),
    ):
        if rows:
            print_table(rows, columns)
            print()
    if machines:
        print("\n".join(_duration(plan["machines"])))
    if plan.get("price") and plan["price"]["monthly"] != plan["price"]["monthly_before"]:
        print("\n".join(price_lines(plan["price"])))
    for one in plan.get("notes") or []:
        print(f"Know before: {one['message']}.\n  → {one['remedy']}")
    if not changes and not steps and not needs and not machines:
        print("Nothing would change.")
    elif not needs:
        print("Nothing was done.")
    elif not plan.get("quota_known", True):
        print("The quotas are not known at the moment: they are looked at again before anything is made.")
    elif not plan.get("fits", True):
        print("It does not fit: have the quotas raised, or ask for fewer or smaller machines.")
    else:
        print("It fits. Nothing was done.")


def price_lines(price: dict[str, Any]) -> list[str]:
    """About what it costs, by the prices that the operator gave."""
    currency, before = price["currency"], price.get("monthly_before")
    was = f", now {before} {currency}" if before is not None else ""
    lines = [f"It costs about {price['monthly']} {currency} a month ({price['hourly']} an hour){was}, while it runs."]
    if price["unpriced"]:
        lines.append(f"Without a price, and not in it: {', '.join(price['unpriced'])}.")
    return lines


def _machines(impact: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What becomes of machines, and of which."""
    found = [(word, impact.get(word) or []) for word in _BECOMES]
    return [(word, names) for word, names in found if names]


def _duration(impact: dict[str, Any]) -> list[str]:
    """About how long it takes, and how that is known."""
    lines = [f"Not at once: {impact['waits']}."] if impact.get("waits") else []
    seconds, pace = impact.get("seconds"), impact.get("pace") or {}
    if seconds is None:
        return [*lines, "It takes as long as pods take to leave."]
    each = f"{span(pace['control_plane'])} of the control plane, {span(pace['worker'])} a worker"
    known = (
        f"machines of this cluster took {each}" if pace["measured"] else f"no machine of it is known: {each} assumed"
    )
    return [*lines, f"It takes about {span(seconds)} ({known}), beside what pods take to leave."]


def step_words(kind: str) -> str:
    """EnsureLoadBalancer is "load balancer"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.removeprefix("Ensure"))
    return " ".join(word if word.isupper() else word.lower() for word in words.split()) or kind


def told(steps: list[Any]) -> list[Any]:
    """The steps that make something, each object once: a router is made, and later gets its interface."""
    first: dict[tuple[str, str], Any] = {}
    for step in steps:
        if step["kind"] not in _BOOKKEEPING:
            first.setdefault((step["kind"], step["name"]), step)
    return list(first.values())


def _details(details: dict[str, Any]) -> str:
    """The rest of a step in a line; what is empty or only a cross reference is left out."""
    shown = {k: v for k, v in details.items() if v not in (None, "", [], {}) and k not in _INNER}
    return ", ".join(f"{k.replace('_', ' ')} {_short(v)}" for k, v in shown.items())


def _short(value: Any) -> str:
    if isinstance(value, list):
        plain = [v for v in value if not isinstance(v, dict)]
        return ", ".join(text(v) for v in plain) if len(plain) == len(value) else f"({len(value)})"
    return text(value)
