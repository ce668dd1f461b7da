"""What a cluster's own controllers make in the cloud, logged in as they are: by the trust that their configuration
names. Names and marks are those of cloud-provider-openstack (pkg/openstack/loadbalancer*.go) and of its Cinder CSI
driver (pkg/csi/cinder/controllerserver.go)."""

from collections.abc import Collection
from dataclasses import dataclass, field

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.keystone import tokens
from navarch.simulator.openstack.messages import NOBODY, Json, Refused, Request, Scope
from navarch.simulator.openstack.octavia import parts
from navarch.simulator.openstack.services import Services

_NODE_PORT = 30080
CSI_KEY = "cinder.csi.openstack.org/cluster"


@dataclass(frozen=True, slots=True)
class Login:
    """What [Global] of cloud.conf has."""

    user_id: str = ""
    password: str = field(default="", repr=False)
    trust_id: str = ""

    @staticmethod
    def of(configuration: str) -> "Login":
        """The login in the text of a cloud.conf."""
        pairs = (line.partition("=") for line in configuration.splitlines())
        values = {key.strip(): value.strip().strip('"') for key, found, value in pairs if found}
        return Login(values.get("user-id", ""), values.get("password", ""), values.get("trust-id", ""))


class Controllers:
    """Cloud controller and CSI driver of one cluster. What they ask for raises Refused as the services refuse it."""

    def __init__(self, services: Services, cluster_id: str, login: Login) -> None:
        self.login = login
        self._services, self._cluster_id = services, cluster_id
        self._region, self._token = services.region, ""

    def let_in(self) -> bool:
        """Whether they can log in, or are."""
        try:
            return self._scope() is not NOBODY
        except Refused:
            return False

    def balancer(self, service: str, subnet_id: str, addresses: Collection[str]) -> Object | None:
        """The balancer of a Service, which is asked for where it is not there, with the nodes that it sends to."""
        name = f"kube_service_{self._cluster_id}_default_{service}"
        members = [{"address": a, "protocol_port": _NODE_PORT, "subnet_id": subnet_id} for a in sorted(addresses)]
        found = self._find("load balancer", name)
        if found is None:
            said = f"Kubernetes external service default/{service} from cluster {self._cluster_id}"
            balancing = {
                "name": f"pool_0_{name}",
                "protocol": "TCP",
                "lb_algorithm": "SOURCE_IP_PORT",
                "members": members,
            }
            listener = {"name": f"listener_0_{name}", "protocol": "TCP", "protocol_port": 80, "default_pool": balancing}
            body = {"name": name, "description": said, "vip_subnet_id": subnet_id, "provider": "ovn",
                    "listeners": [listener]}  # fmt: skip
            self._ask("POST", "load-balancer", "/v2/lbaas/loadbalancers", {"loadbalancer": body})
        elif found["provisioning_status"] == "ACTIVE":
            for pool in parts.pools_of(self._region, found):
                if {member["address"] for member in parts.members_of(self._region, pool)} != set(addresses):
                    path = f"/v2/lbaas/pools/{pool.id}/members"
                    self._ask("PUT", "load-balancer", path, {"members": members})
        return found

    def security_group(self, service: str) -> None:
        """The group that opens a Service's node ports."""
        name = f"lb-sg-{service}-default-{service}"
        if self._find("security group", name) is None:
            said = f"Security Group for default/{service} Service LoadBalancer in cluster {self._cluster_id}"
            body = {"security_group": {"name": name, "description": said}}
            self._ask("POST", "network", "/v2.0/security-groups", body)

    def floating_ip(self, service: str, network_id: str, port_id: str) -> None:
        """A Service's public address."""
        said = f"Floating IP for Kubernetes external service default/{service} from cluster {self._cluster_id}"
        mine = self._region["floating IP"].of(self._scope().project_id)
        if all(floating["description"] != said for floating in mine):
            body = {"floatingip": {"floating_network_id": network_id, "port_id": port_id, "description": said}}
            self._ask("POST", "network", "/v2.0/floatingips", body)

    def volume(self, claim: str, type_: str, zone: str) -> Object | None:
        """The volume of a claim."""
        found = self._find("volume", claim)
        if found is None:
            said = {"csi.storage.k8s.io/pvc/namespace": "default", "csi.storage.k8s.io/pvc/name": claim}
            metadata = {**self._mark, **said}
            body = {"name": claim, "size": 1, "volume_type": type_, "availability_zone": zone, "metadata": metadata}
            self._ask("POST", "block-storage", f"/v3/{self._scope().project_id}/volumes", {"volume": body})
        return found

    def snapshot(self, name: str, volume_id: str) -> None:
        """A snapshot of a claim's volume."""
        if self._find("snapshot", name) is None:
            body = {"name": name, "volume_id": volume_id, "force": True, "metadata": self._mark}
            self._ask("POST", "block-storage", f"/v3/{self._scope().project_id}/snapshots", {"snapshot": body})

    @property
    def _mark(self) -> dict[str, str]:
        return {CSI_KEY: self._cluster_id}

    def _find(self, kind: str, name: str) -> Object | None:
        """One of this cluster's by its name: all that CSI makes says whose it is."""
        mine = (o for o in self._region[kind].of(self._scope().project_id) if o.name == name)
        marked = (o for o in mine if o.body.get("metadata", self._mark).get(CSI_KEY) == self._cluster_id)
        return next(marked, None)

    def _ask(self, method: str, service: str, path: str, body: Json) -> None:
        request = Request(method, service, path, body=body)
        request.scope = self._scope()
        self._services.call(request)

    def _scope(self) -> Scope:
        """Who they are now; a token that has ended is renewed. Raises Refused."""
        scope = tokens.scope_of(self._region, self._token)
        if scope is NOBODY:
            password = {"user": {"id": self.login.user_id, "password": self.login.password}}
            identity = {"methods": ["password"], "password": password}
            body = {"auth": {"identity": identity, "scope": {"OS-TRUST:trust": {"id": self.login.trust_id}}}}
            answer = tokens.issue(self._region, Request("POST", "identity", "/v3/auth/tokens", body=body))
            self._token = answer.headers["X-Subject-Token"]
            scope = tokens.scope_of(self._region, self._token)
        return scope
