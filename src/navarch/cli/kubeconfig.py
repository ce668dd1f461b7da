"""`navarch kubeconfig list|revoke`. `navarch cluster kubeconfig` gets one."""

from typing import TYPE_CHECKING, Annotated

import typer

from navarch.cli.exits import Exit, Failure
from navarch.cli.options import ClusterOption, DryRunOption, OutputOption, TimeoutOption, WaitOption, new_app
from navarch.cli.output import Column, Output, age, emit_data, emit_list, span
from navarch.cli.session import connected
from navarch.cli.values import seconds_of
from navarch.cli.waiting import comes_true

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch
    from navarch.client.shapes import IssuedKubeconfig

_LOOK_EVERY = 1.0  # seconds
app = new_app("Kubeconfigs of a cluster: who has one, and revoking it.")


@app.command("list")
def list_kubeconfigs(ctx: typer.Context, cluster: ClusterOption, output: OutputOption = Output.TABLE) -> None:
    """List the kubeconfigs of a cluster that were issued and have not ended."""
    with connected(ctx) as navarch:
        found = list(navarch.kubeconfigs(cluster))
        now = navarch.now()
    columns = (
        Column("ID", lambda k: k["id"], keep=True),
        Column("USER", lambda k: k["user_name"]),
        Column("USER ID", lambda k: k["user_id"]),
        Column("GROUPS", lambda k: k["groups"]),
        Column("STATE", lambda k: k["state"]),
        Column("UNTIL", lambda k: k["expires_at"], keep=True),
        Column("AGE", lambda k: age(k["issued_at"], now), right=True),
    )
    emit_list(found, output, columns, name="id")


@app.command()
def revoke(
    ctx: typer.Context,
    cluster: ClusterOption,
    kubeconfig: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Which; navarch kubeconfig list shows them.")
    ] = None,
    user: Annotated[list[str], typer.Option(metavar="USER", help="All of this user, by name or id; repeat.")] = [],  # noqa: B006
    every: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "5m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Have the cluster refuse kubeconfigs before their end.

    It takes a few seconds. What somebody made with one in the cluster stays: service accounts and their tokens, roles,
    pods. Watches that are open go on for up to an hour.
    """
    if sum(map(bool, (kubeconfig, user, every))) != 1:
        raise typer.BadParameter("say which: ids, --user, or --all, and only one of these", param_hint="ID")
    limit = seconds_of(timeout)
    with connected(ctx) as navarch:
        found = navarch.cluster(cluster)["id"]
        chosen = list(kubeconfig or ())
        if not chosen:
            there = [k for k in navarch.kubeconfigs(found) if every or {k["user_id"], k["user_name"]} & set(user)]
            chosen = [k["id"] for k in there]
        act = navarch.plan_kubeconfig_revocation if dry_run else navarch.revoke_kubeconfig
        asked = [act(found, its) for its in chosen]
        if wait and not dry_run:
            asked = _wait(navarch, found, asked, limit)
    if output is Output.NAME:
        print("\n".join(chosen))
    elif output is not Output.TABLE:
        emit_data(asked, output)
    elif not asked:
        print("There is none to revoke.")
    else:
        for revoked in asked:
            word = "would be revoked" if dry_run else _WORDS[revoked["state"]]
            print(f"Kubeconfig {revoked['id']} of {revoked['user_name']} ({', '.join(revoked['groups'])}) {word}.")


_WORDS = {"active": "is active", "revoking": "is being revoked", "revoked": "is revoked: the cluster refuses it"}


def _wait(navarch: "Navarch", cluster: str, asked: "list[IssuedKubeconfig]", limit: float) -> "list[IssuedKubeconfig]":
    """As they are once the cluster refuses them. One that ended meanwhile is refused anyway."""

    def refused() -> bool:
        nonlocal asked
        there = {k["id"]: k for k in navarch.kubeconfigs(cluster)}
        asked = [there.get(k["id"], {**k, "state": "revoked"}) for k in asked]
        return all(k["state"] == "revoked" for k in asked)

    if not comes_true(refused, limit, _LOOK_EVERY):
        still = ", ".join(k["id"] for k in asked if k["state"] != "revoked")
        raise Failure(
            f"not refused after {span(limit)}: {still}. The cluster's conditions say why: "
            "look with `navarch cluster show`",
            Exit.TIMED_OUT,
        )
    return asked
