"""A machine's network: a namespace of its own, and a cable (veth) a port, whose other end is in Open vSwitch's
br-int."""

import json
from dataclasses import dataclass
from pathlib import Path

from navarch_lab_plugins.commands import run

_NAMESPACES = Path("/run/netns")
_HOST_END_MTU = 1500


@dataclass(frozen=True, slots=True)
class Port:
    """A neutron port as its machine sees it."""

    id: str
    mac: str
    mtu: int


@dataclass(frozen=True, slots=True)
class Switch:
    """How to talk to Open vSwitch."""

    program: str
    database: str

    def control(self, *words: str) -> str:
        return run(self.program, f"--db={self.database}", "--timeout=10", *words)

    def plugged(self, machine: str) -> list[str]:
        """Host ends of a machine's cables, found by its uuid."""
        said = self.control(
            "--bare", "--columns=name", "--format=json", "find", "Interface", f"external_ids:vm-uuid={machine}"
        )
        return [row[0] for row in json.loads(said)["data"]] if said else []


def host_end(port: str) -> str:
    """Name of the host's end of a port's cable, as nova and neutron name it."""
    return f"tap{port[:11]}"


def next_name(taken: set[str]) -> str:
    """The next free ethN."""
    return next(name for name in (f"eth{n}" for n in range(len(taken) + 1)) if name not in taken)


def current_namespace() -> str:
    """Name of the network namespace this process is in; empty if it has none."""
    own = Path("/proc/self/ns/net").stat()
    for path in _NAMESPACES.glob("*"):
        if (found := path.stat()).st_ino == own.st_ino and found.st_dev == own.st_dev:
            return path.name
    return ""


class Cabling:
    """The namespace of one machine and what is plugged into it."""

    def __init__(self, machine: str, name: str, switch: Switch) -> None:
        self._machine = machine
        self._switch = switch
        self.namespace = f"nv-{name}"

    def ensure_namespace(self) -> None:
        if not (_NAMESPACES / self.namespace).exists():
            run("ip", "netns", "add", self.namespace)
            run("ip", "-n", self.namespace, "link", "set", "lo", "up")

    def plug(self, port: Port) -> None:
        """Plug a port in; nothing changes if it is."""
        self.ensure_namespace()
        tap = host_end(port.id)
        if not run("ip", "-o", "link", "show", "dev", tap, check=False):
            taken = {link["ifname"] for link in json.loads(run("ip", "-n", self.namespace, "-j", "link") or "[]")}
            name = next_name(taken)
            run(
                *("ip", "link", "add", tap, "mtu", str(_HOST_END_MTU), "type", "veth"),
                *("peer", "name", name, "netns", self.namespace, "address", port.mac, "mtu", str(port.mtu)),
            )
            run("ip", "link", "set", tap, "up")
            run("ip", "-n", self.namespace, "link", "set", name, "up")
        self._switch.control(
            *("--may-exist", "add-port", "br-int", tap, "--", "set", "Interface", tap),
            *(f"external_ids:iface-id={port.id}", f'external_ids:attached-mac="{port.mac}"'),
            *("external_ids:iface-status=active", f"external_ids:vm-uuid={self._machine}"),
        )

    def unplug(self, tap: str) -> None:
        """Pull a cable out. The machine's end vanishes with it, wherever in the machine it was moved to."""
        self._switch.control("--if-exists", "del-port", "br-int", tap)
        run("ip", "link", "del", tap, check=False)

    def unplug_all(self) -> None:
        """Pull everything out and remove the namespace."""
        for tap in self._switch.plugged(self._machine):
            self.unplug(tap)
        if (_NAMESPACES / self.namespace).exists():
            run("ip", "netns", "del", self.namespace)
