"""A small simulated region for workers within the test's own process."""

from navarch.clouds.openstack import OpenStackSettings
from navarch.simulator.installed import SERVICE_USER
from navarch.simulator.openstack.site import ExternalNetwork, Flavor, Image, Site, VolumeType

PASSWORD = "the service user's"
SITE = Site(  # what a_cluster() is made of
    flavors=(Flavor("f1", "m1.small", 1, 2048, 20), Flavor("f2", "m1.medium", 2, 4096, 20)),
    zones=("z1",),
    volume_types=(VolumeType("ssd"),),
    external_networks=(ExternalNetwork("public-id", "public", "198.18.0.0/15"),),
    images=(Image("image", "node-1.37.2", properties={"navarch_kubernetes_version": "1.37.2"}),),
)
CLOUD = OpenStackSettings(f"{SITE.url}/identity/v3", SERVICE_USER, PASSWORD)
