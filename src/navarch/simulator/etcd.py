"""etcd of a simulated cluster, as its members would tell of themselves.

A member comes with the machine that joins, stays when that one goes, and leaves when it is removed: for good.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from navarch.domain.errors import Temporary
from navarch.domain.kube import EtcdMember


@dataclass(slots=True)
class Etcd:
    """`addresses`: by the volume that holds a member's data, the address at which the others know it. `removed`:
    volumes whose data is that of a member which was removed; no etcd starts on it again. `stalled`: volumes that do not
    answer for a while, since when: their members stand still on machines that are well."""

    addresses: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    stalled: dict[str, float] = field(default_factory=dict)

    def join(self, name: str, volume_id: str, address: str) -> None:
        """A machine's etcd starts on a volume: as a new member, or as the one that it was."""
        self.addresses.setdefault(volume_id, address)
        self.names.setdefault(volume_id, name)

    def members(self, running: frozenset[str]) -> tuple[EtcdMember, ...]:
        """All of them, where those on these volumes run. The first of these leads."""
        leader = next((volume_id for volume_id in self.addresses if volume_id in running), None)
        return tuple(
            EtcdMember(
                id=_id(volume_id),
                name=self.names[volume_id],
                address=address,
                healthy=volume_id in running,
                leader=volume_id == leader,
            )
            for volume_id, address in self.addresses.items()
        )

    def remove(self, member_id: str, running: frozenset[str]) -> None:
        """Take a member out; fine if it is not there. Raises Temporary where those that are left would have no quorum
        (etcd's strict reconfiguration check)."""
        volume_id = next((v for v in self.addresses if _id(v) == member_id), None)
        if volume_id is None:
            return
        left = self.addresses.keys() - {volume_id}
        if len(left & running) * 2 <= len(left):
            raise Temporary("etcdserver: re-configuration failed due to not enough started members")
        del self.addresses[volume_id], self.names[volume_id]
        self.removed.add(volume_id)


def _id(volume_id: str) -> str:
    return sha256(volume_id.encode()).hexdigest()[:16].lstrip("0")
