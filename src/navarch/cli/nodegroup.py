"""`navarch nodegroup …`: workers that are alike, as resources of their own."""

from typing import Annotated, Any

import typer

from navarch.cli.fields import NEW_NODE_GROUP, NODE_GROUP
from navarch.cli.options import (
    ClusterOption,
    DryRunOption,
    FileOption,
    IfMatchOption,
    OutputOption,
    TimeoutOption,
    WaitOption,
    YesOption,
    new_app,
    with_fields,
)
from navarch.cli.output import Column, Output, emit_data, emit_facts, emit_list, note
from navarch.cli.plans import show_plan
from navarch.cli.session import connected
from navarch.cli.values import read_document, seconds_of
from navarch.cli.wishes import Given, node_group_patch

app = new_app("Node groups of a cluster: workers that are alike.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the node group.")]


@app.command("list")
def list_groups(ctx: typer.Context, cluster: ClusterOption, output: OutputOption = Output.TABLE) -> None:
    """List a cluster's node groups."""
    with connected(ctx) as navarch:
        found = list(navarch.node_groups(cluster))
    columns = (
        Column("NAME", lambda g: g["name"], keep=True),
        Column("READY", lambda g: f"{(g.get('status') or {}).get('ready', 0)}/{g['spec'].get('replicas')}", right=True),
        Column("FLAVOR", lambda g: g["spec"].get("flavor")),
        Column("ZONES", lambda g: g["spec"].get("zones")),
        Column("LABELS", lambda g: g["spec"].get("labels")),
        Column("TAINTS", lambda g: [_taint(t) for t in g["spec"].get("taints") or []]),
    )
    emit_list(found, output, columns)


@app.command()
def show(ctx: typer.Context, name: NameArgument, cluster: ClusterOption, output: OutputOption = Output.TABLE) -> None:
    """Show a node group."""
    with connected(ctx) as navarch:
        _print(navarch.node_group(cluster, name), output)


@app.command()
def explain(
    ctx: typer.Context, name: NameArgument, cluster: ClusterOption, output: OutputOption = Output.TABLE
) -> None:
    """Say what autoscaling thinks of a node group: which pods it cannot help, which machines go or stay, and why."""
    with connected(ctx) as navarch:
        group: Any = navarch.node_group(cluster, name)
    thoughts = (group.get("status") or {}).get("autoscaling")
    if output is not Output.TABLE:
        emit_data(thoughts, output)
        return
    for line in _explained(group, thoughts):
        print(line)


