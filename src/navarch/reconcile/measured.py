"""The way into clusters, with a clock on it."""

from navarch.addons.contract import Access, Addons, Draining, Inputs, ServingRequest
from navarch.domain.observed import KubeState
from navarch.reconcile.metrics import WorkerMetrics


class MeasuredAddons:
    """Keeps `addons.contract.Addons` by handing every call on to `addons`, and tells `metrics` how long it took."""

    def __init__(self, addons: Addons, metrics: WorkerMetrics) -> None:
        self._addons, self._figures = addons, metrics

    def digests(self, inputs: Inputs) -> tuple[tuple[str, str], ...]:
        return self._addons.digests(inputs)  # pure: no call

    def apply(self, access: Access, inputs: Inputs, name: str) -> None:
        with self._figures.kubernetes_call("apply"):
            self._addons.apply(access, inputs, name)

    def observe(self, access: Access) -> KubeState:
        with self._figures.kubernetes_call("observe"):
            return self._addons.observe(access)

    def drain(self, access: Access, node: str) -> Draining | None:
        with self._figures.kubernetes_call("drain"):
            return self._addons.drain(access, node)

    def delete_node(self, access: Access, node: str) -> None:
        with self._figures.kubernetes_call("delete-node"):
            self._addons.delete_node(access, node)

    def give_up_node(self, access: Access, node: str) -> None:
        with self._figures.kubernetes_call("give-up-node"):
            self._addons.give_up_node(access, node)

    def serving_requests(self, access: Access) -> tuple[ServingRequest, ...]:
        with self._figures.kubernetes_call("serving-requests"):
            return self._addons.serving_requests(access)

    def decide_serving_request(self, access: Access, name: str, objection: str | None) -> None:
        with self._figures.kubernetes_call("decide-serving-request"):
            self._addons.decide_serving_request(access, name, objection)


def _keeps_the_contract(addons: MeasuredAddons) -> Addons:
    return addons  # mypy's proof that no method is missing or differs
