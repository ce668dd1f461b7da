"""`navarch cluster events` and `timeline`: what happened, and where the time went."""

import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from navarch.cli.exits import Failure
from navarch.cli.options import ClusterArgument, OutputOption
from navarch.cli.output import Column, Output, console, emit_data, emit_list, note, parse_time
from navarch.cli.session import connected
from navarch.client.errors import Problem

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch

_POLL_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(events)
    app.command()(timeline)


def events(
    ctx: typer.Context,
    cluster: ClusterArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what happens.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what happened, when, and how long it took."""
    with connected(ctx) as navarch:
        found = navarch.cluster(cluster)
        happened = list(navarch.events(found["id"]))
        if not follow:
            emit_list(happened, output, _COLUMNS, name="reason")
            return
        for event in happened:
            _print_line(event, output)
        try:
            _follow(navarch, found["id"], happened[-1]["id"] if happened else None, output)
        except KeyboardInterrupt:
            return


def timeline(
    ctx: typer.Context,
    cluster: ClusterArgument,
    svg: Annotated[str | None, typer.Option(metavar="FILE", help="Draw it to an SVG file; - prints it.")] = None,
    width: Annotated[
        int | None, typer.Option(metavar="N", help="Columns in a terminal, pixels of an SVG.", min=40)
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Not only the creation, but all that happened since.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Draw how a cluster came to be, and where the time went.

    A waterfall of phases with their seconds, in the terminal or as an SVG file.
    """
    from navarch.cli.timeline import draw_text, waterfall_of

    with connected(ctx) as navarch:
        answer = navarch.timeline(cluster, everything=everything)
    drawn = waterfall_of(answer)
    if not drawn.lanes:
        raise Failure(f"nothing has happened to {drawn.name} yet")
    if svg is not None:
        from navarch.cli.timeline_svg import draw_svg

        text = draw_svg(drawn, width=width or 1200)
        if svg == "-":
            print(text)
            return
        path = Path(svg).expanduser()
        try:
            path.write_text(text)
        except OSError as error:
            raise Failure(f"{path} cannot be written: {error.strerror or error}") from error
        note(f"Written to {path}.")
    elif output is Output.TABLE:
        screen = console()
        columns = width or min(shutil.get_terminal_size((120, 24)).columns, 160)
        for line, style in draw_text(drawn, columns):
            screen.print(line, style=style, no_wrap=True, overflow="crop", width=columns)
    elif output is Output.NAME:
        for lane in drawn.lanes:
            print(lane.name)
    else:
        emit_data(answer, output)


_COLUMNS = (
    Column("DONE AT", lambda e: _done_at(e), keep=True),
    Column("SECONDS", lambda e: _seconds(e), right=True),
    Column("LEVEL", lambda e: e["level"]),
    Column("PART", lambda e: e["component"]),
    Column("REASON", lambda e: e["reason"], keep=True),
    Column("SUBJECT", lambda e: e["subject"], keep=True),
    Column("MESSAGE", lambda e: _message(e)),
)


def _follow(navarch: "Navarch", cluster_id: str, marker: int | None, output: Output) -> None:
    while True:
        time.sleep(_POLL_SECONDS)
        try:
            for event in navarch.events(cluster_id, after=marker):
                marker = event["id"]
                _print_line(event, output)
        except Problem as problem:
            if problem.status == 404:
                note("The cluster is gone.")
                return
            raise


def _print_line(event: Any, output: Output) -> None:
    if output in (Output.JSON, Output.YAML):
        import json

        print(json.dumps(event, ensure_ascii=False), flush=True)  # a line an event, whatever was asked: it is a stream
    else:
        sign = "! " if event["level"] == "Warning" else "  "
        took = f"{_seconds(event):>8}" if event.get("seconds") is not None else " " * 8
        print(
            f"{_done_at(event)} {took} {sign}{event['reason']:<22} {event['subject']}  {_message(event)}",
            flush=True,
        )


def _done_at(event: Any) -> str:
    """When it was over, so that the lines follow each other in time."""
    end = parse_time(event["at"]) + timedelta(seconds=event.get("seconds") or 0.0)
    return end.astimezone().strftime("%m-%d %H:%M:%S")


def _message(event: Any) -> str:
    """The message, where it says more than reason and subject do."""
    reason, subject, message = event["reason"], event["subject"], event["message"]
    return "" if message in (f"{reason} {subject} done", f"{reason} done", f"{subject}: {reason}") else message


def _seconds(event: Any) -> str:
    return "-" if event.get("seconds") is None else f"{event['seconds']:.1f}"
