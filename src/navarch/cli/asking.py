"""Asking before something is gone for good."""

import sys

import typer

from navarch.cli.exits import Exit, Failure
from navarch.cli.output import note


def must_be_asked(name: str) -> None:
    """Raises Failure where nobody can be."""
    if not sys.stdin.isatty():
        raise Failure(f"deleting {name} needs --yes where nobody can be asked", Exit.USAGE)


def confirm(what: str, name: str) -> None:
    """Say what would happen and have the name typed. Raises Failure where it is not, or where nobody can be asked."""
    must_be_asked(name)
    note(what)
    if typer.prompt("Type its name to go on", err=True) != name:
        raise Failure("that is not its name: nothing was deleted")
