"""`navarch cluster create` and `plan`: from options and a file to a request."""

from typing import Annotated, Any

import typer

from navarch.cli.options import (
    ClusterArgument,
    DryRunOption,
    IdempotencyOption,
    LabelsOption,
    OutputOption,
    TimeoutOption,
    WaitOption,
)
from navarch.cli.output import Output, emit_data, note, span
from navarch.cli.session import connected
from navarch.cli.values import node_group_of, pairs_of, read_document, read_ssh_key, seconds_of

# What `cluster show -o yaml` prints beside the wish: a file made from it can be used to create another cluster.
_NOT_WISHES = (
    "id", "project_id", "generation", "created_at", "updated_at", "deletion_requested_at", "status", "created_by",
)  # fmt: skip
DEFAULT_GROUP = "default"  # as the service names it where no group is asked for


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(create)
    app.command()(plan)
    app.command("wait")(wait_until_done)


Name = Annotated[str | None, typer.Argument(help="Name of the cluster; needed unless the file has one.")]
FileOption = Annotated[
    str | None,
    typer.Option("--file", "-f", metavar="FILE", help="YAML or JSON of the request; options win over it. - is stdin."),
]


def create(
    ctx: typer.Context,
    name: Name = None,
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="Kubernetes version. Default: newest.")] = None,
    control_plane_replicas: Annotated[int | None, typer.Option(metavar="N", help="1, 3 or 5.")] = None,
    control_plane_flavor: Annotated[str | None, typer.Option(metavar="FLAVOR", help="Size of its machines.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", "-w", metavar="N", help="Number of workers.")] = None,
    flavor: Annotated[str | None, typer.Option(metavar="FLAVOR", help="Size of the workers.")] = None,
    zone: Annotated[
        list[str], typer.Option(metavar="ZONE", help="Zone of control plane and workers; repeat to spread.")
    ] = [],  # noqa: B006 - Typer copies it
    node_group: Annotated[
        list[str],
        typer.Option(
            metavar="SPEC", help="Node group: name=web,flavor=m1.small,replicas=2,zones=z1+z2; may be repeated."
        ),
    ] = [],  # noqa: B006
    node_cidr: Annotated[str | None, typer.Option(metavar="CIDR", help="Range of the machines.")] = None,
    pod_cidr: Annotated[str | None, typer.Option(metavar="CIDR", help="Range of pods.")] = None,
    service_cidr: Annotated[str | None, typer.Option(metavar="CIDR", help="Range of services.")] = None,
    external_network: Annotated[str | None, typer.Option(metavar="NETWORK", help="Where addresses come from.")] = None,
    etcd_volume_type: Annotated[str | None, typer.Option(metavar="TYPE", help="Type of etcd's own disk.")] = None,
    etcd_volume_size: Annotated[int | None, typer.Option(metavar="GIB", help="Its size in GiB.")] = None,
    api_allowed_cidr: Annotated[
        list[str], typer.Option(metavar="CIDR", help="Who may reach the Kubernetes API; repeat. Default: everybody.")
    ] = [],  # noqa: B006
    ssh_key: Annotated[list[str], typer.Option(metavar="FILE", help="Public key for the machines; repeat.")] = [],  # noqa: B006
    label: LabelsOption = [],  # noqa: B006
    file: FileOption = None,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "30m",
    idempotency_key: IdempotencyOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Create a cluster. Nothing but its name is needed: everything else has a default that fits the cloud.

    Waits until the cluster is ready, showing how it goes; --no-wait comes back at once. --dry-run shows what would be
    made and whether the quota suffices, and makes nothing.
    """
    limit = seconds_of(timeout)
    body = request_body(
        read_document(file) if file else {},
        name=name,
        labels=pairs_of(label, "--label"),
        wishes={
            "kubernetes_version": version,
            "control_plane.replicas": control_plane_replicas,
            "control_plane.flavor": control_plane_flavor,
            "control_plane.zones": zone or None,
            "control_plane.etcd_volume.type": etcd_volume_type,
            "control_plane.etcd_volume.size_gib": etcd_volume_size,
            "network.node_cidr": node_cidr,
            "network.pod_cidr": pod_cidr,
            "network.service_cidr": service_cidr,
            "network.external_network": external_network,
            "network.api_allowed_cidrs": api_allowed_cidr or None,
            "ssh_keys": [read_ssh_key(path) for path in ssh_key] or None,
            "node_groups": node_groups(workers, flavor, zone, node_group),
        },
    )
    if not body.get("name"):
        raise typer.BadParameter("a cluster needs a name", param_hint="NAME")
    with connected(ctx) as navarch:
        if dry_run:
            show_plan(navarch.plan_cluster(body), output)
            return
        cluster = navarch.create_cluster(body, idempotency_key=idempotency_key)
        if wait:
            from navarch.cli.live import view_for
            from navarch.cli.waiting import ready, wait_for

            if output is Output.TABLE:
                note(f"Cluster {cluster['name']} ({cluster['id']}) was accepted.")
            with view_for(f"Creating cluster {cluster['name']}") as view:
                done = wait_for(navarch, cluster["id"], ready(cluster["generation"]), view, timeout_seconds=limit)
            cluster = done or cluster
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
            patch = document if {"spec", "labels"} & set(document) else {"spec": document}
            show_plan(navarch.plan_update(cluster, patch), output)
        else:
            show_plan(navarch.plan_cluster(request_body(document, name=cluster or None, labels={}, wishes={})), output)


def wait_until_done(
    ctx: typer.Context,
    cluster: ClusterArgument,
    timeout: TimeoutOption = "30m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Wait until a cluster is as wished, showing how it goes.

    Until it is ready; until it is gone where it is being deleted.
    """
    from navarch.cli.live import view_for
    from navarch.cli.waiting import ready, wait_for

    limit = seconds_of(timeout)
    with connected(ctx) as navarch:
        found = navarch.cluster(cluster)
        goal = None if found.get("deletion_requested_at") else ready(found["generation"])
        with view_for(f"Waiting for cluster {found['name']}") as view:
            done = wait_for(navarch, found["id"], goal, view, timeout_seconds=limit)
    if done is None:
        print(f"Cluster {found['name']} is gone; a final look found nothing left of it.")
    else:
        _show_created(done, output, waited=True)


