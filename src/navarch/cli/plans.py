"""A plan as a person reads it: what changes, what is done, what it takes of the quotas."""

from typing import Any

from navarch.cli.output import Column, Output, emit_data, print_table, text

_BOOKKEEPING = ("RecordMachine",)
_INNER = ("image_id", "digest", "role", "group", "serial", "members")
_CHANGES = (
    Column("CHANGES", lambda c: c["field"], keep=True),
    Column("FROM", lambda c: text(c.get("before"))),
    Column("TO", lambda c: text(c.get("after"))),
)
_STEPS = (
    Column("WOULD BE DONE", lambda s: _words(s["kind"]), keep=True),
    Column("NAME", lambda s: s["name"], keep=True),
    Column("WITH", lambda s: _details(s.get("details") or {})),
)
_NEEDS = (
    Column("QUOTA", lambda n: n["resource"].replace("_", " "), keep=True),
    Column("NEEDED", lambda n: n["needed"], right=True),
    Column("FREE", lambda n: "unlimited" if n.get("free") is None else n["free"], right=True),
    Column("LIMIT", lambda n: n.get("limit"), right=True),
    Column("UNIT", lambda n: n.get("unit")),
    Column("", lambda n: "too little" if n.get("short") else ""),
)


def show_plan(plan: dict[str, Any], output: Output) -> None:
    """Print the answer to a dry run."""
    if output in (Output.JSON, Output.YAML):
        emit_data(plan, output)
        return
    changes, steps, needs = plan.get("changes") or [], plan.get("steps") or [], plan.get("needs") or []
    for rows, columns in ((changes, _CHANGES), (_told(steps), _STEPS), (needs, _NEEDS)):
        if rows:
            print_table(rows, columns)
            print()
    if not changes and not steps and not needs:
        print("Nothing would change.")
    elif not needs:
        print("Nothing was done.")
    elif not plan.get("quota_known", True):
        print("The quotas are not known at the moment: they are looked at again before anything is made.")
    elif not plan.get("fits", True):
        print("It does not fit: have the quotas raised, or ask for fewer or smaller machines.")
    else:
        print("It fits. Nothing was done.")


def _words(kind: str) -> str:
    from navarch.cli.timeline import words_of

    return words_of(kind)


def _told(steps: list[Any]) -> list[Any]:
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
