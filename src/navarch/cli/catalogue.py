"""`navarch versions|flavors|zones|volume-types|external-networks|quota`: what can be asked for here."""

from collections.abc import Sequence
from typing import Any

import typer

from navarch.cli.options import OutputOption, new_app
from navarch.cli.output import Column, Output, emit_data, emit_list
from navarch.cli.session import connected

app = new_app("What can be asked for here.")

_TABLE = Output.TABLE


def _show(ctx: typer.Context, noun: str, output: Output, columns: Sequence[Column], name: str = "name") -> None:
    with connected(ctx) as navarch:
        emit_list(navarch.catalogue(noun), output, columns, name=name)


def _field(name: str) -> Any:
    return lambda item: item.get(name)


@app.command()
def versions(ctx: typer.Context, output: OutputOption = _TABLE) -> None:
    """Kubernetes versions that can be had here, with what a cluster of each is made of."""
    columns = (
        Column("VERSION", _field("kubernetes_version"), keep=True),
        Column("IMAGE", _field("image_name")),
        Column("BUILT", _field("built_at"), keep=True),
        Column("COMPONENTS", _field("components")),
    )
    _show(ctx, "versions", output, columns, name="kubernetes_version")


@app.command()
def flavors(ctx: typer.Context, output: OutputOption = _TABLE) -> None:
    """Machine sizes."""
    columns = (
        Column("NAME", _field("name"), keep=True),
        Column("VCPUS", _field("vcpus"), right=True),
        Column("MEMORY MIB", _field("ram_mib"), right=True),
        Column("DISK GIB", _field("disk_gib"), right=True),
        Column("CONTROL PLANE", _field("control_plane")),
        Column("ID", _field("id")),
    )
    _show(ctx, "flavors", output, columns)


@app.command()
def zones(ctx: typer.Context, output: OutputOption = _TABLE) -> None:
    """Availability zones that machines can be in."""
    _show(ctx, "zones", output, (Column("NAME", _field("name"), keep=True),))


@app.command()
def volume_types(ctx: typer.Context, output: OutputOption = _TABLE) -> None:
    """Volume types and the zones they are in."""
    _show(ctx, "volume_types", output, (Column("NAME", _field("name"), keep=True), Column("ZONES", _field("zones"))))


@app.command()
def external_networks(ctx: typer.Context, output: OutputOption = _TABLE) -> None:
    """Networks that public addresses come from."""
    columns = (
        Column("NAME", _field("name"), keep=True),
        Column("RANGES", _field("cidrs")),
        Column("ID", _field("id"), keep=True),
    )
    _show(ctx, "external_networks", output, columns)


@app.command()
def quota(ctx: typer.Context, output: OutputOption = _TABLE) -> None:
    """What the project may use and what is free."""
    with connected(ctx) as navarch:
        answer = navarch.quota()
    if output in (Output.JSON, Output.YAML):
        emit_data(answer, output)
        return
    unlimited = "unlimited"
    columns = (
        Column("NAME", _field("name"), keep=True),
        Column("LIMIT", lambda q: unlimited if q.get("limit") == -1 else q.get("limit"), right=True),
        Column("USED", _field("used"), right=True),
        Column("FREE", lambda q: unlimited if q.get("limit") == -1 else q.get("free"), right=True),
        Column("UNIT", _field("unit")),
    )
    emit_list(answer.get("quota") or [], output, columns)
