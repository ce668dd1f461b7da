"""An OpenStack cloud behind `clouds.contract`.

Belongs here: every word of OpenStack's: its services, statuses, quota messages, microversions. Does not: what to make
next (`domain.plan`), what a machine does once it runs (`bootstrap`), Kubernetes (`addons`).

The requests are keystoneauth's, spoken directly: one call for one question, the answer read once into a frozen value.
`errors` is the one door through which a foreign exception or a refusal becomes an error of `domain.errors`.
"""

from navarch.clouds.openstack.cloud import OpenStackCloud
from navarch.clouds.openstack.session import Asked, OpenStackSettings, Trace

__all__ = ["Asked", "OpenStackCloud", "OpenStackSettings", "Trace"]
