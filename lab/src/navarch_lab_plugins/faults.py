"""Bad luck on order: what a test does to machines behind nova's and neutron's back."""

from collections.abc import Iterator
from pathlib import Path

from navarch_lab_plugins.commands import run
from navarch_lab_plugins.machine import Machine, machines
from navarch_lab_plugins.network import Switch
from navarch_lab_plugins.record import Record


class NoSuchMachine(Exception):
    """No machine, or more than one, goes by the name given."""


def on_host(base: Path, host: str | None = None) -> Iterator[tuple[Record, bool]]:
    """Every machine in `base` (of one compute host, if named), with whether it runs."""
    for machine in machines(base, _no_switch(), host):
        if record := machine.record:
            yield record, machine.running()


def power_cut(base: Path, name: str) -> Record:
    """Kill a machine as a power cut would; nova finds out by itself. `name` is a uuid, its beginning, or a server's
    name."""
    machine, record = _find(base, name)
    machine.power_cut()
    return record


def power_cut_host(base: Path, host: str) -> list[Record]:
    """Kill all machines of a compute host."""
    cut = []
    for machine in machines(base, _no_switch(), host):
        if (record := machine.record) and machine.running():
            machine.power_cut()
            cut.append(record)
    return cut


def cut_network(base: Path, name: str, switch: Switch) -> list[str]:
    """Take the carrier off all the machine's cables, as if they were pulled; return the host ends' names."""
    return _set_cables(base, name, switch, "down")


def restore_network(base: Path, name: str, switch: Switch) -> list[str]:
    """Undo cut_network."""
    return _set_cables(base, name, switch, "up")


def _set_cables(base: Path, name: str, switch: Switch, state: str) -> list[str]:
    machine, record = _find(base, name)
    taps = switch.plugged(machine.uuid)
    where = ["-n", record.network] if record.network else []
    for tap in taps:
        run("ip", *where, "link", "set", tap, state)
    return taps


def _find(base: Path, name: str) -> tuple[Machine, Record]:
    found = [
        (machine, record)
        for machine in machines(base, _no_switch())
        if (record := machine.record) and (record.display_name == name or record.uuid.startswith(name))
    ]
    if len(found) != 1:
        raise NoSuchMachine(f"{len(found)} machines in {base} are called {name}; give more of the uuid")
    return found[0]


def _no_switch() -> Switch:
    """For work that never talks to Open vSwitch, which may be down."""
    return Switch("false", "")
