"""Objects as their service keeps them: the document that its API shows, and what the API does not show."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from navarch.simulator.openstack.messages import Json
from navarch.simulator.openstack.timeline import Timeline

_REMEMBERED = 60.0  # seconds for which a list that lags may still show what is gone


class Object:
    """`body` is the document, `hidden` what no answer shows; `born` and `gone` are seconds of the timeline."""

    __slots__ = ("body", "born", "gone", "hidden", "id", "kind", "project_id")

    def __init__(self, kind: str, body: Json, project_id: str, born: float, hidden: Json) -> None:
        self.kind, self.body, self.project_id, self.born, self.hidden = kind, body, project_id, born, hidden
        self.id = str(body["id"])
        self.gone: float | None = None

    def __getitem__(self, key: str) -> Any:
        return self.body[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.body[key] = value

    @property
    def name(self) -> str:
        """As the API has it; empty where the kind has none."""
        return str(self.body.get("name") or "")


class Collection:
    """All objects of a kind. `lags`: whether to keep what a list needs that shows the past."""

    def __init__(self, kind: str, timeline: Timeline) -> None:
        self.kind, self.lags = kind, False
        self._timeline = timeline
        self._all: dict[str, Object] = {}
        self._of: defaultdict[str, dict[str, Object]] = defaultdict(dict)
        self._gone: list[Object] = []

    def __iter__(self) -> Iterator[Object]:
        """Every one that is there, the oldest first. What is added or removed meanwhile does no harm."""
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def get(self, id_: str | None) -> Object | None:
        """The one with this id."""
        return self._all.get(id_ or "")

    def of(self, project_id: str) -> list[Object]:
        """A project's, the oldest first."""
        return list(self._of[project_id].values())

    def count(self, project_id: str) -> int:
        """How many the project has."""
        return len(self._of[project_id])

    def listed(self, project_id: str | None, lag: float = 0.0) -> list[Object]:
        """A project's (None: everybody's), as they were known `lag` seconds ago."""
        found = list(self._all.values()) if project_id is None else self.of(project_id)
        if lag:
            then = self._timeline.now - lag
            found = [o for o in found if o.born <= then]
            found += [o for o in self._gone if o.born <= then < (o.gone or 0.0) and project_id in (None, o.project_id)]
        return found

    def add(self, body: Json, project_id: str, **hidden: Any) -> Object:
        """A new object."""
        made = Object(self.kind, body, project_id, self._timeline.now, hidden)
        self._all[made.id] = self._of[project_id][made.id] = made
        return made

    def drop(self, gone: Object) -> bool:
        """Let an object be gone; False: it was already."""
        if self._all.pop(gone.id, None) is None:
            return False
        del self._of[gone.project_id][gone.id]
        gone.gone = self._timeline.now
        if self.lags:
            self._gone = [o for o in self._gone if (o.gone or 0.0) > self._timeline.now - _REMEMBERED]
            self._gone.append(gone)
        return True
