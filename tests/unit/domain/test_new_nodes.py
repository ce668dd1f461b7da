"""New nodes: Services' balancers send to them once something there passes it on."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.domain.clusters import NOW, WANTED, cluster
from tests.unit.domain.test_plan import grown
from tests.unit.domain.test_silence import steps, with_node, workers

from navarch.domain.conditions import judge
from navarch.domain.kube import NOT_BEHIND_SERVICES, STARTING
from navarch.domain.observed import Observed
from navarch.domain.status import Phase, Status
from navarch.domain.steps import AdmitNode

LABEL = ((NOT_BEHIND_SERVICES, STARTING),)


def starting(**changes: object) -> Observed:
    """A cluster that is as wanted, but for a worker that is new."""
    there = grown(cluster())
    return with_node(there, workers(there)[0], labels=LABEL, since=NOW, **changes)


def admitted(there: Observed, seconds: float = 0) -> list[str]:
    return [s.name for s in steps(cluster(), there, seconds / 60) if isinstance(s, AdmitNode)]


def without_agents(there: Observed) -> Observed:
    """What is to run on every node does not on one of them."""
    assert there.kube is not None
    first, *others = there.kube.addons
    return replace(there, kube=replace(there.kube, addons=(replace(first, on_nodes=False), *others)))


def test_a_new_node_is_sent_to_once_its_agents_run() -> None:
    there = starting()
    assert admitted(there) == workers(there)[:1]
    assert admitted(without_agents(there)) == []
    assert admitted(starting(ready=False), 3600) == []


def test_what_is_wrong_elsewhere_keeps_it_from_balancers_for_a_minute() -> None:
    there = without_agents(starting())
    assert (admitted(there, 59), admitted(there, 60)) == ([], workers(there)[:1])


def test_a_label_of_somebody_else_stays() -> None:
    there = grown(cluster())
    name = workers(there)[0]
    assert admitted(with_node(there, name, labels=((NOT_BEHIND_SERVICES, ""),))) == []
    assert admitted(with_node(there, name, labels=((NOT_BEHIND_SERVICES, "drained"),))) == []


def test_until_then_the_cluster_is_not_ready_and_says_why() -> None:
    there = starting()
    status = judge(cluster(), there, WANTED, (), Status(), now=NOW + timedelta(seconds=1))
    said = next(c for c in status.conditions if c.type == "WorkersReady")
    assert (status.phase is Phase.READY, said.reason) == (False, "NodesStarting")
    assert said.message.endswith(workers(there)[0])
