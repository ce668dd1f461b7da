"""What is missing of a cluster's infrastructure, in the order in which it comes to be."""

from collections.abc import Iterator

from navarch.domain.errors import Responsible
from navarch.domain.finding import Finding
from navarch.domain.openstack.resources import FloatingIP, LoadBalancer, Network
from navarch.domain.openstack.view import View


def missing(view: View) -> Iterator[Finding]:
    """See `domain.infrastructure.Infrastructure.missing`. What could not be read is not called missing."""
    balancer, knows = view.balancer, view.cloud.knows
    if view.network is None and knows(Network):
        yield Finding("CreatingNetwork", "the network is being made")
    elif balancer is None:
        if knows(LoadBalancer):
            yield Finding("CreatingLoadBalancer", "the API's load balancer is being made")
    elif balancer.provisioning_status == "ERROR":
        yield Finding(
            "LoadBalancerFailed",
            f"load balancer {balancer.name} is in ERROR",
            Responsible.CLOUD_OPERATOR,
            "look at the load balancer service; Navarch removes the balancer and makes it anew",
        )
    elif balancer.provisioning_status != "ACTIVE":
        yield Finding("CreatingLoadBalancer", f"load balancer {balancer.name} is {balancer.provisioning_status}")
    elif view.floating_ip is None and knows(FloatingIP):
        yield Finding("CreatingFloatingIP", "the API's floating address is being made")
