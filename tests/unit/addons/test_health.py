"""Whether an object has what it is to have, of kinds that others' operators make pods of."""

from typing import Any

import pytest

from navarch.addons.health import waiting


@pytest.mark.parametrize("kind", ["Prometheus", "Alertmanager"])
@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, "not looked at yet"),
        ({"conditions": [{"type": "Reconciled", "status": "True"}]}, "not looked at yet"),
        ({"conditions": [{"type": "Available", "status": "True"}]}, ""),
        ({"conditions": [{"type": "Available", "status": "Degraded", "reason": "SomePodsNotReady"}]},
         "not available: SomePodsNotReady"),
        ({"conditions": [{"type": "Available", "status": "False", "message": "pod p-0 waits"}]},
         "not available: pod p-0 waits"),
    ],
)  # fmt: skip
def test_what_prometheus_operator_makes_pods_of_is_there_once_they_are_ready(
    kind: str, status: dict[str, Any], said: str
) -> None:
    assert waiting({"kind": kind, "metadata": {"generation": 1}, "spec": {}, "status": status}) == said
