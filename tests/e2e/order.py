"""In which order the end-to-end stories are told.

First those of one cluster, then those of the next (`CLUSTERS`). Of a cluster's stories those that are marked
`destructive` come last: they do not give it back as they took it. Otherwise the files of `FILES` come one after the
other, and the stories of a file as they are written there.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLUSTERS = ("one", "three")
FILES = (
    "test_first_cluster.py",  # the guide; the cluster is as fresh as its reader's
    "test_objects.py",
    "test_inside.py",
    "test_application.py",
    "test_monitoring.py",
    "test_alerting.py",
    "test_prometheus.py",
    "test_logging.py",
    "test_opentelemetry.py",
    "test_cert_manager.py",
    "test_registry_addon.py",
    "test_access.py",
    "test_three.py",
    "test_console.py",
    "test_drift.py",
    "test_life.py",
    "test_deletion.py",
)


def arrange(items: list[pytest.Item]) -> None:
    """Bring the stories among the collected tests into their order, before all other tests. Raises UsageError where a
    file has no place in it."""
    ours = [item for item in items if item.path.parent == HERE]
    homeless = {item.path.name for item in ours} - set(FILES)
    if homeless:
        raise pytest.UsageError(f"give {', '.join(sorted(homeless))} a place in FILES of {__file__}")
    ours.sort(key=_place)  # where that is the same: as they were collected
    items[:] = [*ours, *(item for item in items if item.path.parent != HERE)]


def is_destructive(item: pytest.Item) -> bool:
    """Whether it does not give its cluster back as it took it."""
    return item.get_closest_marker("destructive") is not None


def used(item: pytest.Item) -> list[str]:
    """The clusters that it takes, itself or through another fixture, in the order of `CLUSTERS`."""
    return [name for name in CLUSTERS if name in getattr(item, "fixturenames", ())]


def _place(item: pytest.Item) -> tuple[int, bool, int]:
    last = CLUSTERS.index(used(item)[-1]) if used(item) else 0
    return last, is_destructive(item), FILES.index(item.path.name)
