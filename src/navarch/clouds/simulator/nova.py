"""Servers and server groups, with Nova's rules about them."""

from dataclasses import replace

from navarch.clouds.simulator import faults
from navarch.clouds.simulator.cinder import Cinder
from navarch.clouds.simulator.faults import Request
from navarch.clouds.simulator.inventory import Thing
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.offer import Flavor
from navarch.domain.openstack.resources import Kind, Port, Server, ServerGroup, Volume


class Nova(Cinder):
    """The compute service, which puts volumes and ports on its servers."""

    def create_server_group(self, request: Request, mark: str) -> ServerGroup:
        """A server group. Nova cannot mark it: the mark is for whoever looks behind the curtain."""
        return self._add(request, ServerGroup(self.new_id(), request.name), mark)

    def create_server(
        self,
        request: Request,
        mark: str,
        *,
        flavor: str,
        image_id: str,
        zone: str,
        port_id: str,
        volume_ids: tuple[str, ...],
        user_data: str = "",
    ) -> Server:
        """A server: BUILD, then ACTIVE or ERROR. Its port and volumes must be free."""
        size = self._flavor(flavor)
        if all(r.image_id != image_id for r in self.offer.releases):
            words = f"Cannot {request.words}: Nova answered 400: Can not find requested image {image_id}"
            remedy = "Upload the node image again and make it visible to every project."
            raise Permanent(words, reason="ImageNotFound", responsible=Responsible.NAVARCH_OPERATOR, remedy=remedy)
        if zone not in self.offer.zones:
            raise faults.not_offered("zone", zone, "ZoneNotFound", self.offer.zones)
        port = self._need(request, Kind.PORT, port_id)
        if port.resource.server_id is not None:
            raise faults.in_use(request, f"port {port_id} is in use by {port.resource.server_id}")
        volumes = [self._need(request, Kind.VOLUME, volume_id) for volume_id in volume_ids]
        for volume in volumes:
            if volume.resource.status != "available":
                raise faults.in_use(request, f"volume {volume.id} must be available, it is {volume.resource.status}")
        holds = (("cores", size.vcpus), ("ram", size.ram_mib))
        for resource, amount in holds:
            self._within(request, resource, amount)
        made = Server(
            self.new_id(), request.name, "BUILD", zone, "", flavor, image_id, "scheduling",
            created_at=self.timeline.date(), addresses=(port.resource.address,),
        )  # fmt: skip
        server: Server = self._add(request, made, mark, holds=holds, user_data=user_data)
        port.resource = replace(port.resource, server_id=server.id)
        for volume in volumes:
            volume.resource = replace(volume.resource, status="attaching", server_id=server.id)
        self.timeline.after(self.fates.server_seconds, lambda: self._built(server.id))
        return server

    def attach_port(self, request: Request, port_id: str, server_id: str) -> Port:
        """Put a port on a server that runs."""
        port, server = self._need(request, Kind.PORT, port_id), self._need(request, Kind.SERVER, server_id)
        if port.resource.server_id is not None or server.resource.task_state is not None:
            raise faults.in_use(request, f"the port is in use, or the server is {server.resource.task_state}")
        port.resource = replace(port.resource, server_id=server_id)
        server.resource = replace(server.resource, addresses=(port.resource.address,))
        return port.resource

    def attach_volume(self, request: Request, volume_id: str, server_id: str) -> Volume:
        """Put a volume on a server: attaching, then in-use."""
        volume, server = self._need(request, Kind.VOLUME, volume_id), self._need(request, Kind.SERVER, server_id)
        if volume.resource.status != "available" or server.resource.task_state is not None:
            raise faults.in_use(request, f"volume must be available, it is {volume.resource.status}")
        volume.resource = replace(volume.resource, status="attaching", server_id=server_id)
        self.timeline.after(self.fates.volume_seconds, lambda: self._settle_volume(volume_id, "attaching", "in-use"))
        return volume.resource

    def switch(self, request: Request, server_id: str, on: bool) -> Server:
        """Start or stop a server: it takes its time."""
        server = self._need(request, Kind.SERVER, server_id)
        if server.resource.status != ("SHUTOFF" if on else "ACTIVE") or server.resource.task_state is not None:
            state = server.resource.task_state or server.resource.status
            raise faults.in_use(request, f"cannot start or stop the server while it is {state}")
        server.resource = replace(server.resource, task_state="powering-on" if on else "powering-off")
        self.timeline.after(self.fates.server_seconds / 2, lambda: self._switched(server, on))
        return server.resource

    def _built(self, server_id: str) -> None:
        thing = self._things[Kind.SERVER].get(server_id)
        if thing is None or thing.resource.status != "BUILD" or thing.resource.task_state == "deleting":
            return
        fault = self.fates.server_fault(thing.resource.name)
        if fault is not None:
            thing.resource = replace(thing.resource, status="ERROR", task_state=None, fault=fault)
            self._let_go(server_id, thing.project_id)
            return
        thing.resource = replace(thing.resource, status="ACTIVE", task_state=None, host=f"host-{server_id[:2]}")
        for volume in self._by_project[Kind.VOLUME, thing.project_id].values():
            if volume.resource.server_id == server_id:
                volume.resource = replace(volume.resource, status="in-use")
        self._tell("runs", thing)

    def _switched(self, server: Thing, on: bool) -> None:
        if server.gone is None and server.resource.task_state in ("powering-on", "powering-off"):
            server.resource = replace(server.resource, status="ACTIVE" if on else "SHUTOFF", task_state=None)
            self._tell("on" if on else "off", server)

    def _let_go(self, server_id: str, project_id: str) -> None:
        for port in self._by_project[Kind.PORT, project_id].values():
            if port.resource.server_id == server_id:
                port.resource = replace(port.resource, server_id=None)
        for volume in self._by_project[Kind.VOLUME, project_id].values():
            if volume.resource.server_id == server_id:
                volume.resource = replace(volume.resource, server_id=None, status="available")

    def _flavor(self, name: str) -> Flavor:
        flavor = self.offer.flavor(name)
        if flavor is None:
            seen = tuple(f.name for f in self.offer.flavors)
            raise faults.not_offered("flavor", name, "FlavorNotFound", seen)
        return flavor
