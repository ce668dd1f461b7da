"""What a first cluster, one control-plane machine and two workers, takes of a project's quotas: pure."""

from collections.abc import Mapping
from dataclasses import dataclass

WORKERS = 2
_CONTROL_PLANE_VCPUS, _CONTROL_PLANE_MIB = 2, 2048  # what kubeadm insists on
_WORKER_MIB = 2048
_ETCD_GIB = 10
_UNITS = {"ram": "MiB", "gigabytes": "GiB"}


@dataclass(frozen=True, slots=True)
class Flavor:
    """A machine size: MiB of memory, GiB of disk."""

    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int


@dataclass(frozen=True, slots=True)
class Limit:
    """A quota: `limit` -1 is unlimited."""

    limit: int
    used: int

    @property
    def free(self) -> float:
        """What is left."""
        return float("inf") if self.limit < 0 else max(0, self.limit - self.used)


def smallest(flavors: tuple[Flavor, ...], vcpus: int, ram_mib: int, disk_gib: int) -> Flavor | None:
    """The smallest flavor with so much of each. A disk of 0 GiB is as large as the image."""
    fitting = [f for f in flavors if f.vcpus >= vcpus and f.ram_mib >= ram_mib and (f.disk_gib or 10**6) >= disk_gib]
    return min(fitting, key=lambda f: (f.ram_mib, f.vcpus, f.disk_gib, f.name), default=None)


def first_flavors(flavors: tuple[Flavor, ...], disk_gib: int) -> tuple[Flavor | None, Flavor | None]:
    """The smallest flavors for the control plane and for workers."""
    return (
        smallest(flavors, _CONTROL_PLANE_VCPUS, _CONTROL_PLANE_MIB, disk_gib),
        smallest(flavors, 1, _WORKER_MIB, disk_gib),
    )


def needed(control_plane: Flavor, worker: Flavor) -> dict[str, int]:
    """What a first cluster takes, by resource. The rules of the two security groups are fewer than 24."""
    return {
        "instances": 1 + WORKERS,
        "cores": control_plane.vcpus + WORKERS * worker.vcpus,
        "ram": control_plane.ram_mib + WORKERS * worker.ram_mib,
        "server_groups": 2,
        "volumes": 1,
        "gigabytes": _ETCD_GIB,
        "networks": 1,
        "subnets": 1,
        "routers": 1,
        "ports": 8,
        "security_groups": 2,
        "security_group_rules": 24,
        "floating_ips": 1,
        "load_balancers": 1,
    }


def shortfalls(needs: Mapping[str, int], limits: Mapping[str, Limit]) -> list[str]:
    """Every quota that does not suffice, in words."""
    return [
        f"{name.replace('_', ' ')}: needed {need}{unit}, free {limits[name].free:g}{unit} of {limits[name].limit}"
        for name, need in needs.items()
        if name in limits and limits[name].free < need
        for unit in [f" {_UNITS[name]}" if name in _UNITS else ""]
    ]
