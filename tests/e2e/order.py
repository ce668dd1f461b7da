"""In which order the end-to-end stories are told.

The files of `FILES` come one after the other, stories in a file as they are written there. A story that is marked
`destructive` does not give its cluster back as it took it; such stories come after all others, in the same order.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = (
    "test_first_cluster.py",  # the guide; the cluster is as fresh as its reader's
    "test_objects.py",
    "test_inside.py",
    "test_application.py",
    "test_access.py",
    "test_three.py",  # by now it has been made beside the stories before
    "test_drift.py",
    "test_deletion.py",
)


def arrange(items: list[pytest.Item]) -> None:
    """Bring the stories among the collected tests into their order, before all other tests. Raises UsageError where a
    file has no place in it."""
    ours = [item for item in items if item.path.parent == HERE]
    homeless = {item.path.name for item in ours} - set(FILES)
    if homeless:
        raise pytest.UsageError(f"give {', '.join(sorted(homeless))} a place in FILES of {__file__}")
    ours.sort(key=lambda item: (is_destructive(item), FILES.index(item.path.name)))  # else as they were collected
    items[:] = [*ours, *(item for item in items if item.path.parent != HERE)]


def is_destructive(item: pytest.Item) -> bool:
    """Whether it does not give its cluster back as it took it."""
    return item.get_closest_marker("destructive") is not None


def used(items: Sequence[pytest.Item], fixture: str) -> bool:
    """Whether any of these tests uses the fixture, itself or through another."""
    return any(fixture in getattr(item, "fixturenames", ()) for item in items)
