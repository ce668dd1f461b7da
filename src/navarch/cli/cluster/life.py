"""`navarch cluster upgrade`, `stop` and `start`: one field of the wish each, in a word of its own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from navarch.cli.cluster.change import followed, outcome, show_changed
from navarch.cli.options import (
    ClusterArgument,
    DryRunOption,
    IfMatchOption,
    OutputOption,
    TimeoutOption,
    WaitOption,
)
from navarch.cli.output import Column, Output, emit_list
from navarch.cli.plans import show_plan
from navarch.cli.session import connected
from navarch.cli.values import seconds_of

if TYPE_CHECKING:
    from navarch.client.shapes import Cluster, Upgrade


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (upgrade, stop, start):
        app.command()(command)


def upgrade(
    ctx: typer.Context,
    cluster: ClusterArgument,
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="Version to have. Without: show which can be had.")
    ] = None,
    if_match: IfMatchOption = None,
    dry_run: DryRunOption = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = "2h",
    output: OutputOption = Output.TABLE,
) -> None:
    """Upgrade a cluster to another version of Kubernetes, or show what can be had and what is in the way.

    The control plane first, a machine at a time, then the node groups. While the control plane has a machine of the
    version before, --to that version goes back.
    """
    limit = seconds_of(timeout)
    with connected(ctx) as navarch:
        if to is None:
            _show_upgrades(navarch.cluster(cluster), list(navarch.upgrades(cluster)), output)
            return
        patch = {"spec": {"kubernetes_version": to}}
        if dry_run:
            show_plan(navarch.plan_update(cluster, patch), output)
            return
        changed = navarch.update_cluster(cluster, patch, if_match=if_match)
        changed = followed(navarch, changed, "Upgrading", limit if wait else None)
    show_changed(changed, outcome(changed, f"has {to}") if wait else f"is being upgraded to {to}", output)


def stop(
    ctx: typer.Context,
    cluster: ClusterArgument,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "30m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Stop a cluster: its workers are drained, then all machines are shut off. Disks, data and addresses stay."""
    _run(ctx, cluster, False, dry_run, wait, timeout, output)


def start(
    ctx: typer.Context,
    cluster: ClusterArgument,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "30m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Start a cluster that was stopped, with the addresses, certificates and objects that it had."""
    _run(ctx, cluster, True, dry_run, wait, timeout, output)


def _run(
    ctx: typer.Context, cluster: str, running: bool, dry_run: bool, wait: bool, timeout: str, output: Output
) -> None:
    limit, patch = seconds_of(timeout), {"spec": {"running": running}}
    doing, begun = ("Starting", "is being started") if running else ("Stopping", "is being stopped")
    with connected(ctx) as navarch:
        if dry_run:
            show_plan(navarch.plan_update(cluster, patch), output)
            return
        changed = navarch.update_cluster(cluster, patch)
        changed = followed(navarch, changed, doing, limit if wait else None)
    show_changed(changed, outcome(changed, "runs") if wait else begun, output)


def _show_upgrades(cluster: "Cluster", found: "Sequence[Upgrade]", output: Output) -> None:
    columns = (
        Column("VERSION", lambda u: u["kubernetes_version"], keep=True),
        Column("IMAGE", lambda u: u["image_name"]),
        Column("BUILT", lambda u: u.get("built_at") or None, keep=True),
        Column("IN THE WAY", lambda u: [o["reason"] for o in u["obstacles"]] or "nothing"),
    )
    name, version = cluster["name"], cluster["spec"]["kubernetes_version"]
    if not found and output is Output.TABLE:
        print(f"Cluster {name} has {version}; nothing newer is offered.")
        return
    emit_list(found, output, columns, name="kubernetes_version")
    if output is not Output.TABLE:
        return
    for one in found:
        for obstacle in (*one["obstacles"], *one.get("notes", ())):
            print(f"\n{one['kubernetes_version']}: {obstacle['message']}")
            print(f"  who must act: {obstacle['responsible']}\n  what to do: {obstacle['remedy']}")
    free = next((u["kubernetes_version"] for u in found if not u["obstacles"]), None)
    if free:
        print(f"\nNext: navarch cluster upgrade {name} --to {free} --dry-run")
