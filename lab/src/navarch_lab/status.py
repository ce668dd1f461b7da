"""What runs: every service with its state, PID, memory and log; every compute host with its machines."""

from dataclasses import asdict, dataclass
from typing import Any

from navarch_lab import install, namespaces, processes
from navarch_lab.conf.ini import Context
from navarch_lab.layout import Layout
from navarch_lab.services import all_services
from navarch_lab.topology import HOSTS, NETNS
from navarch_lab_plugins import cgroups as machine_cgroups
from navarch_lab_plugins import faults as machine_faults
from navarch_lab_plugins.machine import Machine
from navarch_lab_plugins.network import Switch


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    name: str
    state: str
    """running, dead (it was started and has gone) or stopped."""
    pid: int | None
    memory_kib: int
    """PSS of the process and its children."""
    log: str


@dataclass(frozen=True, slots=True)
class MachineStatus:
    id: str
    name: str
    state: str
    memory_kib: int
    console: str


@dataclass(frozen=True, slots=True)
class HostStatus:
    name: str
    zone: str
    state: str
    machines: tuple[MachineStatus, ...]


@dataclass(frozen=True, slots=True)
class Status:
    state: str
    """up (everything runs), partly (something does not) or down."""
    services: tuple[ServiceStatus, ...]
    hosts: tuple[HostStatus, ...]
    memory_kib: int
    """PSS of all services, machines not counted."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def look(layout: Layout) -> Status:
    """The lab as it is now. Reads only."""
    names = [service.name for service in all_services(Context(layout, install.find(layout), {}))]
    services = tuple(_service(layout, name) for name in names)
    states = {service.name: service.state for service in services}
    hosts = tuple(
        HostStatus(host, zone, states.get(f"nova-compute-{host}", "stopped"), _machines(layout, host))
        for host, zone in HOSTS.items()
    )
    running = sum(service.state == "running" for service in services)
    state = "up" if running == len(services) else "down" if running == 0 else "partly"
    if state == "up" and not namespaces.exists(NETNS):
        state = "partly"
    return Status(state, services, hosts, sum(service.memory_kib for service in services))


def _service(layout: Layout, name: str) -> ServiceStatus:
    record = processes.read(layout.run / f"{name}.json")
    log = str(layout.log / f"{name}.log")
    if record is None:
        return ServiceStatus(name, "stopped", None, 0, log)
    if not processes.alive(record):
        return ServiceStatus(name, "dead", record.pid, 0, log)
    memory = processes.memory_pss(processes.everything_of(name, record))
    return ServiceStatus(name, "running", record.pid, memory, log)


def _machines(layout: Layout, host: str) -> tuple[MachineStatus, ...]:
    found = []
    for record, running in machine_faults.on_host(layout.machines, host):
        machine = Machine(layout.machines, record.uuid, Switch("false", ""))
        memory = processes.memory_pss(machine_cgroups.processes(machine.name)) if running else 0
        state = "running" if running else "off"
        found.append(MachineStatus(record.uuid, record.display_name, state, memory, str(machine.console)))
    return tuple(found)
