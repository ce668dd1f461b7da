"""`navarch machine list|show`."""

from typing import Annotated, Any

import typer

from navarch.cli.exits import Exit, Failure
from navarch.cli.options import ClusterOption, OutputOption, new_app
from navarch.cli.output import Column, Output, age, emit_data, emit_facts, emit_list, print_table
from navarch.cli.progress import stem_of
from navarch.cli.session import complete_machine, connected

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
def list_machines(ctx: typer.Context, cluster: ClusterOption, output: OutputOption = Output.TABLE) -> None:
    """List a cluster's machines."""
    with connected(ctx) as navarch:
        found = list(navarch.machines(cluster))
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
        found: Any = next((m for m in machines if m["name"] == machine), None)
        if found is None and any(m["name"].endswith(f"-{machine}") for m in machines):
            whole = f"{stem_of(navarch.cluster(cluster))}{machine}"  # as progress and timeline call it
            found = next((m for m in machines if m["name"] == whole), None)
        now = navarch.now()
    if found is None:
        raise Failure(f"cluster {cluster} has no machine {machine}", Exit.NOT_FOUND)
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


def state(machine: Any) -> str:
    """Where a machine is, in a word or two."""
    if machine.get("removing"):
        return "leaving"
    if machine.get("joined"):
        return "joined"
    steps = machine.get("boot") or []
    if not steps:
        return "booting"
    failed = next((s for s in steps if s["state"] == "failed"), None)
    running = failed or next((s for s in steps if s["state"] == "started"), steps[-1])
    return f"{running['step']} {running['state']}"
