"""Which clusters of a list are asked for, and in which order. Pure: the store says the same in SQL."""

from dataclasses import dataclass
from enum import StrEnum

from navarch.domain.errors import Responsible
from navarch.domain.spec import Cluster
from navarch.domain.status import Phase, Status

SHORTEST_ID = 4  # characters: what is shorter would be the beginning of many an id by chance


@dataclass(frozen=True, slots=True)
class Selection:
    """What a cluster has to be; what is empty is not asked for.

    `search`: each of these words, in lower case, is part of its name or of one of its labels (key=value), or the
    beginning of its id. `labels`: all of these. `phases`, `versions`, `responsible`: one of these. A version of two
    numbers (1.36) is any of its patches; who is responsible must act before a condition can come true."""

    name: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    search: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()
    versions: tuple[str, ...] = ()
    responsible: tuple[Responsible, ...] = ()

    def has(self, cluster: Cluster, status: Status) -> bool:
        """Whether this cluster is among them."""
        return (
            self.name in (None, cluster.name)
            and set(self.labels) <= set(cluster.labels)
            and all(_mentions(cluster, word) for word in self.search)
            and (not self.phases or status.phase in self.phases)
            and (not self.versions or any(_is_of(version_of(cluster, status), asked) for asked in self.versions))
            and (not self.responsible or not who_must_act(status).isdisjoint(self.responsible))
        )


EVERYTHING = Selection()


class Order(StrEnum):
    """By what a list is ordered; clusters that are alike, by their creation."""

    CREATED = "created"
    NAME = "name"
    PHASE = "phase"
    VERSION = "version"


def version_of(cluster: Cluster, status: Status) -> str:
    """The version of Kubernetes that it has; before it has one, the one that is wanted."""
    return status.kubernetes_version or cluster.spec.kubernetes_version


def who_must_act(status: Status) -> frozenset[str]:
    """Everybody who must act before a condition can come true."""
    return frozenset(c.responsible for c in status.conditions if c.responsible and c.status != "True")


def _mentions(cluster: Cluster, word: str) -> bool:
    texts = (cluster.name, *(f"{key}={value}" for key, value in cluster.labels))
    return any(word in text.lower() for text in texts) or (len(word) >= SHORTEST_ID and cluster.id.startswith(word))


def _is_of(version: str, asked: str) -> bool:
    return version == asked or version.startswith(f"{asked}.")
