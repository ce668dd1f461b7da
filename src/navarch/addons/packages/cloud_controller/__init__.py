"""OpenStack's cloud controller: nodes get their zone and addresses, Services of type LoadBalancer a balancer.

Its manifest also holds the Secret with what the cluster's controllers are told about the cloud.
"""

from navarch.addons.package import Package

ADDON = Package(
    __name__,
    # Before all other pods, since most wait for it: until it has initialised a node, no ordinary pod may go there.
    after=("access",),
    images={"openstack-cloud-controller-manager": "cloud-controller"},
)
