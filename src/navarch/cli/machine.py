"""`navarch machine list|show|delete`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from navarch.cli.exits import Exit, Failure
from navarch.cli.options import ClusterOption, DryRunOption, OutputOption, TimeoutOption, WaitOption, new_app
from navarch.cli.output import Column, Output, age, emit_data, emit_facts, emit_list, note, print_table
from navarch.cli.plans import show_plan
from navarch.cli.session import complete_machine, connected
from navarch.cli.values import seconds_of, stem_of

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch
    from navarch.client.shapes import Cluster, Machine

MachineArgument = Annotated[
    str,
    typer.Argument(
        metavar="MACHINE",
        help="Name of the machine; what all of the cluster's begin with may be left out.",
        autocompletion=complete_machine,
    ),
]
app = new_app("Machines of a cluster.")


@app.command("list")
def list_machines(
    ctx: typer.Context,
    cluster: ClusterOption,
    removed: Annotated[bool, typer.Option("--removed", help="Also those that are gone.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List a cluster's machines."""
    with connected(ctx) as navarch:
        found = list(navarch.machines(cluster, removed=removed))
        now = navarch.now()
    columns = (
        Column("NAME", lambda m: m["name"], keep=True),
        Column("ROLE", lambda m: m["role"]),
        Column("GROUP", lambda m: m["group"]),
        Column("ZONE", lambda m: m.get("zone")),
        Column("FLAVOR", lambda m: m.get("flavor")),
        Column("ADDRESSES", lambda m: m.get("addresses")),
        Column("STATE", state),
        Column("AGE", lambda m: age(m["created_at"], now), right=True),
    )
    emit_list(found, output, columns)


@app.command()
def show(
    ctx: typer.Context, machine: MachineArgument, cluster: ClusterOption, output: OutputOption = Output.TABLE
) -> None:
    """Show a machine: where it is, and every step of its boot with its seconds."""
    with connected(ctx) as navarch:
        machines = list(navarch.machines(cluster))
        machine = _whole_name(navarch.cluster(cluster), machine, machines)
        found: Any = next((m for m in machines if m["name"] == machine), None)
        now = navarch.now()
    if found is None:
        raise Failure(
            f"cluster {cluster} has no machine {machine}; see navarch machine list -c {cluster}", Exit.NOT_FOUND
        )
    if output is Output.NAME:
        print(found["name"])
        return
    if output is not Output.TABLE:
        emit_data(found, output)
        return
    names = ("name", "role", "group", "zone", "flavor", "addresses")
    emit_facts(
        [*((name, found.get(name)) for name in names), ("state", state(found)), ("age", age(found["created_at"], now))]
    )
    steps = found.get("boot") or []
    if steps:
        print()
        columns = (
            Column("STEP", lambda p: p["step"], keep=True),
            Column("STATE", lambda p: p["state"]),
            Column("SECONDS", lambda p: f"{p['seconds']:.1f}" if p["state"] != "started" else "-", right=True),
            Column("AT", lambda p: p["at"], keep=True),
        )
        print_table(steps, columns)
    for step in steps:
        if step["state"] == "failed" and step.get("log"):
            print(f"\nThe end of the log of {step['step']}:\n{step['log'].rstrip()}")


@app.command()
def delete(
    ctx: typer.Context,
    machine: MachineArgument,
    cluster: ClusterOption,
    keep_size: Annotated[bool, typer.Option("--keep-size", help="Have another in its place.")] = False,
    if_match: Annotated[
        int | None,
        typer.Option(
            metavar="GENERATION",
            help="Only if nobody changed its node group since that generation; its cluster, of the control plane.",
        ),
    ] = None,
    dry_run: DryRunOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "30m",
    output: OutputOption = Output.TABLE,
) -> None:
    """Have a chosen machine go. Its pods move first.

    Its node group becomes one smaller; with --keep-size another machine takes its place, as in an upgrade. One of the
    control plane can only be replaced.
    """
    limit = seconds_of(timeout)
    with connected(ctx) as navarch:
        found, machines = navarch.cluster(cluster), list(navarch.machines(cluster))
        machine = _whole_name(found, machine, machines)
        if not keep_size and any(m["name"] == machine and m["role"] == "control-plane" for m in machines):
            raise typer.BadParameter("a machine of the control plane can only be replaced: add --keep-size")
        if dry_run:
            show_plan(navarch.plan_machine_deletion(cluster, machine, keep_size=keep_size), output)
            return
        gone: Any = navarch.delete_machine(cluster, machine, keep_size=keep_size, if_match=if_match)
        if wait:
            wait = _wait(navarch, found, gone, keep_size, limit)
    if output is Output.NAME:
        print(machine)
    elif output is not Output.TABLE:
        emit_data(gone, output)
    elif keep_size:
        print(f"Machine {machine} {'was' if wait else 'is being'} replaced.")
    else:
        print(f"Machine {machine} is {'gone' if wait else 'leaving'}.")


def _wait(navarch: "Navarch", cluster: "Cluster", machine: "Machine", keep_size: bool, limit: float) -> bool:
    """Whether it is done; where nothing is done now, a word why."""
    from navarch.cli.live import view_for
    from navarch.cli.waiting import held, is_gone, wait_for

    # Of a cluster that is stopped machines go, but none is replaced.
    why = held(cluster) if keep_size or cluster["status"]["phase"] == "Paused" else ""
    if why:
        note(why)
        return False
    with view_for(f"{'Replacing' if keep_size else 'Deleting'} machine {machine['name']}") as view:
        wait_for(navarch, cluster["id"], is_gone(machine), view, timeout_seconds=limit)
    return True


def state(machine: Any) -> str:
    """Where a machine is, in a word or two."""
    if machine.get("removed"):
        return "gone"
    if machine.get("removing"):
        return "leaving"
    if machine.get("kept_at"):
        return "kept for a look"
    if machine.get("departure"):
        return "to be replaced"
    if machine.get("joined"):
        return "joined"
    steps = machine.get("boot") or []
    if not steps:
        return "booting"
    failed = next((s for s in steps if s["state"] == "failed"), None)
    running = failed or next((s for s in steps if s["state"] == "started"), steps[-1])
    return f"{running['step']} {running['state']}"


def _whole_name(cluster: "Cluster", machine: str, machines: "Sequence[Machine]") -> str:
    """A machine's name, also where it is given without what all of them begin with, as the timeline calls it."""
    names = {m["name"] for m in machines}
    if machine in names or not any(name.endswith(f"-{machine}") for name in names):
        return machine
    whole = f"{stem_of(cluster)}{machine}"
    return whole if whole in names else machine
