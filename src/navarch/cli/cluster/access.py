"""`navarch cluster kubeconfig`: a short-lived credential, in a file of its own or merged into kubectl's; and
`navarch cluster renew-credentials`, of what the cluster's own controllers show to the cloud."""

from pathlib import Path
from typing import Annotated, Any

import typer

from navarch.cli.exits import Exit, Failure
from navarch.cli.options import ClusterArgument, DryRunOption, OutputOption, TimeoutOption, WaitOption
from navarch.cli.output import Output, emit_data, note, span
from navarch.cli.session import connected
from navarch.cli.values import seconds_of
from navarch.cli.waiting import comes_true

_LOOK_EVERY = 1.0  # seconds


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(kubeconfig)
    app.command()(renew_credentials)


def kubeconfig(
    ctx: typer.Context,
    cluster: ClusterArgument,
    role: Annotated[
        str | None, typer.Option(metavar="ROLE", help="admin, edit or view. Default: admin where you may be it.")
    ] = None,
    group: Annotated[
        list[str], typer.Option(metavar="GROUP", help="Kubernetes group, in place of a role; repeat.")
    ] = [],  # noqa: B006
    ttl: Annotated[str | None, typer.Option(metavar="DURATION", help="How long it is good for: 8h, 30m.")] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE", help="Where to write it; - prints it. [default: NAME.kubeconfig]"),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Put it into ~/.kube/config ($KUBECONFIG) and make it the current context.")
    ] = False,
) -> None:
    """Get short-lived credentials for kubectl.

    A client certificate that ends by itself and is never stored by Navarch. Written to NAME.kubeconfig, readable by you
    alone; --merge adds it to kubectl's own file instead, as cloud tools do.
    """
    if merge and file:
        raise typer.BadParameter("--merge and --file exclude each other", param_hint="--merge")
    if role and group:
        raise typer.BadParameter("--role and --group exclude each other", param_hint="--role")
    body: dict[str, Any] = {}
    if group:
        body["groups"] = group
    elif role:
        body["role"] = role
    if ttl:
        body["ttl_seconds"] = int(seconds_of(ttl, "--ttl"))
    with connected(ctx) as navarch:
        found = navarch.cluster(cluster)
        issued = navarch.issue_kubeconfig(found["id"], body)
    text, name = issued["kubeconfig"], found["name"]
    if file == "-":
        print(text, end="" if text.endswith("\n") else "\n")
        return
    from navarch.cli.kubeconfig_file import kubectl_file, merge_into, write_private

    until = f" (good until {issued['expires_at']})" if issued.get("expires_at") else ""
    try:
        if merge:
            path = kubectl_file()
            context = merge_into(path, text, name, found["id"])
            note(f"{path} has the credentials of {name}{until}; the current context is {context}.")
            print("Next: kubectl get nodes")
        else:
            path = Path(file or f"{name}.kubeconfig").expanduser()
            write_private(path, text)
            note(f"The credentials of {name} are in {path}{until}.")
            print(f"Next: export KUBECONFIG={path.absolute()}\n      kubectl get nodes")
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror or error}") from error


def renew_credentials(
    ctx: typer.Context,
    cluster: ClusterArgument,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "5m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Replace what the cluster's own controllers show to the cloud.

    For when somebody may have copied it. They get another Keystone user; the old one opens nothing any more, nor does
    what was made with it: tokens, application credentials. Load balancers and volumes that are there go on; changes to
    them wait for about a minute.
    """
    limit = seconds_of(timeout)
    with connected(ctx) as navarch:
        found = navarch.cluster(cluster)
        known = (navarch.plan_credentials if dry_run else navarch.renew_credentials)(found["id"])

        def renewed() -> bool:
            nonlocal known
            known = navarch.credentials(found["id"])
            return known["state"] == "current"

        if wait and not dry_run and not comes_true(renewed, limit, _LOOK_EVERY):
            raise Failure(
                f"not replaced after {span(limit)}. The cluster's conditions say why: look with "
                f"`navarch cluster show {found['name']}`",
                Exit.TIMED_OUT,
            )
    if output is Output.NAME:
        print(found["name"])
    elif output is not Output.TABLE:
        emit_data(known, output)
    elif dry_run:
        print(
            f"The cloud credentials of {found['name']} would be replaced; the ones it has would open nothing any more."
        )
    elif known["state"] == "current":
        print(f"The cloud credentials of {found['name']} were replaced; those it had open nothing any more.")
    else:
        print(f"The cloud credentials of {found['name']} are being replaced.")
