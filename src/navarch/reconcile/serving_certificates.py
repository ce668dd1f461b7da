"""kubelets renew their serving certificates; this says whose requests are genuine."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from navarch.addons.contract import Access, Addons
from navarch.bootstrap.serving import objection
from navarch.domain.errors import NavarchError, Temporary
from navarch.domain.machines import Machine
from navarch.domain.spec import Cluster
from navarch.domain.status import Event


def decide_requests(
    addons: Addons,
    access: Access,
    cluster: Cluster,
    machines: Iterable[Machine],
    addresses: Callable[[], Mapping[str, Collection[str]]],
    now: datetime,
) -> tuple[Event, ...]:
    """Approve what the cluster's machines ask for themselves, deny the rest; what was decided, as events. `addresses`:
    what the cloud says that each machine has, asked where there is a request.

    What cannot be decided now, because the API does not answer, is decided at the next look: certificates are renewed
    months before they end.
    """
    machines, events = tuple(machines), []
    try:
        requests = addons.serving_requests(access)
    except NavarchError:
        return ()
    known = addresses() if requests else {}
    for request in requests:
        against = objection(
            request.request,
            requestor=request.requestor,
            groups=request.groups,
            usages=request.usages,
            machines=machines,
            addresses=known,
        )
        try:
            addons.decide_serving_request(access, request.name, against)
        except Temporary:
            break  # the API does not answer: the others would wait as long for nothing
        except NavarchError:
            continue  # the cluster refuses this one, and perhaps no other
        subject = request.requestor.removeprefix("system:node:")
        if against is None:
            reason, message, level = "ServingCertificateApproved", f"{subject} renews its certificate", "Normal"
        else:
            reason, level = "ServingCertificateDenied", "Warning"
            message = f"{subject} asked for another's: {against}"
        events.append(Event(now, reason, message, subject, "kubernetes", None, level, cluster.generation))
    return tuple(events)
