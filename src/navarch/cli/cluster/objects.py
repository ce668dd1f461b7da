"""`navarch cluster objects`, and the same for a deletion: what a cluster has in its cloud, one by one."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from navarch.cli.options import ClusterArgument, OutputOption
from navarch.cli.output import Column, Output, age, emit_data, emit_list, note, print_table
from navarch.cli.session import connected

if TYPE_CHECKING:
    from navarch.client.shapes import Belongings, CloudObject

_FOR = {"Service": "Service", "PersistentVolumeClaim": "claim"}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(objects)


def objects(ctx: typer.Context, cluster: ClusterArgument, output: OutputOption = Output.TABLE) -> None:
    """List what a cluster has in its cloud.

    Each object with what it is for and what becomes of it when the cluster is deleted: balancers of Services and
    volumes of claims first.
    """
    with connected(ctx) as navarch:
        found = navarch.objects(cluster)
        now = navarch.now()
    if output in (Output.JSON, Output.YAML):
        emit_data(found, output)
        return
    emit_list(found["objects"], output, columns())
    if output is Output.TABLE:
        tell_of_looks(found, now)


def show_deletion(plan: Any, output: Output, now: datetime) -> None:
    """Print the answer to a dry run of a deletion."""
    if output in (Output.JSON, Output.YAML):
        emit_data(plan, output)
        return
    print_table(plan["objects"], columns())
    print()
    print(summary(plan))
    print("Nothing was done.")
    tell_of_looks(plan, now)


def summary(plan: "Belongings") -> str:
    """Of a deletion, in sentences."""
    gone = Counter(o["kind"] for o in plan["objects"] if o["at_deletion"] == "deleted")
    kept = [o for o in plan["objects"] if o["at_deletion"] == "kept"]
    keepable = [o for o in plan["objects"] if o["keepable"] and o["at_deletion"] == "deleted"]
    said = [f"Would be deleted: {_counted(gone)}." if gone else "Nothing is there that would be deleted."]
    if kept:
        said.append(f"Would be kept: {_counted(Counter(o['kind'] for o in kept))}; they go on counting.")
    if keepable:
        said.append("The volumes of claims go with all data on them; --keep-volumes leaves them.")
    return " ".join(said)


def columns() -> tuple[Column, ...]:
    """Of a table of objects."""
    return (
        Column("KIND", lambda o: o["kind"], keep=True),
        Column("FOR", belonging),
        Column("SIZE", lambda o: f"{o['size_gib']} GiB" if o.get("size_gib") else None, right=True),
        Column("ADDRESS", lambda o: o.get("address")),
        Column("ZONE", lambda o: o.get("zone")),
        Column("AT DELETION", lambda o: o["at_deletion"], keep=True),
        Column("NAME", lambda o: o["name"]),
        Column("ID", lambda o: o["id"], keep=True),
    )


def of_the_cluster(found: Sequence["CloudObject"]) -> list["CloudObject"]:
    """Those that the cluster's Services and claims have."""
    return [one for one in found if one["purpose"]]


def belonging(one: Any) -> str | None:
    """What in the cluster it is for: "Service default/web"."""
    return f"{_FOR.get(one['purpose'], one['purpose'])} {one['of']}" if one.get("purpose") else None


def tell_of_looks(found: "Belongings", now: datetime) -> None:
    """Where what was shown is not as of now."""
    if found["seen_at"] is None:
        note("No worker has looked at its cloud yet.")
        return
    note(f"Seen {age(found['seen_at'], now)} ago.")
    if found["left_out"]:
        note(f"There are {found['left_out']} more.")
    if found["unread"]:
        note(f"Not read then, and shown as seen before: {', '.join(found['unread'])}.")


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}{'s' if number != 1 else ''}" for kind, number in kinds.items())
