"""What each module of a kind offers: how objects of that kind are read, removed, and given their name and mark back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from navarch.clouds.openstack import errors, marks
from navarch.clouds.openstack.session import Json, Project, Service
from navarch.domain.cloud import Resource
from navarch.domain.openstack.resources import Kind
from navarch.domain.spec import Owner
from navarch.domain.steps import Step


@dataclass(frozen=True, slots=True)
class Found:
    """The owner's objects of a kind. `astray`: (id, name now) of those that are known to be the owner's and do not say
    so themselves any more."""

    resources: tuple[Resource, ...]
    astray: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Handler:
    """One kind. `read` is given the ids of objects that are known to be the owner's: it shows them as long as they
    exist. `ensure`: the steps that make such objects or change them. `restore` None: their name cannot be changed."""

    kind: Kind
    read: Callable[[Project, Owner, frozenset[str]], Found]
    remove: Callable[[Project, Owner, str, str], None]
    restore: Callable[[Project, Owner, str, str], None] | None = None
    ensure: Mapping[type[Step], Callable[[Project, Owner, Any], Resource]] = field(default_factory=dict)


def marked(service: Service, owner: Owner, collection: str, kind: Kind, **query: Any) -> list[Json]:
    """Neutron's objects whose description is the owner's mark. Raises Temporary where the service answers with others,
    too: what it does not filter must not be taken for the owner's."""
    wanted: dict[str, Any] = {
        "description": marks.mark(owner),
        **{key: query[key] for key in ("name", "network_id") if key in query},
    }
    query = {**wanted, "project_id": owner.project_id, **query}
    doing = f"look up {kind}s"
    found = service.items(f"/{collection}", collection.replace("-", "_"), doing, **query)
    return kept_filter(service, doing, found, lambda body: all(body.get(key) == wanted[key] for key in wanted))


def marked_or_known(
    service: Service, owner: Owner, collection: str, kind: Kind, known: frozenset[str], **query: Any
) -> tuple[list[Json], tuple[tuple[str, str], ...]]:
    """The same, and those known by id that lost the mark: one more request where one is not among the others."""
    found = marked(service, owner, collection, kind, **query)
    missing = known - {body["id"] for body in found}
    if not missing:
        return found, ()
    by_id = {"id": sorted(missing), "project_id": owner.project_id, **query}
    more = service.items(f"/{collection}", collection.replace("-", "_"), f"look up {kind}s by id", **by_id)
    more = kept_filter(service, f"look up {kind}s by id", more, lambda body: body["id"] in missing)
    return [*found, *more], tuple((body["id"], body.get("name") or "") for body in more)


def kept_filter(service: Service, doing: str, found: list[Json], is_meant: Callable[[Json], bool]) -> list[Json]:
    """What was found, where all of it is meant. Raises Temporary where it is not: the service does not keep the filter,
    and nothing that it says is missing or there may be believed."""
    strangers = [body for body in found if not is_meant(body)]
    if strangers:
        raise errors.filter_not_kept(service.name, doing, str(strangers[0].get("id", "")))
    return found


def restored_in(collection: str, key: str, kind: Kind) -> Callable[[Project, Owner, str, str], None]:
    """How an object of Neutron is given its name and its mark back."""

    def restore(project: Project, owner: Owner, id_: str, name: str) -> None:
        body = {key: {"name": name, "description": marks.mark(owner)}}
        project.network.put(f"/{collection}/{id_}", body, f"give {marks.article(kind, name)} its name back")

    return restore
