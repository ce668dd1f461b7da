"""Looks into clusters because somebody asks what goes on inside: figures, workloads. Nothing is read while nobody does.

No claim and no lease: nothing is changed but the answer's own row. Each project has a few looks at a time, so that its
clusters, which may not answer, keep no other's waiting.
"""

from contextlib import suppress
from datetime import datetime
from threading import Lock

from navarch.addons.contract import Access
from navarch.bootstrap.kubeconfig import SERVER_NAME, admin_access
from navarch.domain.errors import NavarchError, Permanent, Temporary
from navarch.domain.insight import NO_ADDRESS, NOTHING_MEASURES, Insight, Question, Trouble, source_of
from navarch.reconcile.access import ACCESS_IS_RENEWED
from navarch.reconcile.dependencies import Dependencies, read_secrets
from navarch.reconcile.remembered import Remembered
from navarch.reconcile.runtime import Calls
from navarch.store.insight_contract import WantedInsight

AT_ONCE, _OF_A_PROJECT = 8, 2
NO_ANSWER = "InsideNotAnswering"
_TAKEN_AT_ONCE = 50
_REMEDIES = {
    True: "See whether the cluster is Ready: navarch cluster show",
    False: "See whether the add-on is Ready: navarch addon list",
}


class Insights:
    """Answers what is asked. Safe to use from threads."""

    def __init__(self, dependencies: Dependencies, calls: Calls) -> None:
        self._dependencies, self._calls = dependencies, calls
        self._doors: Remembered[tuple[Access, datetime]] = Remembered()
        self._looking: dict[tuple[str, Question], str] = {}  # cluster and question, and whose cluster it is
        self._lock = Lock()

    def begin(self) -> None:
        """Begin to look for all who wait. For whom there is no room now asks again in a second. Raises Temporary."""
        for wanted in self._dependencies.store.take_wanted_insights(_TAKEN_AT_ONCE):
            if self._take(wanted):
                self._calls.submit(self._answer, wanted)

    def _take(self, wanted: WantedInsight) -> bool:
        """Whether there is room for it, and nobody here is at it."""
        with self._lock:
            looking, asked = self._looking, (wanted.cluster_id, wanted.question)
            of_the_project = sum(1 for project_id in looking.values() if project_id == wanted.project_id)
            if asked in looking or of_the_project >= _OF_A_PROJECT or len(looking) >= AT_ONCE:
                return False
            looking[asked] = wanted.project_id
            return True

    def _answer(self, wanted: WantedInsight) -> None:
        """Where the database is away, or a row cannot be read, whoever waits asks again."""
        try:
            with suppress(NavarchError):
                seen = self._seen(wanted)
                self._dependencies.store.write_insight(wanted.cluster_id, wanted.question, seen)
        finally:
            with self._lock:
                del self._looking[wanted.cluster_id, wanted.question]

    def _seen(self, wanted: WantedInsight) -> Insight:
        access, question, addons = self._door(wanted), wanted.question, self._dependencies.addons
        if access is None:
            return Insight(trouble=NO_ADDRESS)
        try:
            if question.span is None:
                return Insight(content=addons.workloads(access, question.namespace))
            source = source_of(self._dependencies.store.chosen(wanted.cluster_id))
            if source is None:
                return Insight(trouble=NOTHING_MEASURES)
            until = self._dependencies.clock.now()
            return Insight(content=addons.figures(access, source, question.span, until))
        except (Temporary, Permanent) as error:
            return Insight(trouble=Trouble(NO_ANSWER, error.message, _REMEDIES[question.span is None]))

    def _door(self, wanted: WantedInsight) -> Access | None:
        """The way into a cluster, kept while its certificate is good."""
        kept, now = self._doors.get(wanted.cluster_id), self._dependencies.clock.now()
        if kept is not None and kept[0].url == wanted.api_url and now - kept[1] < ACCESS_IS_RENEWED:
            return kept[0]
        secrets = read_secrets(self._dependencies, wanted.cluster_id)
        if secrets is None or not wanted.api_url:
            return None
        ca, certificate, private = admin_access(secrets, now)
        made = Access(wanted.api_url, ca, certificate, private, SERVER_NAME)
        self._doors.put(wanted.cluster_id, (made, now))
        return made
