"""The stage in a laboratory's OpenStack: two projects of its own, removed at the end with all that is in them."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import openstack
import requests
from keystoneauth1 import session as keystone
from keystoneauth1.identity import v3
from tests.contract.stage import BALANCED, Props

from navarch.clouds.contract import Cloud
from navarch.clouds.openstack import OpenStackCloud, OpenStackSettings
from navarch.domain.openstack.resources import Kind
from navarch.domain.spec import Owner

_CONFIGURATION = "/var/lib/navarch-lab/clouds.yaml"
_PATHS = {Kind.LOAD_BALANCER: "/lbaas/", Kind.SERVER: "/servers/", Kind.VOLUME: "/volumes/", Kind.NETWORK: "/networks"}


class OpenStackStage:
    """See `stage.Stage`."""

    def __init__(self, admin: Any, settings: OpenStackSettings, props: Props, project_ids: tuple[str, str]) -> None:
        self._admin, self._settings, self.props = admin, settings, props
        self.project_id, self.other_project_id = project_ids
        self._clouds: list[OpenStackCloud] = []
        self._foreign: list[str] = []

    def cloud(self) -> Cloud:
        return self._make(self._settings)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def forgetful(self) -> Cloud:
        return self._behind(_LosesAnswers())

    def blind(self, kind: Kind) -> Cloud:
        return self._behind(_Refuses(_PATHS[kind]))

    def unreachable(self) -> Cloud:
        return self._make(replace(self._settings, auth_url="https://198.51.100.2:9/v3"))

    def locked_out(self) -> Cloud:
        return self._make(replace(self._settings, password="not the password"))

    def foreign_network(self, name: str) -> str:
        return str(self._admin.network.create_network(name=name, project_id=self.project_id).id)

    def foreign_port(self, network_id: str, subnet_id: str, mac_address: str) -> None:
        where = {"network_id": network_id, "fixed_ips": [{"subnet_id": subnet_id}], "project_id": self.project_id}
        self._foreign.append(self._admin.network.create_port(mac_address=mac_address, **where).id)

    def remove_foreign(self) -> None:
        while self._foreign:
            self._admin.network.delete_port(self._foreign.pop())

    def meddle(self, service: str, path: str, body: dict[str, Any]) -> None:
        proxy = {
            "network": self._admin.network,
            "block-storage": self._admin.block_storage,
            "load-balancer": self._admin.load_balancer,
        }[service]
        answer = proxy.put(path, json=body)
        assert answer.status_code < 300, answer.text

    def allow_networks(self, count: int) -> None:
        if count < 0:
            self._admin.network.delete_quota(self.other_project_id)
        else:
            self._admin.network.update_quota(self.other_project_id, networks=count)

    @contextmanager
    def short_lived_project(self) -> Iterator[tuple[str, Callable[[bool], Any]]]:
        """A project that is gone after the block: its id, and what enables or disables it."""
        identity = self._admin.identity
        project = identity.create_project(name=f"gone-{uuid.uuid4().hex[:8]}", domain_id="default")
        try:
            yield project.id, lambda enabled: identity.update_project(project, is_enabled=enabled)
        finally:
            identity.delete_project(project)

    def act_as_controllers(self, owner: Owner, subnet_id: str, user_id: str, password: str, trust_id: str) -> None:
        login = v3.Password(self._settings.auth_url, user_id=user_id, password=password, trust_id=trust_id)
        session = keystone.Session(login, verify=self._settings.ca_file)
        cluster = openstack.connection.Connection(session=session, region_name=self._settings.region)
        name = f"kube_service_{owner.cluster_id}_default_service"
        balancer = cluster.load_balancer.create_load_balancer(
            name=name,
            vip_subnet_id=subnet_id,
            provider=self._settings.load_balancer_provider,
            listeners=[
                {
                    "name": f"listener_0_{name}",
                    "protocol": "TCP",
                    "protocol_port": 80,
                    "default_pool": {
                        "name": f"pool_0_{name}",
                        "protocol": "TCP",
                        "lb_algorithm": "SOURCE_IP_PORT",
                        "members": [{"address": BALANCED, "protocol_port": 30080, "subnet_id": subnet_id}],
                    },
                }
            ],
        )
        cluster.network.create_security_group(
            name=f"lb-sg-{uuid.uuid4()}-default-service",
            description=f"Security Group for default/service Service LoadBalancer in cluster {owner.cluster_id}",
        )
        for address in list(cluster.network.networks(is_router_external=True, name=self.props.external_network)):
            cluster.network.create_ip(
                floating_network_id=address.id,
                port_id=balancer.vip_port_id,
                description="Floating IP for Kubernetes external service default/service from cluster "
                + owner.cluster_id,
            )
        mark = {"cinder.csi.openstack.org/cluster": owner.cluster_id}
        of = {"csi.storage.k8s.io/pvc/namespace": "default", "csi.storage.k8s.io/pvc/name": "claim"}
        volume = cluster.block_storage.create_volume(
            name="claim",
            size=1,
            metadata={**mark, **of},
            volume_type=self.props.volume_type,
            availability_zone=self.props.zone,
        )
        cluster.block_storage.wait_for_status(volume, interval=0.5, wait=60)
        snapshot = cluster.block_storage.create_snapshot(volume_id=volume.id, name="snapshot", metadata=mark)
        cluster.block_storage.wait_for_status(snapshot, interval=0.5, wait=60)
        cluster.load_balancer.wait_for_load_balancer(balancer.id, interval=0.5, wait=60)
        cluster.close()

    def close(self) -> None:
        for cloud in self._clouds:
            cloud.close()

    def _make(self, settings: OpenStackSettings) -> OpenStackCloud:
        self._clouds.append(OpenStackCloud(settings))
        return self._clouds[-1]

    def _behind(self, transport: requests.adapters.HTTPAdapter) -> OpenStackCloud:
        cloud = self._make(self._settings)
        cloud._sessions._http.mount("https://", transport)
        return cloud


class _LosesAnswers(requests.adapters.HTTPAdapter):
    """The request arrives and is carried out; its answer does not."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().send(request, *args, **kwargs)
        if request.method == "POST" and "/auth/tokens" not in (request.url or ""):
            raise requests.exceptions.ConnectionError("the answer was lost on the way")
        return answer


