"""Volumes and snapshots, with Cinder's rules about them."""

from dataclasses import replace

from navarch.clouds.simulator import faults
from navarch.clouds.simulator.faults import Request
from navarch.clouds.simulator.inventory import Inventory
from navarch.domain.openstack.resources import Kind, Snapshot, Volume


class Cinder(Inventory):
    """The volume service."""

    def create_volume(
        self, request: Request, mark: str, type_: str, gib: int, zone: str, made_by: str = "navarch"
    ) -> Volume:
        """A volume: creating, then available."""
        if all(t.name != type_ for t in self.offer.volume_types):
            seen = tuple(t.name for t in self.offer.volume_types)
            raise faults.not_offered("volume type", type_, "VolumeTypeNotFound", seen)
        self._within(request, "gigabytes", gib)
        made = Volume(self.new_id(), request.name, "creating", zone, None, made_by)
        volume: Volume = self._add(request, made, mark, holds=(("gigabytes", gib),))
        self.timeline.after(self.fates.volume_seconds, lambda: self._settle_volume(volume.id, "creating", "available"))
        return volume

    def create_snapshot(self, request: Request, mark: str, volume_id: str) -> Snapshot:
        """A snapshot of a volume."""
        self._need(request, Kind.VOLUME, volume_id)
        return self._add(request, Snapshot(self.new_id(), request.name, volume_id), mark)

    def _settle_volume(self, volume_id: str, since: str, status: str) -> None:
        thing = self._things[Kind.VOLUME].get(volume_id)
        if thing is not None and thing.resource.status == since:
            thing.resource = replace(thing.resource, status=status)
