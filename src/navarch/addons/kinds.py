"""Kinds of objects that a cluster serves, and where they are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """A kind in a version: `resource` is its plural in paths; `listed`: there are lists of it."""

    group: str
    version: str
    kind: str
    resource: str
    namespaced: bool
    listed: bool = True

    @property
    def api_version(self) -> str:
        """As objects say it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def collection(self, namespace: str) -> str:
        """Path of the list; without a namespace, of all of them."""
        return collection(self.group, self.version, self.resource, namespace if self.namespaced else "")


@dataclass(frozen=True, slots=True)
class Discovery:
    """The cluster's version, and all that it serves; of each group the preferred version first."""

    version: str
    served: tuple[Served, ...]

    def of(self, api_version: str, kind: str) -> Served | None:
        """That kind in that version; None where it is not served."""
        return next((s for s in self.served if s.kind == kind and s.api_version == api_version), None)

    def apis(self) -> tuple[str, ...]:
        """As charts are told: versions, and kinds in them."""
        names = (name for s in self.served for name in (s.api_version, f"{s.api_version}/{s.kind}"))
        return tuple(dict.fromkeys(names))


def collection(group: str, version: str, resource: str, namespace: str) -> str:
    """Path of a list of objects."""
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    return f"{root}/namespaces/{namespace}/{resource}" if namespace else f"{root}/{resource}"
