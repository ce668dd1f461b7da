"""The stage on a simulated OpenStack within this process, where time passes only when it is asked to. What the clouds
have in common with a real installation is all of `clouds.openstack` and keystoneauth."""

from dataclasses import replace
from typing import Any

from tests.contract.stage import BALANCED, Props

from navarch.clouds.contract import Cloud
from navarch.clouds.openstack import OpenStackCloud, OpenStackSettings
from navarch.clouds.openstack.patience import Patience
from navarch.domain.openstack.resources import Kind
from navarch.domain.spec import Owner
from navarch.simulator.controllers import Controllers, Login
from navarch.simulator.installed import install
from navarch.simulator.openstack import faults
from navarch.simulator.openstack.about import About
from navarch.simulator.openstack.faults import Striker
from navarch.simulator.openstack.messages import Request, Scope
from navarch.simulator.openstack.services import Services
from navarch.simulator.openstack.site import ExternalNetwork, Flavor, Image, Site, VolumeType
from navarch.simulator.openstack.timeline import Timeline
from navarch.simulator.openstack.transport import Transport

PASSWORD = "the service user's"
SITE = Site(
    flavors=(Flavor("f1", "m1.tiny", 1, 512, 1), Flavor("f2", "m1.small", 1, 2048, 20)),
    zones=("z1", "z2", "z3"),
    volume_types=(VolumeType("ssd"), VolumeType("hdd", ("z1",))),
    external_networks=(ExternalNetwork("4c9d5a7e-2b1f-4b6c-8d1e-0a1b2c3d4e5f", "public", "198.18.0.0/15"),),
    images=(
        Image(
            "5d3c0a56-6b1e-4a39-8d2a-3f5b5a3c5b10", "node-1.37.2", properties={"navarch_kubernetes_version": "1.37.2"}
        ),
    ),
    quotas={"gigabytes": 1000, "server_group_members": 10},
)


class SimulatedStage:
    """See `stage.Stage`."""

    def __init__(self, url: str = SITE.url) -> None:
        self.timeline = Timeline()
        installed = install(self.timeline, replace(SITE, url=url), PASSWORD)
        self.region, self.services = installed.region, Services(installed.region)
        self.project_id, self.other_project_id = installed.let_in("alpha", "a"), installed.let_in("beta", "b")
        self._foreign: list[str] = []
        self.props = Props("public", "m1.tiny", SITE.images[0].id, "ssd", "z1")
        self.settings = OpenStackSettings(f"{url}/identity/v3", "navarch", PASSWORD)

    def wait(self, seconds: float) -> None:
        with self.region.lock:
            self.timeline.advance(self.timeline.now + seconds)

    def cloud(self) -> Cloud:
        return self.struck(None)

    def forgetful(self) -> Cloud:
        return self.struck(
            lambda what: faults.answer_lost() if what.verb in ("POST", "PUT") and _is_object(what) else None
        )

    def blind(self, kind: Kind) -> Cloud:
        return self.struck(lambda what: faults.unreached() if what.kind == kind.value else None)

    def unreachable(self) -> Cloud:
        return self.struck(lambda what: faults.unreached())

    def locked_out(self) -> Cloud:
        return self._cloud(replace(self.settings, password="not the password"), None)

    def foreign_network(self, name: str) -> str:
        made = self.as_somebody("POST", "network", "/v2.0/networks", {"network": {"name": name}})
        return str(made["network"]["id"])

    def foreign_port(self, network_id: str, subnet_id: str, mac_address: str) -> None:
        port = {"network_id": network_id, "fixed_ips": [{"subnet_id": subnet_id}], "mac_address": mac_address}
        made = self.as_somebody("POST", "network", "/v2.0/ports", {"port": port})
        self._foreign.append(made["port"]["id"])

    def remove_foreign(self) -> None:
        while self._foreign:
            self.as_somebody("DELETE", "network", f"/v2.0/ports/{self._foreign.pop()}")

    def meddle(self, service: str, path: str, body: dict[str, Any]) -> None:
        version = {"network": "/v2.0", "block-storage": f"/v3/{self.project_id}", "load-balancer": "/v2"}[service]
        self.as_somebody("PUT", service, version + path, body)

    def allow_networks(self, count: int) -> None:
        if count < 0:
            self.region.quotas.pop((self.other_project_id, "network"), None)
        else:
            self.region.quotas[self.other_project_id, "network"] = count

    def act_as_controllers(self, owner: Owner, subnet_id: str, user_id: str, password: str, trust_id: str) -> None:
        controllers = Controllers(self.services, owner.cluster_id, Login(user_id, password, trust_id))
        network, zone = SITE.external_networks[0].id, self.props.zone
        for _ in range(2):  # what is asked for is there when they look again
            balancer = controllers.balancer("service", subnet_id, [BALANCED])
            volume = controllers.volume("claim", self.props.volume_type, zone)
            self.wait(10)
        assert balancer is not None and volume is not None
        controllers.security_group("service")
        controllers.floating_ip("service", network, balancer["vip_port_id"])
        controllers.snapshot("snapshot", volume.id)

    def struck(self, strike: Striker | None) -> Cloud:
        """A cloud whose requests these faults hit."""
        return self._cloud(self.settings, strike)

    def as_somebody(self, method: str, service: str, path: str, body: object = None) -> dict[str, Any]:
        """A request of a member of the project."""
        request = Request(method, service, path, body=body)
        request.scope = Scope("somebody", self.project_id, roles=frozenset({"member", "reader"}))
        answer = self.services.call(request)
        return answer.body if isinstance(answer.body, dict) else {}

    def _cloud(self, settings: OpenStackSettings, strike: Striker | None) -> Cloud:
        transport = Transport(self.services, strike=strike)
        # Time stands still while something is asked: reads are made again at once.
        patience = Patience(elapsed=lambda: self.timeline.now, pause=lambda seconds: None)
        return OpenStackCloud(settings, transport=transport, clock=self.timeline.date, patience=patience)


def _is_object(what: About) -> bool:
    return what.kind not in ("token", "version", "other")
