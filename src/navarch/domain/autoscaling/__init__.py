"""How many machines a node group is to have, by the pods that there are. Pure, and explained.

    limits       a number outside of them moves into them
    given up     machines that do not come make room for other groups (`memory.Backoff`)
    up           pods that wait bring machines (`up`)
    down         machines that nobody needs go by name (`down`)

`decide` says it in one value; whoever asks next, with the changes made, is told nothing more. The number of machines is
the group's `replicas`: the plan makes and removes machines as if a person had asked for them. What other people know
as the Cluster Autoscaler's words, defaults and annotations means the same here; docs/guide/autoscaling.md lists what
differs and what is not there.
"""

from navarch.domain.autoscaling.deciding import Change, Decision, Told, decide, noticed
from navarch.domain.autoscaling.hindrances import hindrances
from navarch.domain.autoscaling.memory import Memory
from navarch.domain.autoscaling.scaled import all_pods_due, asks_for_pods, counts_pods

__all__ = [
    "Change",
    "Decision",
    "Memory",
    "Told",
    "all_pods_due",
    "asks_for_pods",
    "counts_pods",
    "decide",
    "hindrances",
    "noticed",
]
