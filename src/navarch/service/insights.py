"""What goes on inside a cluster. Workers look, and only when somebody asks; here it is only told."""

from navarch.domain.errors import FieldError
from navarch.domain.insight import NO_ADDRESS, NOTHING_MEASURES, STOPPED, Insight, Question, Span, Trouble, source_of
from navarch.domain.status import Phase
from navarch.domain.syntax import wrong_name
from navarch.service.access import Access
from navarch.service.refusals import Invalid
from navarch.store.contract import Stored

_NAMESPACE_LENGTH = 63  # as Kubernetes has it
NOT_READ = Trouble("NotReadYet", "No worker has answered in time.", "Ask again in a moment.")


def figures(access: Access, reference: str, span: Span) -> Insight:
    """What a cluster's add-on that measures says of it, as a worker reads it now, where one can in time. Raises
    Missing, Unreadable."""
    stored = access.cluster(reference)
    if source_of(access.service.store.chosen(stored.cluster.id)) is None:
        return Insight(trouble=NOTHING_MEASURES)
    return _told(access, stored, Question(span=span))


def workloads(access: Access, reference: str, namespace: str = "") -> Insight:
    """What runs in a cluster, in one namespace or (empty) in all. Raises Missing, Unreadable; Invalid for what can be
    no namespace."""
    wrong = wrong_name(namespace, _NAMESPACE_LENGTH) if namespace else None
    if wrong is not None:
        raise Invalid((FieldError("namespace", wrong),))
    return _told(access, access.cluster(reference), Question(namespace=namespace))


def _told(access: Access, stored: Stored, question: Question) -> Insight:
    cluster, status = stored.cluster, stored.status
    if status.phase is Phase.STOPPED:
        return Insight(trouble=STOPPED)
    if status.api_url is None:
        return Insight(trouble=NO_ADDRESS)
    settings = access.service.settings
    with access.service.waits.place(cluster.project_id) as wait:
        seconds = settings.quota_wait if wait else 0.0
        seen = access.service.store.insight(cluster.id, question, max_age=settings.insight_age, wait=seconds)
    return seen or Insight(trouble=NOT_READ)
