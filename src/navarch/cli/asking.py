"""Asking before something is gone for good."""

import sys

import typer

from navarch.cli.exits import Exit, Failure
from navarch.cli.output import note


def confirm(what: str, name: str) -> None:
    """Say what would happen and have the name typed. Raises Failure where it is not, or where nobody can be asked."""
    if not sys.stdin.isatty():
        raise Failure(f"deleting {name} needs --yes where nobody can be asked", Exit.USAGE)
    note(what)
    if typer.prompt("Type its name to go on", err=True) != name:
        raise Failure("that is not its name: nothing was deleted")