def request_body(
    document: dict[str, Any], *, name: str | None, labels: dict[str, str], wishes: dict[str, Any]
) -> dict[str, Any]:
    """The request: the file's, with what the options say put over it. A file holds a whole request or a spec alone."""
    import copy

    body = copy.deepcopy(document)
    if body and "spec" not in body and not {"name", "labels"} & set(body):
        body = {"spec": body}
    body = {key: value for key, value in body.items() if key not in _NOT_WISHES}
    spec: dict[str, Any] = body.setdefault("spec", {})
    if isinstance(body.get("node_groups"), list):  # where `cluster show` has them
        spec.setdefault("node_groups", [_as_wished(group) for group in body.pop("node_groups")])
    if name:
        body["name"] = name
    if labels:
        body["labels"] = {**(body.get("labels") or {}), **labels}
    for path, value in wishes.items():
        if value is not None:
            put(spec, path, value)
    return body


def _as_wished(group: Any) -> Any:
    if isinstance(group, dict) and isinstance(group.get("spec"), dict):
        return {"name": group.get("name"), **group["spec"]}
    return group


def put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Set what a dotted path names."""
    *parents, last = path.split(".")
    for parent in parents:
        below = tree.get(parent)
        if not isinstance(below, dict):
            below = tree[parent] = {}
        tree = below
    tree[last] = value


def node_groups(
    workers: int | None, flavor: str | None, zones: list[str], words: list[str]
) -> list[dict[str, Any]] | None:
    """The node groups that the options ask for; None where they say nothing and the service's default is meant."""
    groups = [node_group_of(word) for word in words]
    if workers is not None or flavor is not None or (zones and not groups):
        first: dict[str, Any] = {"name": DEFAULT_GROUP}
        if flavor is not None:
            first["flavor"] = flavor
        if workers is not None:
            first["replicas"] = workers
        if zones:
            first["zones"] = zones
        groups.insert(0, first)
    return groups or None


def show_plan(plan: dict[str, Any], output: Output) -> None:
    """Print a plan: what would be made, changed and removed, and whether the quota suffices."""
    if output in (Output.JSON, Output.YAML):
        emit_data(plan, output)
        return
    from navarch.cli.cluster.plan_table import print_plan

    print_plan(plan)


def _show_created(cluster: Any, output: Output, *, waited: bool) -> None:
    if output is Output.NAME:
        print(cluster["name"])
    elif output in (Output.JSON, Output.YAML):
        emit_data(cluster, output)
    else:
        name = cluster["name"]
        if waited:
            print(f"Cluster {name} is ready{_took(cluster)}: {cluster['status'].get('api_url') or 'no public address'}")
            print(f"\nNext:\n  navarch cluster kubeconfig {name}          # credentials for kubectl")
            print(f"  KUBECONFIG={name}.kubeconfig kubectl get nodes")
            print(f"  navarch cluster timeline {name}            # where the time went")
        else:
            print(f"Cluster {name} ({cluster['id']}) is being created.")
            print(f"\nNext:\n  navarch cluster events -f {name}           # follow it")
            print(f"  navarch cluster show {name}")


def _took(cluster: Any) -> str:
    from navarch.cli.output import parse_time

    ready_at = cluster["status"].get("ready_at")
    if not ready_at:
        return ""
    return f" after {span((parse_time(ready_at) - parse_time(cluster['created_at'])).total_seconds())}"
