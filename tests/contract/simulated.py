"""The stage on a simulated region, where time passes only when it is asked to."""

import uuid

from stage import Props

from navarch.clouds.contract import Cloud
from navarch.clouds.simulator import Region, Request, SimulatedCloud, Strike, Timeline, faults
from navarch.domain.offer import ExternalNetwork, Flavor, Offer, Release, VolumeType
from navarch.domain.openstack.resources import Kind
from navarch.domain.spec import Owner

OFFER = Offer(
    flavors=(Flavor("f1", "m1.tiny", 1, 512, 1), Flavor("f2", "m1.small", 1, 2048, 20)),
    zones=("z1", "z2", "z3"),
    volume_types=(VolumeType("ssd", ("z1", "z2", "z3")), VolumeType("hdd", ("z1",))),
    external_networks=(ExternalNetwork("ext", "public", ("198.18.0.0/15",)),),
    releases=(Release("1.37.2", "5d3c0a56-6b1e-4a39-8d2a-3f5b5a3c5b10", "node-1.37.2", "b"),),
)


class SimulatedStage:
    """See `stage.Stage`."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.region = Region(self.timeline, OFFER)
        self.project_id, self.other_project_id = uuid.uuid4().hex, uuid.uuid4().hex
        self.region.projects |= {self.project_id, self.other_project_id}
        self.region.limits[self.project_id, "gigabytes"] = 1000
        self._foreign: list[str] = []
        self.props = Props("public", "m1.tiny", OFFER.releases[0].image_id, "ssd", "z1")

    def wait(self, seconds: float) -> None:
        self.timeline.advance(self.timeline.now + seconds)

    def cloud(self) -> Cloud:
        return SimulatedCloud(self.region)

    def forgetful(self) -> Cloud:
        return self._struck(
            lambda asked: Strike(faults.not_answering(asked), done=True) if asked.verb == "POST" else None
        )

    def blind(self, kind: Kind) -> Cloud:
        return self._struck(lambda asked: Strike(faults.not_answering(asked)) if asked.kind is kind else None)

    def unreachable(self) -> Cloud:
        return self._struck(lambda asked: Strike(faults.not_answering(asked)))

    def locked_out(self) -> Cloud:
        return self._struck(lambda asked: Strike(faults.credentials_refused(asked)))

    def foreign_network(self, name: str) -> str:
        return self.region.create_network(Request("POST", Kind.NETWORK, self.project_id, name), "").id

    def foreign_port(self, network_id: str, subnet_id: str, mac_address: str) -> None:
        request = Request("POST", Kind.PORT, self.project_id, "foreign")
        made = self.region.create_port(request, "", network_id, subnet_id, (), mac=mac_address)
        self._foreign.append(made.id)

    def remove_foreign(self) -> None:
        while self._foreign:
            self.region.remove(Request("DELETE", Kind.PORT, self.project_id, "foreign"), self._foreign.pop())

    def allow_networks(self, count: int) -> None:
        self.region.limits[self.other_project_id, "networks"] = count

    def act_as_controllers(self, owner: Owner, subnet_id: str, user_id: str, password: str, trust_id: str) -> None:
        region, mark = self.region, owner.cluster_id
        assert region.lets_in(owner.cluster_id, password)

        def asked(kind: Kind, name: str) -> Request:
            return Request("POST", kind, owner.project_id, name)

        balancer = region.create_balancer(asked(Kind.LOAD_BALANCER, "service"), mark, subnet_id, (), "cloud-controller")
        region.create_security_group(asked(Kind.SECURITY_GROUP, "lb-sg-service"), mark, "cloud-controller")
        region.create_floating_ip(
            asked(Kind.FLOATING_IP, "default/service"), mark, "public", balancer.vip_port_id, "cloud-controller"
        )
        volume = region.create_volume(asked(Kind.VOLUME, "claim"), mark, "ssd", 1, self.props.zone, "csi")
        self.wait(10)
        region.create_snapshot(asked(Kind.SNAPSHOT, "snapshot"), mark, volume.id)

    def _struck(self, strike) -> Cloud:  # type: ignore[no-untyped-def]
        return SimulatedCloud(self.region, strike=strike)
