"""What an entry cannot do without, so that it becomes healthy in the lab."""

from collections.abc import Callable, Mapping

from tests.e2e.clusters import Cluster

Options = tuple[str, ...]

VALUES: Mapping[str, Callable[[Cluster], Options]] = {
    # Nobody need listen there: what is not taken waits.
    "opentelemetry": lambda _: ("--set", "endpoint=http://logging.logging:9428/insert/opentelemetry/v1/logs"),
}
"""Entry -> options of `navarch addon install` for a cluster."""
