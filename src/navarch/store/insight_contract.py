"""What API and workers ask of the store about the inside of clusters."""

from dataclasses import dataclass
from typing import Protocol

from navarch.domain.insight import Insight, Question


@dataclass(frozen=True, slots=True)
class WantedInsight:
    """A question that somebody waits for. `api_url`: of the cluster's API; None: it has none yet."""

    cluster_id: str
    project_id: str
    api_url: str | None
    question: Question


class Insights(Protocol):
    """Part of `contract.ApiStore`."""

    def insight(self, cluster_id: str, question: Question, *, max_age: float, wait: float) -> Insight | None:
        """The newest answer. Where the last try is more than `max_age` seconds ago, a worker is asked, and waited for
        up to `wait` seconds; None: no worker has answered yet."""
        ...


class WantedInsights(Protocol):
    """Part of `contract.WorkerStore`."""

    def take_wanted_insights(self, most: int) -> tuple[WantedInsight, ...]:
        """Questions that somebody waits for, `most` of them, each given to one worker; who goes on waiting asks
        again."""
        ...

    def write_insight(self, cluster_id: str, question: Question, insight: Insight) -> None:
        """Write down what was read, or why nothing was, and wake who waits. Nothing where nobody asks any more."""
        ...
