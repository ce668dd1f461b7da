"""kubelets renew their serving certificates; this says whose requests are genuine."""

from collections.abc import Iterable
from datetime import datetime

from navarch.addons.contract import Access, Addons
from navarch.bootstrap.serving import objection
from navarch.domain.errors import NavarchError
from navarch.domain.machines import Machine
from navarch.domain.spec import Cluster
from navarch.domain.status import Event


def decide_requests(
    addons: Addons, access: Access, cluster: Cluster, machines: Iterable[Machine], now: datetime
) -> tuple[Event, ...]:
    """Approve what the cluster's machines ask for themselves, deny the rest; what was decided, as events.

    What cannot be decided now, because the API does not answer, is decided at the next look: certificates are renewed
    months before they end.
    """
    machines, events = tuple(machines), []
    try:
        for request in addons.serving_requests(access):
            against = objection(
                request.request,
                requestor=request.requestor,
                groups=request.groups,
                usages=request.usages,
                machines=machines,
            )
            addons.decide_serving_request(access, request.name, against)
            subject = request.requestor.removeprefix("system:node:")
            if against is None:
                reason, message, level = "ServingCertificateApproved", f"{subject} renews its certificate", "Normal"
            else:
                reason, message, level = (
                    "ServingCertificateDenied",
                    f"{subject} asked for another's: {against}",
                    "Warning",
                )
            events.append(Event(now, reason, message, subject, "kubernetes", None, level, cluster.generation))
    except NavarchError:
        pass
    return tuple(events)
