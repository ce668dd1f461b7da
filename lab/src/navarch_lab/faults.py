"""Bad luck on order. Nobody in the lab is told: what notices, notices by itself."""

import socket
from dataclasses import dataclass

from navarch_lab import lab, namespaces, processes
from navarch_lab.conf import gateway
from navarch_lab.credentials import write_private
from navarch_lab.layout import Layout
from navarch_lab.progress import LabError, Progress
from navarch_lab.services import compute_host
from navarch_lab.topology import APIS, HOSTS, NETNS
from navarch_lab_plugins import faults as machine_faults
from navarch_lab_plugins.network import Switch


@dataclass(frozen=True, slots=True)
class ApiFault:
    """How a public API misbehaves: `delay` in seconds, `fail` an HTTP status, `rate` the share that fails."""

    delay: float = 0
    fail: int = 0
    rate: float = 1

    def problems(self) -> list[str]:
        found = []
        if self.delay < 0:
            found.append(f"delay {self.delay}: seconds cannot be negative")
        if self.fail and not 400 <= self.fail <= 599:
            found.append(f"fail {self.fail}: not an HTTP error status (400 to 599)")
        if not 0 < self.rate <= 1:
            found.append(f"rate {self.rate}: a share above 0, at most 1")
        if not self.delay and not self.fail:
            found.append("neither a delay nor a failure is asked for")
        return found

    def encode(self) -> str:
        """As haproxy's map holds it. No blanks and no semicolons: the admin socket splits at them."""
        words = ([f"delay={self.delay:g}"] if self.delay else []) + ([f"fail={self.fail}"] if self.fail else [])
        return ",".join([*words, f"rate={self.rate:g}"])


def disturb_api(layout: Layout, service: str, fault: ApiFault) -> None:
    """Let a public API be slow or fail, from the next request on. Services among themselves are not disturbed."""
    problems = fault.problems()
    if problems:
        raise LabError("; ".join(problems))
    _write_fault(layout, service, fault.encode())


def clear_api(layout: Layout, service: str) -> None:
    """The API works again."""
    _write_fault(layout, service, None)


def _write_fault(layout: Layout, service: str, text: str | None) -> None:
    if service not in APIS:
        raise LabError(f"no API is called {service}", remedy=f"one of {', '.join(APIS)}")
    path = gateway.faults_map(layout)
    _haproxy(layout, f"del map {path} {service}")
    if text is not None:
        answer = _haproxy(layout, f"add map {path} {service} {text}").strip()
        if answer:
            raise LabError(f"haproxy refuses the fault: {answer}")
    # haproxy reads the file when it starts: a fault outlives a restart of haproxy, not of the lab.
    kept = [line for line in path.read_text().splitlines() if line.split()[0] != service]
    write_private(path, "".join(f"{line}\n" for line in [*kept, *([f"{service} {text}"] if text else [])]))


def _haproxy(layout: Layout, command: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(layout.haproxy_socket))
            connection.sendall(command.encode() + b"\n")
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
    except OSError as error:
        raise LabError(f"haproxy does not answer: {error}", remedy="is the lab up? navarch-lab status") from error
    return answer.decode()


def kill_machine(layout: Layout, name: str) -> str:
    """Cut a machine's power; returns its server's name. `name`: the server's id, the beginning of it, or its name."""
    try:
        return machine_faults.power_cut(layout.machines, name).display_name
    except machine_faults.NoSuchMachine as error:
        raise LabError(str(error), remedy="navarch-lab status lists the machines") from error


def cut_network(layout: Layout, name: str, *, restore: bool) -> list[str]:
    """Pull (or plug in again) all cables of a machine; returns their names."""
    switch = Switch(str(lab.context_of(layout).installed.ovs_bin / "ovs-vsctl"), f"unix:{layout.ovs_socket}")
    deed = machine_faults.restore_network if restore else machine_faults.cut_network
    try:
        return deed(layout.machines, name, switch)
    except machine_faults.NoSuchMachine as error:
        raise LabError(str(error), remedy="navarch-lab status lists the machines") from error


def stop_host(layout: Layout, host: str) -> list[str]:
    """A compute host loses its power: nova-compute and its machines die at once. Returns the machines' names."""
    _known_host(host)
    name = f"nova-compute-{host}"
    record = processes.read(layout.run / f"{name}.json")
    processes.stop(name, record, grace=0)
    (layout.run / f"{name}.json").unlink(missing_ok=True)
    return [machine.display_name for machine in machine_faults.power_cut_host(layout.machines, host)]


def start_host(layout: Layout, host: str, progress: Progress) -> None:
    """The host's power is back: nova-compute starts, and then the machines that ran on it."""
    _known_host(host)
    context = lab.context_of(layout)
    if not namespaces.exists(NETNS):
        raise LabError("the lab is down", remedy="navarch-lab up")
    namespaces.enter(NETNS)
    lab.ensure_running(context, compute_host(context, host), progress)
    lab.settle(context)


def _known_host(host: str) -> None:
    if host not in HOSTS:
        raise LabError(f"no compute host is called {host}", remedy=f"one of {', '.join(HOSTS)}")
