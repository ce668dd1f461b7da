"""What an add-on's dry run says, for a page: objects that come and go, and in which fields others change. Pure."""

from typing import Any


def shown_plan(plan: dict[str, Any]) -> dict[str, Any]:
    """`comes`, `goes`: objects; `changes`: (object, its fields with before and after) in the plan's order."""
    comes: list[str] = []
    goes: list[str] = []
    changes: dict[str, list[dict[str, Any]]] = {}
    for its in plan["differences"]:
        if its["field"]:
            changes.setdefault(its["object"], []).append(its)
        elif its["before"] is None:
            comes.append(its["object"])
        else:
            goes.append(its["object"])
    return {
        "version": plan["version"],
        "comes": comes,
        "goes": goes,
        "changes": list(changes.items()),
        "looked_up": plan.get("looked_up") or [],
        "notes": plan.get("notes") or "",
    }