class _Refuses(requests.adapters.HTTPAdapter):
    """What asks for this part of an address finds nobody."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if self._path in (request.url or ""):
            raise requests.exceptions.ConnectionError("nobody there")
        return super().send(request, *args, **kwargs)


def settings() -> OpenStackSettings:
    """Navarch's service user, as the laboratory wrote it down."""
    path = os.environ.get("OS_CLIENT_CONFIG_FILE", _CONFIGURATION)
    region = openstack.config.OpenStackConfig(config_files=[path]).get_one(cloud="navarch")
    auth = region.config["auth"]
    return OpenStackSettings(
        auth_url=auth["auth_url"],
        username=auth["username"],
        password=auth["password"],
        user_domain_name=auth["user_domain_name"],
        region=region.region_name,
        ca_file=region.config["cacert"],
    )


@contextmanager
def stage() -> Iterator[OpenStackStage]:
    """Two new projects, and a small public image that no machine can boot."""
    path = os.environ.get("OS_CLIENT_CONFIG_FILE", _CONFIGURATION)
    admin = openstack.config.OpenStackConfig(config_files=[path]).get_one(cloud="admin")
    connection = openstack.connection.Connection(config=admin)
    run = uuid.uuid4().hex[:8]
    projects = [connection.identity.create_project(name=f"contract-{run}-{n}", domain_id="default") for n in "ab"]
    image = connection.image.create_image(
        name=f"contract-{run}", disk_format="raw", container_format="bare", visibility="public", data=bytes(1 << 20)
    )
    props = Props("public", "m1.tiny", image.id, "ssd", "z1", boots=False)
    built = OpenStackStage(connection, settings(), props, (projects[0].id, projects[1].id))
    try:
        yield built
    finally:
        connection.image.delete_image(image)
        for project in projects:
            for group in list(connection.network.security_groups(project_id=project.id)):
                connection.network.delete_security_group(group)
            for network in list(connection.network.networks(project_id=project.id)):
                connection.network.delete_network(network)
            connection.identity.delete_project(project)
        built.close()
        connection.close()
