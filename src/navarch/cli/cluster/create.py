"""`navarch cluster create` and `plan`: from options and a file to a request."""

import time
from typing import Annotated, Any

import typer

from navarch.cli.fields import NEW_CLUSTER
from navarch.cli.options import (
    ClusterArgument,
    DryRunOption,
    FileOption,
    IdempotencyOption,
    OutputOption,
    TimeoutOption,
    WaitOption,
    with_fields,
)
from navarch.cli.output import Output, emit_data, note, span
from navarch.cli.plans import show_plan
from navarch.cli.session import connected
from navarch.cli.values import read_document, seconds_of
from navarch.cli.wishes import Given, cluster_patch, new_cluster, node_groups, put


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(create)
    app.command()(plan)
    app.command("wait")(wait_until_done)


@with_fields(NEW_CLUSTER)
def create(
    ctx: typer.Context,
    given: Given,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Name of the cluster; needed unless the file has one.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", metavar="N", help="Number of workers. Default: 2.")
    ] = None,
    flavor: Annotated[str | None, typer.Option(metavar="FLAVOR", help="Size of the workers.")] = None,
    node_group: Annotated[
        list[str],
        typer.Option(
            metavar="SPEC",
            help="Node group, in words such as name=web,flavor=m1.small,replicas=2,zone=z1+z2; repeat.",
        ),
    ] = [],  # noqa: B006 - Typer copies it
    file: FileOption = None,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "30m",
    idempotency_key: IdempotencyOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Create a cluster. Nothing but its name is needed: everything else has a default that fits the cloud.

    Waits until the cluster and its add-ons are ready, showing how it goes; --no-wait comes back at once. --dry-run
    shows what would be made and whether the quota suffices, and makes nothing.
    """
    end = time.monotonic() + (limit := seconds_of(timeout))
    zones = given.get("spec", {}).get("control_plane", {}).get("zones", [])
    groups = node_groups(workers, flavor, zones, node_group)
    if groups is not None:
        put(given, "spec.node_groups", groups)
    body = new_cluster(read_document(file) if file else {}, name, given)
    if not body.get("name"):
        raise typer.BadParameter("a cluster needs a name", param_hint="NAME")
    with connected(ctx) as navarch:
        if dry_run:
            show_plan(navarch.plan_cluster(body), output)
            return
        cluster = navarch.create_cluster(body, idempotency_key=idempotency_key)
        if wait:
            from navarch.cli.live import view_for
            from navarch.cli.waiting import settled, wait_for

            if output is Output.TABLE:
                note(f"Cluster {cluster['name']} ({cluster['id']}) was accepted.")
            with view_for(f"Creating cluster {cluster['name']}") as view:
                done = wait_for(navarch, cluster["id"], settled(cluster["generation"]), view, timeout_seconds=limit)
            cluster = done or cluster
            if done is not None and done["status"].get("phase") == "Ready" and body["spec"].get("addons"):
                from navarch.cli.addon_waiting import until_installed

                for addon in list(navarch.addons(cluster["id"])):
                    until_installed(navarch, cluster["id"], addon, max(0.0, end - time.monotonic()))
        _show_created(cluster, output, waited=wait)


def plan(
    ctx: typer.Context,
    cluster: ClusterArgument = "",
    file: FileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what a request would do, and do nothing.

    With a file that has a name: what creating it would make. With a cluster and a file without: what merging the file
    into it would change. For options of `cluster create` and `cluster update`, use their --dry-run.
    """
    if not file:
        raise typer.BadParameter(
            "give the request with -f FILE, or use `navarch cluster create --dry-run`", param_hint="-f"
        )
    document = read_document(file)
    with connected(ctx) as navarch:
        if cluster and "name" not in document:
            show_plan(navarch.plan_update(cluster, cluster_patch(document, {})), output)
        else:
            show_plan(navarch.plan_cluster(new_cluster(document, cluster or None, {})), output)


def wait_until_done(
    ctx: typer.Context,
    cluster: ClusterArgument,
    timeout: TimeoutOption = "30m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Wait until a cluster is as wished, showing how it goes.

    Until it is ready, or stopped or paused as somebody wished; until it is gone where it is being deleted.
    """
    from navarch.cli.live import view_for
    from navarch.cli.waiting import settled, wait_for

    limit = seconds_of(timeout)
    with connected(ctx) as navarch:
        found = navarch.cluster(cluster)
        goal = None if found.get("deletion_requested_at") else settled(found["generation"])
        with view_for(f"Waiting for cluster {found['name']}") as view:
            done = wait_for(navarch, found["id"], goal, view, timeout_seconds=limit)
    if done is None:
        print(f"Cluster {found['name']} is gone; a final look found nothing left of it.")
    else:
        _show_created(done, output, waited=True)


def _show_created(cluster: Any, output: Output, *, waited: bool) -> None:
    if output is Output.NAME:
        print(cluster["name"])
    elif output in (Output.JSON, Output.YAML):
        emit_data(cluster, output)
    else:
        name, phase = cluster["name"], cluster["status"]["phase"]
        if waited and phase in _NEXT:
            words, command = _NEXT[phase]
            print(f"Cluster {name} {words}.\n\nNext:\n  navarch cluster {command.format(name)}")
        elif waited:
            print(f"Cluster {name} is ready{_took(cluster)}: {cluster['status'].get('api_url') or 'no public address'}")
            print(f"\nNext:\n  navarch cluster kubeconfig {name}          # credentials for kubectl")
            print(f"  KUBECONFIG={name}.kubeconfig kubectl get nodes")
            print(f"  navarch cluster timeline {name}            # where the time went")
        else:
            print(f"Cluster {name} ({cluster['id']}) is being created.")
            print(f"\nNext:\n  navarch cluster events -f {name}           # follow it")
            print(f"  navarch cluster show {name}")


_NEXT = {
    "Stopped": ("is stopped: its machines are off", "start {}"),
    "Paused": ("is paused: Navarch keeps its hands off", "update {} --resume"),
}


def _took(cluster: Any) -> str:
    from navarch.cli.output import parse_time

    ready_at = cluster["status"].get("ready_at")
    if not ready_at:
        return ""
    return f" after {span((parse_time(ready_at) - parse_time(cluster['created_at'])).total_seconds())}"
