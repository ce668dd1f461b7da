"""An add-on in words: where its objects are, what is set, and what a removal takes and leaves."""

from collections.abc import Iterator
from typing import Any


def removal(addon: dict[str, Any], *, with_data: bool, no_hooks: bool) -> list[str]:
    """What goes with it, stays, runs, and is in the way: each on a line."""
    status = addon["status"]
    told = [
        f"{'stays' if o['stays'] and not with_data else 'goes':<5}  {o['kind']} {where(o)}{_if_empty(o)}"
        for o in status["objects"]
    ]
    told += [f"goes   {_created(made)}, which its program made" for made in addon.get("creates", [])]
    told += [f"stays  {said}" for said in addon.get("leaves", [])]
    told += _beside_told(status.get("beside"), with_data=with_data)
    told += [f"runs   {hook}" for hook in status.get("removal_hooks", []) if not no_hooks]
    told += [f"needed by {other}: this is refused until that one is removed" for other in addon.get("needed_by", [])]
    return told


def flat(given: dict[str, Any], path: str) -> Iterator[tuple[str, object]]:
    """Values by their dotted paths, as `--set` takes them."""
    for name, value in given.items():
        full = f"{path}.{name}" if path else name
        if isinstance(value, dict) and value:
            yield from flat(value, full)
        else:
            yield full, value


def where(item: dict[str, Any]) -> str:
    """`namespace/name`, or the name alone of what is in no namespace."""
    return f"{item['namespace']}/{item['name']}" if item["namespace"] else str(item["name"])


def _beside_told(beside: dict[str, Any] | None, *, with_data: bool) -> list[str]:
    """What hangs on an add-on and is none of its objects, as it was counted last."""
    if beside is None:
        return []
    fate = f"{'goes' if with_data else 'stays':<5}"
    told = [f"{fate}  {claim['kind']} {where(claim)}, with its volume" for claim in beside["claims"]]
    told += [f"{fate}  {kind['count']} of {kind['kind']}, whoever made them" for kind in beside["objects"]]
    return [*told, f"       (counted {beside['at']})"] if told else []


def _if_empty(item: dict[str, Any]) -> str:
    return ", if nothing of others is in it" if item["kind"] == "Namespace" else ""


def _created(made: dict[str, Any]) -> str:
    """As `Lease shop/leader`, or `Secret shop/* app=web` for all with these labels."""
    chosen = ",".join(f"{key}={value}" for key, value in made["labels"].items())
    return " ".join(filter(None, (made["kind"], where({**made, "name": made["name"] or "*"}), chosen)))
