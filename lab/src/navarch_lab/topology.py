"""What the lab is made of: addresses, ports, hosts, zones, flavors and projects.

One place for every figure that another part, a test or a document may rely on. Memory is in MiB, disks in GiB.
"""

from dataclasses import dataclass

NETNS = "navarch-lab"
HOST_VETH = "navarch0"
LAB_VETH = "navarch1"
"""The end of the veth inside the lab, a port of the external bridge."""

EXTERNAL_CIDR = "198.51.100.0/24"
HOST_ADDRESS = "198.51.100.1"
"""The host's end: gateway of the external subnet, and where machines find what listens on the host."""
SERVICE_ADDRESS = "198.51.100.2"
"""Public endpoints and the resolver."""
PREFIX_LENGTH = 24
FLOATING_FIRST, FLOATING_LAST = "198.51.100.20", "198.51.100.250"

REGION = "RegionOne"
CHASSIS = "lab1"
"""The single OVN chassis. The compute hosts are mapped to it, so nova sees four hosts on one switch."""
EXTERNAL_BRIDGE = "br-ex"
INTEGRATION_BRIDGE = "br-int"
PHYSICAL_NETWORK = "public"

MARIADB_PORT, RABBITMQ_PORT, MEMCACHED_PORT, METADATA_PORT = 3306, 5672, 11211, 8775
EPMD_PORT, ERLANG_DIST_PORT = 4369, 25672


@dataclass(frozen=True, slots=True)
class Api:
    """A public HTTP service: its name, its port (the same behind and in front) and its place in the catalogue."""

    name: str
    port: int
    type: str
    path: str = ""

    @property
    def internal_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    @property
    def public_url(self) -> str:
        return f"https://{SERVICE_ADDRESS}:{self.port}{self.path}"


APIS = {
    api.name: api
    for api in (
        Api("keystone", 5000, "identity", "/v3"),
        Api("placement", 8778, "placement"),
        Api("glance", 9292, "image"),
        Api("nova", 8774, "compute", "/v2.1"),
        Api("neutron", 9696, "network"),
        Api("cinder", 8776, "volumev3", "/v3"),
        Api("octavia", 9876, "load-balancer"),
        Api("swift", 8080, "object-store", "/v1/AUTH_%(project_id)s"),
    )
}

OBJECT_SERVERS = {"object": 6200, "container": 6201, "account": 6202}
"""What stands behind swift's API, and nobody else speaks to."""

REGISTRY_PORT = 5443
REGISTRY_URL = f"https://{SERVICE_ADDRESS}:{REGISTRY_PORT}"
"""The region's registry of container images, beside OpenStack."""

HOSTS = {"cmp1": "z1", "cmp2": "z1", "cmp3": "z2", "cmp4": "z3"}
ZONES = ("z1", "z2", "z3")
HOST_VCPUS, HOST_MEMORY_MIB, HOST_DISK_GIB = 16, 16384, 400

VOLUME_BACKENDS = {"ssd-z1": ("ssd", "z1"), "ssd-z2": ("ssd", "z2"), "ssd-z3": ("ssd", "z3"), "hdd-z1": ("hdd", "z1")}
"""Backend name -> (volume type, zone). Volumes are zonal, as on a public cloud; hdd exists in z1 only."""


@dataclass(frozen=True, slots=True)
class Flavor:
    name: str
    vcpus: int
    memory_mib: int
    disk_gib: int


FLAVORS = (
    Flavor("m1.tiny", 1, 512, 5),
    Flavor("m1.small", 1, 2048, 20),
    Flavor("c1.small", 2, 2048, 20),
    Flavor("m1.medium", 2, 4096, 20),
    Flavor("m1.large", 4, 8192, 40),
)

CUSTOMERS = ("alpha", "beta")
"""Customer projects, each with a user of the same name that is `member` there."""
READER = ("alpha-reader", "alpha")
NAVARCH_USER = "navarch"
NAVARCH_DOMAIN = "navarch"

SERVICE_USERS = ("placement", "glance", "nova", "neutron", "cinder", "octavia", "swift")
