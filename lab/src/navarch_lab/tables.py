"""Tables for people."""

import sys

from rich.console import Console
from rich.table import Table

from navarch_lab.status import Status

_COLOURS = {"running": "green", "up": "green", "dead": "red", "partly": "red"}


def _coloured(state: str) -> str:
    colour = _COLOURS.get(state)
    return f"[{colour}]{state}[/{colour}]" if colour else state


def _mib(kib: int) -> str:
    return f"{kib / 1024:.0f}" if kib else ""


def show_status(status: Status) -> None:
    """Print services, then hosts with their machines, then the sum."""
    # Into a pipe, lines as long as they are: a cut path helps nobody.
    console = Console() if sys.stdout.isatty() else Console(width=240)
    services = Table("service", "state", "pid", "PSS MiB", "log", box=None, pad_edge=False)
    for service in status.services:
        pid = str(service.pid) if service.pid is not None else ""
        services.add_row(service.name, _coloured(service.state), pid, _mib(service.memory_kib), service.log)
    console.print(services)
    hosts = Table("host", "zone", "state", "machine", "machine state", "PSS MiB", "console", box=None, pad_edge=False)
    for host in status.hosts:
        hosts.add_row(host.name, host.zone, _coloured(host.state))
        for machine in host.machines:
            hosts.add_row(
                "", "", "", f"{machine.name} {machine.id[:8]}", _coloured(machine.state), _mib(machine.memory_kib),
                machine.console,
            )  # fmt: skip
    console.print()
    console.print(hosts)
    console.print(f"\nlab: {_coloured(status.state)}, {status.memory_kib / 1024:.0f} MiB (PSS) in services")
