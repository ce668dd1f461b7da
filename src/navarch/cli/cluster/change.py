"""`navarch cluster update` and `delete`."""

from typing import TYPE_CHECKING, Annotated

import typer

from navarch.cli.asking import confirm, must_be_asked
from navarch.cli.cluster.objects import belonging, of_the_cluster, show_deletion, summary
from navarch.cli.fields import CLUSTER
from navarch.cli.options import (
    ClusterArgument,
    DryRunOption,
    FileOption,
    IfMatchOption,
    OutputOption,
    TimeoutOption,
    WaitOption,
    YesOption,
    with_fields,
)
from navarch.cli.output import Output, emit_data
from navarch.cli.plans import show_plan
from navarch.cli.session import connected
from navarch.cli.values import read_document, seconds_of
from navarch.cli.wishes import Given, cluster_patch

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch
    from navarch.client.shapes import Cluster, DeletionPlan


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(update)
    app.command()(delete)


@with_fields(CLUSTER, unset=True)
def update(
    ctx: typer.Context,
    cluster: ClusterArgument,
    given: Given,
    file: FileOption = None,
    if_match: IfMatchOption = None,
    dry_run: DryRunOption = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = "30m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Change a cluster. Only what is given changes; what cannot be changed after creation is refused by name.

    Labels are added to those that are there; a list takes the place of the one that is there.
    """
    limit = seconds_of(timeout)
    patch = cluster_patch(read_document(file) if file else {}, given)
    with connected(ctx) as navarch:
        if dry_run:
            show_plan(navarch.plan_update(cluster, patch), output)
            return
        changed = navarch.update_cluster(cluster, patch, if_match=if_match)
        changed = followed(navarch, changed, "Changing", limit if wait else None)
    show_changed(changed, f"is changed (generation {changed['generation']})", output)


def followed(navarch: "Navarch", cluster: "Cluster", doing: str, limit: float | None) -> "Cluster":
    """The cluster once it has come to be as was asked, waited for up to `limit` seconds; None: at once, as it is."""
    if limit is None:
        return cluster
    from navarch.cli.live import view_for
    from navarch.cli.waiting import settled, wait_for

    with view_for(f"{doing} cluster {cluster['name']}") as view:
        goal = settled(cluster["generation"])
        return wait_for(navarch, cluster["id"], goal, view, timeout_seconds=limit) or cluster


def outcome(cluster: "Cluster", ready: str) -> str:
    """What a cluster that was waited for has come to: `ready`, unless it is stopped or paused."""
    return {"Stopped": "is stopped", "Paused": "is paused"}.get(cluster["status"]["phase"], ready)


def show_changed(cluster: "Cluster", what: str, output: Output) -> None:
    """Print what became of a change."""
    if output is Output.NAME:
        print(cluster["name"])
    elif output is Output.TABLE:
        print(f"Cluster {cluster['name']} {what}.")
    else:
        emit_data(cluster, output)


def delete(
    ctx: typer.Context,
    cluster: ClusterArgument,
    yes: YesOption = False,
    keep_volumes: Annotated[
        bool, typer.Option("--keep-volumes", help="Leave the volumes of persistent volume claims.")
    ] = False,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "15m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Delete a cluster with everything it made.

    Machines, networks, balancers of services, and the volumes of claims unless they are kept; with --dry-run they are
    listed one by one. Done when a final look finds nothing left.
    """
    limit = seconds_of(timeout)
    with connected(ctx) as navarch:
        found = navarch.cluster(cluster)
        if dry_run:
            show_deletion(navarch.plan_deletion(found["id"], keep_volumes=keep_volumes), output, navarch.now())
            return
        if not yes:
            must_be_asked(found["name"])
            confirm(_warning(found, navarch.plan_deletion(found["id"], keep_volumes=keep_volumes)), found["name"])
        navarch.delete_cluster(found["id"], keep_volumes=keep_volumes)
        if not wait:
            print(f"Cluster {found['name']} is being deleted.")
            return
        from navarch.cli.live import view_for
        from navarch.cli.waiting import wait_for

        with view_for(f"Deleting cluster {found['name']}") as view:
            wait_for(navarch, found["id"], None, view, timeout_seconds=limit)
    print(f"Cluster {found['name']} is gone; a final look found nothing left of it.")


def _warning(cluster: "Cluster", plan: "DeletionPlan") -> str:
    """What is to be known before: balancers and volumes one by one."""
    lines = [f"Cluster {cluster['name']} ({cluster['id']}) goes. {summary(plan)}"]
    for one in of_the_cluster(plan["objects"]):
        what = f"{one['size_gib']} GiB" if one["size_gib"] else one["address"]
        lines.append(f"  {one['at_deletion']}: the {one['kind']} of {belonging(one)} ({what or one['id']})")
    return "\n".join(lines)