@app.command()
@with_fields(NEW_NODE_GROUP)
def create(
    ctx: typer.Context,
    name: NameArgument,
    cluster: ClusterOption,
    given: Given,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "15m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Add a node group to a cluster."""
    limit = seconds_of(timeout)
    body = {"name": name, "spec": {}} | given
    with connected(ctx) as navarch:
        if dry_run:
            show_plan(navarch.plan_node_group(cluster, body), output)
            return
        group: Any = navarch.create_node_group(cluster, body)
        if wait:
            group = _wait(navarch, cluster, group, limit, f"Creating node group {name}") or group
    _print(group, output)


@app.command()
@with_fields(NODE_GROUP, unset=True)
def update(
    ctx: typer.Context,
    name: NameArgument,
    cluster: ClusterOption,
    given: Given,
    file: FileOption = None,
    if_match: IfMatchOption = None,
    dry_run: DryRunOption = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = "15m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Change a node group. Only what is given changes.

    Labels are added to those that are there; a list takes the place of the one that is there.
    """
    limit = seconds_of(timeout)
    patch = node_group_patch(read_document(file) if file else {}, given)
    _change(ctx, cluster, name, patch, if_match, dry_run, wait, limit, output, f"Changing node group {name}")


@app.command()
def scale(
    ctx: typer.Context,
    name: NameArgument,
    replicas: Annotated[int, typer.Argument(metavar="REPLICAS", min=0, help="Number of machines.")],
    cluster: ClusterOption,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "15m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Set the number of a node group's machines. Those that go are drained first."""
    limit = seconds_of(timeout)
    patch = {"spec": {"replicas": replicas}}
    _change(ctx, cluster, name, patch, None, dry_run, wait, limit, output, f"Scaling node group {name} to {replicas}")


@app.command()
def delete(
    ctx: typer.Context,
    name: NameArgument,
    cluster: ClusterOption,
    yes: YesOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "15m",
) -> None:
    """Delete a node group: its nodes are drained, then its machines go."""
    from navarch.cli.asking import confirm

    limit = seconds_of(timeout)
    with connected(ctx) as navarch:
        group: Any = navarch.node_group(cluster, name)
        if not yes:
            confirm(f"Node group {name} of {cluster} with {group['spec'].get('replicas')} machines is deleted.", name)
        navarch.delete_node_group(cluster, name)
        title = f"Deleting node group {name}"
        is_gone = wait and _wait(navarch, cluster, {"name": name, "spec": {"replicas": 0}}, limit, title) is not None
    print(f"Node group {name} is {'gone' if is_gone else 'being deleted'}.")


def _change(
    ctx: typer.Context,
    cluster: str,
    name: str,
    patch: dict[str, Any],
    if_match: int | None,
    dry_run: bool,
    wait: bool,
    limit: float,
    output: Output,
    title: str,
) -> None:
    with connected(ctx) as navarch:
        if dry_run:
            show_plan(navarch.plan_node_group_update(cluster, name, patch), output)
            return
        group: Any = navarch.update_node_group(cluster, name, patch, if_match=if_match)
        if wait:
            group = _wait(navarch, cluster, group, limit, title) or group
    _print(group, output)


def _wait(navarch: Any, cluster: str, group: Any, limit: float, title: str) -> Any:
    """The group as it has become; None, and a word why, where nothing is done now."""
    from navarch.cli.live import view_for
    from navarch.cli.waiting import group_has, held, wait_for
    from navarch.client.errors import Problem

    found = navarch.cluster(cluster)
    why = held(found)
    if why:
        note(why)
        return None
    with view_for(title) as view:
        goal = group_has(group["name"], group["spec"]["replicas"], group.get("generation", 0))
        wait_for(navarch, found["id"], goal, view, timeout_seconds=limit)
    try:
        return navarch.node_group(found["id"], group["name"])
    except Problem as problem:
        if problem.status == 404:  # it was to be deleted
            return group
        raise


def _print(group: Any, output: Output) -> None:
    if output is Output.NAME:
        print(group["name"])
    elif output is not Output.TABLE:
        emit_data(group, output)
    else:
        spec = {name.replace("_", " "): value for name, value in group["spec"].items()}
        ready = (group.get("status") or {}).get("ready", 0)
        shown = {
            "name": group["name"],
            **spec,
            "replicas": f"{spec.get('replicas')}, {ready} Ready",
            "taints": [_taint(t) for t in spec.get("taints") or []],
            "generation": group.get("generation"),
        }
        emit_facts(shown.items())


def _explained(group: Any, thoughts: Any) -> list[str]:
    limits, replicas = group["spec"].get("autoscaling"), group["spec"].get("replicas")
    if not limits:
        return [f"{group['name']} has {replicas} machines, a number that people set. Limits: --autoscaling MIN-MAX"]
    lines = [f"{group['name']} has {replicas} machines, between {limits['min']} and {limits['max']}."]
    if not thoughts:
        return [*lines, "Its pods were not looked at yet."]
    backoff = thoughts.get("backoff")
    if backoff:
        lines.append(f"Asked for no more until {backoff['until']}, then tried again: {backoff['why']}")
        if backoff.get("remedy"):
            lines.append(f"Who must act: {backoff['responsible']}. {backoff['remedy']}")
    spare = thoughts.get("spare")
    if spare:
        there = f"{spare['ready']} of {spare['replicas']} are there, {spare['coming']} on their way"
        lacking = (
            f"; {spare.get('missing', '?')} missing, and it grows for no more: {spare['why']}" if spare["why"] else ""
        )
        lines.append(f"Places that it keeps free: {there}{lacking}")
    for device in thoughts.get("devices") or ():
        until = f"until {device['until']}" if device["until"] else "while it is there, and for a while after"
        lines.append(
            f"{device['machine']} does not show {device['resource']}: pods that ask for it bring none more {until};"
        )
        lines.append(
            "then one is tried again. You must act: look whether its device plugin runs on such machines, and if"
        )
        lines.append("they have no such device, change the group's --capacity.")
    for one in thoughts["helpless"]:
        others = f" and {one['count'] - 1} like it wait" if one["count"] > 1 else " waits"
        lines.append(f"Pod {one['pod']}{others}; {group['name']} cannot help: {one['why']}")
    lines += [f"{m['machine']} is not needed since {m['since']}, and goes." for m in thoughts["unneeded"]]
    lines += [f"{m['machine']} is hardly used, and stays: {m['why']}" for m in thoughts["kept"]]
    return lines if len(lines) > 1 else [*lines, "No pod waits, and every machine is needed."]


def _taint(taint: Any) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"
