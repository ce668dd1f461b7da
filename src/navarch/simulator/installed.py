"""A simulated region in which an operator did what docs/operate/install.md says: Navarch's service users with their
roles, the domain of the clusters' users, node images; and customers' projects, each with a user of the same name."""

from dataclasses import dataclass
from hashlib import sha256

from navarch.simulator.openstack import glance
from navarch.simulator.openstack.cinder import offer as cinder
from navarch.simulator.openstack.fates import Fates
from navarch.simulator.openstack.keystone import setup, tokens
from navarch.simulator.openstack.neutron import networks
from navarch.simulator.openstack.nova import offer as nova
from navarch.simulator.openstack.region import Region
from navarch.simulator.openstack.site import Site, VolumeType
from navarch.simulator.openstack.timeline import Timeline

SERVICE_USER, API_USER, SERVICE_PROJECT, CLUSTER_DOMAIN, ADMIN = "navarch", "navarch-api", "service", "navarch", "admin"


@dataclass(frozen=True, slots=True)
class Installed:
    """The region, and the ids of who is in it."""

    region: Region
    service_user_id: str

    def let_in(self, name: str, password: str) -> str:
        """A customer's project with a user of the same name; its id."""
        project = setup.add_project(self.region, name, id_=project_id(name))
        user = setup.add_user(self.region, name, password)
        setup.grant(self.region, user.id, project.id, "member")
        return project.id


def project_id(name: str) -> str:
    """The id of the project of that name, the same in every region."""
    return sha256(f"project {name}".encode()).hexdigest()[:32]


def install(timeline: Timeline, site: Site, password: str, *, fates: Fates | None = None, seed: int = 0) -> Installed:
    """The region before customers come. `password`: the service users' and the administrator's."""
    region = Region(timeline, site, fates=fates, seed=seed)
    setup.bootstrap(region)
    for flavor in site.flavors:
        nova.add_flavor(region, flavor)
    for type_ in (VolumeType("__DEFAULT__"), *site.volume_types):
        cinder.add_type(region, type_)
    for network in site.external_networks:
        networks.add_external(region, network)
    for image in site.images:
        glance.add_image(region, image)
    user, project = setup.add_user(region, SERVICE_USER, password), setup.add_project(region, SERVICE_PROJECT)
    setup.grant(region, user.id, setup.DEFAULT, "member", inherited=True)
    setup.grant(region, user.id, project.id, "service")
    setup.grant(region, user.id, setup.add_domain(region, CLUSTER_DOMAIN).id, "manager")
    setup.grant(region, setup.add_user(region, API_USER, password).id, tokens.SYSTEM, "reader")
    admin = setup.add_user(region, ADMIN, password)
    setup.grant(region, admin.id, setup.add_project(region, ADMIN).id, "admin")
    return Installed(region, user.id)
