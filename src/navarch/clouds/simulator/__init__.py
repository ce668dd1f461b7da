"""A cloud in memory behind `clouds.contract`: OpenStack's behaviour without OpenStack.

It has what makes OpenStack hard, because Navarch has to live with it: creates are not idempotent and names not unique;
servers, balancers and volumes come through states and may end in ERROR; what is in use refuses to go; a removal takes
time; quotas; lists that lag behind and come in pages. The conformance suite (tests/contract) runs on it as it does on
OpenStack, and where the two differ the simulator is wrong.

Belongs here: objects and the services' rules about them (`region`, with a module for each service), how steps become
requests (`cloud`), faults (`faults`). Does not: what a machine does once it runs, Kubernetes (`navarch.simulator`).

Nothing here reads a clock or makes a thread: time is given, so that a test can let an hour pass in a moment.
"""

from navarch.clouds.simulator.cloud import SimulatedCloud
from navarch.clouds.simulator.faults import Misfortunes, Request, Strike
from navarch.clouds.simulator.inventory import Fates
from navarch.clouds.simulator.region import Region
from navarch.clouds.simulator.timeline import Timeline

__all__ = ["Fates", "Misfortunes", "Region", "Request", "SimulatedCloud", "Strike", "Timeline"]
