"""`navarch cluster list` and `show`."""

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import typer

from navarch.cli.cluster.objects import columns, of_the_cluster
from navarch.cli.options import ClusterArgument, OutputOption
from navarch.cli.output import Column, Output, age, emit_data, emit_facts, emit_list, note, print_table
from navarch.cli.session import connected, target_of
from navarch.cli.values import pairs_of
from navarch.client.errors import Problem

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch
    from navarch.client.shapes import CloudObject


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("list")(list_clusters)
    app.command()(show)


def list_clusters(
    ctx: typer.Context,
    label: Annotated[
        list[str], typer.Option("--label", "-l", metavar="KEY=VALUE", help="Only those with this label; repeat.")
    ] = [],  # noqa: B006
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Only the one of this name.")] = None,
    search: Annotated[
        str, typer.Option("--search", "-s", metavar="WORDS", help="Words in its name or labels, or how its id begins.")
    ] = "",
    phase: Annotated[
        list[str], typer.Option("--phase", metavar="PHASE", help="Only in this phase, as Blocked; repeat.")
    ] = [],  # noqa: B006
    version: Annotated[
        list[str], typer.Option("--version", metavar="VERSION", help="Only with this one, as 1.37 or 1.37.2; repeat.")
    ] = [],  # noqa: B006
    responsible: Annotated[
        list[str],
        typer.Option(
            "--responsible",
            metavar="WHO",
            help="Only those that wait for user, project-admin, cloud-operator or navarch-operator to act; me: for one "
            "of the first two, as an operator for one of the others; repeat.",
        ),
    ] = [],  # noqa: B006
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="ORDER", help="created, name, phase or version; with a minus backwards. Default: created."
        ),
    ] = None,
    all_projects: Annotated[bool, typer.Option("--all-projects", help="Of every project, as an operator.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the project's clusters."""
    unreadable: list[str] = []
    all_projects = all_projects or target_of(ctx).all_projects
    with connected(ctx, all_projects=all_projects) as navarch:
        labels = pairs_of(label, "--label")
        found = list(
            navarch.clusters(
                labels=labels,
                name=name,
                search=search,
                phases=[word.capitalize() for word in phase],
                versions=version,
                responsible=_persons(responsible, operator=all_projects),
                sort=sort,
                unreadable=unreadable.append,
            )
        )
        now = navarch.now()
    for cluster_id in unreadable:
        note(f"cluster {cluster_id} runs, but what Navarch has written of it cannot be read: tell its operator")
    columns = (
        Column("NAME", lambda c: c["name"], keep=True),
        Column("PHASE", lambda c: c["status"].get("phase")),
        Column("VERSION", lambda c: c["status"].get("kubernetes_version") or c["spec"].get("kubernetes_version")),
        Column("MACHINES", _machines, right=True),
        Column("API", lambda c: c["status"].get("api_url")),
        Column("AGE", lambda c: age(c["created_at"], now), right=True),
        Column("ID", lambda c: c["id"], keep=True),
        *([Column("PROJECT", lambda c: c["project_id"], keep=True)] if all_projects else []),
    )
    if not found and not unreadable and output is Output.TABLE:
        asked = any((label, name, search, phase, version, responsible))
        print("No cluster is like that." if asked else "No clusters. Create one with `navarch cluster create NAME`.")
        return
    emit_list(found, output, columns)


def show(ctx: typer.Context, cluster: ClusterArgument, output: OutputOption = Output.TABLE) -> None:
    """Show a cluster.

    Its wish, what is seen of it, and what to do where something is in the way.
    """
    with connected(ctx) as navarch:
        found: Any = navarch.cluster(cluster)
        if output is Output.NAME:
            print(found["name"])
            return
        if output is not Output.TABLE:
            emit_data(found, output)
            return
        inside = _inside(navarch, found["id"])
        now = navarch.now()
    spec, status = found["spec"], found["status"]
    groups = found.get("node_groups") or []
    plane, network = spec.get("control_plane") or {}, spec.get("network") or {}
    volume = plane.get("etcd_volume") or {}
    emit_facts(
        [
            ("name", found["name"]),
            ("id", found["id"]),
            ("project", found["project_id"]),
            ("region", found["region"]),
            ("labels", found.get("labels")),
            ("phase", status.get("phase")),
            ("Kubernetes", status.get("kubernetes_version") or spec.get("kubernetes_version")),
            ("API", status.get("api_url")),
            ("API open to", network.get("api_allowed_cidrs") or "everybody"),
            ("machines", f"{_machines(found)} Ready"),
            ("control plane", _of(plane.get("replicas"), plane.get("flavor"), plane.get("zones"))),
            ("etcd volume", f"{volume.get('type')}, {volume.get('size_gib')} GiB" if volume else None),
            *((f"group {g['name']}", _group(g)) for g in groups),
            ("networks", _networks(network)),
            *((name.replace("_", " "), spec.get(name)) for name, usual in _DEFAULTS.items() if spec.get(name) != usual),
            ("maintenance", _maintenance(spec.get("maintenance"), status.get("maintenance"), now)),
            ("created", f"{found['created_at']} ({age(found['created_at'], now)} ago)"),
            ("last request", found.get("request_id") or None),
            ("deletion", found.get("deletion_requested_at")),
        ]
    )
    if inside:
        print()
        print_table(inside, [c for c in columns() if c.title != "NAME"])
    conditions = status.get("conditions") or []
    if conditions:
        print()
        shown = (
            Column("CONDITION", lambda c: c["type"], keep=True),
            Column("STATUS", lambda c: c["status"]),
            Column("SINCE", lambda c: age(c.get("last_transition_at"), now), right=True),
            Column("REASON", lambda c: c["reason"], keep=True),
            Column("MESSAGE", lambda c: c["message"]),
        )
        print_table(conditions, shown)
    told = set()
    for condition in conditions:
        if condition.get("responsible") and condition["status"] != "True" and condition["message"] not in told:
            told.add(condition["message"])
            print(f"\n{condition['reason']}: {condition['message']}")
            print(f"  who must act: {condition['responsible']}")
            if condition.get("remedy"):
                print(f"  what to do: {condition['remedy']}")


def _inside(navarch: "Navarch", cluster_id: str) -> list["CloudObject"]:
    """What its Services and claims have in the cloud; nothing from a service of the version before, which has no such
    list."""
    try:
        return of_the_cluster(navarch.objects(cluster_id)["objects"])
    except Problem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        return []


# Of fields that are shown where they say something else. Which image is built last is not known here.
_DEFAULTS: dict[str, Any] = {
    "node_image": None, "protected": False, "running": True, "schedule": None, "remove_stopped_workers": False,
    "rollout_paused": False,
    "soak_seconds": 0, "groups_at_once": 1, "expander": "least-waste", "automatic_upgrades": False,
}  # fmt: skip


def _persons(words: list[str], *, operator: bool) -> list[str]:
    """Who is meant by `me`: whoever may be the one that asks."""
    me = ("cloud-operator", "navarch-operator") if operator else ("user", "project-admin")
    return list(dict.fromkeys(who for word in words for who in (me if word == "me" else (word,))))


def _machines(cluster: Any) -> str:
    count = cluster["status"].get("machines") or {}
    return f"{count.get('ready', 0)}/{count.get('desired', 0)}"


def _of(replicas: object, flavor: object, zones: Any) -> str:
    return f"{replicas} × {flavor}" + (f" in {', '.join(zones)}" if zones else "")


def _maintenance(window: Any, opening: Any, now: datetime) -> str | None:
    """When Navarch may begin what nobody asked for; None: at any time, which is usual."""
    if not window:
        return None
    said = f"{window['start']}+{window['hours']} {'+'.join(window['days'])} {window['timezone']}"
    if not opening:
        return said
    start, end = (datetime.fromisoformat(opening[edge]) for edge in ("start", "end"))
    if start <= now < end:
        return f"{said}, open until {end:%Y-%m-%d %H:%M} UTC"
    return f"{said}, next: {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"


def _group(group: Any) -> str:
    spec, status = group["spec"], group.get("status") or {}
    return f"{_of(spec.get('replicas'), spec.get('flavor'), spec.get('zones'))}, {status.get('ready', 0)} Ready"


def _networks(network: dict[str, Any]) -> str:
    parts = [
        ("machines", "node_cidr"),
        ("pods", "pod_cidr"),
        ("services", "service_cidr"),
        ("outside", "external_network"),
    ]
    return ", ".join(f"{word} {network[key]}" for word, key in parts if network.get(key))
