"""What in a cluster would be in the way of another version of Kubernetes, or would not come back after a stop.

Each part is asked for by itself: one that cannot be read is said to be unknown, and hides no other.

    webhooks, policies   what an upgrade writes is written on trial; see `admission`
    definitions          versions of objects in etcd that are not served any more
    deprecated APIs      which are asked for, by the API server's own count, and by whom, by the objects' field managers
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from navarch.addons import admission, errors, stopping
from navarch.addons.connection import Connection
from navarch.addons.foreign import name, text
from navarch.addons.parallel import at_once
from navarch.domain.errors import Permanent, Temporary
from navarch.domain.kube import ClusterObstacle

_SECONDS = 8.0  # for all of it, whatever the cluster's webhooks do
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_DEFINITIONS_A_PAGE, _PAGES_OF_DEFINITIONS = 5, 60  # some are half a megabyte
_REQUESTED = b"apiserver_requested_deprecated_apis{"
_LABEL = re.compile(r'([a-z_]+)="([^"\\]{0,253})"')
_MOST_OBSTACLES = 100
_MOST_REQUESTED, _MOST_OBJECTS, _MOST_MANAGERS, _MOST_VERSIONS = 20, 50, 5, 5
_RELEASE = re.compile(r"\d{1,3}\.\d{1,4}")
_PLURAL = re.compile(r"[a-z0-9]{1,63}")


def survey(connection: Connection) -> tuple[ClusterObstacle, ...]:
    """All that there is. Raises nothing: what cannot be read is one of them."""
    bounded = connection.within(_SECONDS)
    parts: tuple[tuple[str, Callable[[Connection], Iterator[ClusterObstacle]], bool], ...] = (
        ("webhooks and policies", admission.objections, False),
        ("definitions", _stored_versions, False),
        ("deprecated APIs", _deprecated, False),
        ("pods without a controller", stopping.pods, True),
        ("webhooks that pods wait for", stopping.webhooks, True),
    )
    found = at_once(lambda part: _read(bounded, *part), parts)
    # They are kept with the cluster's row: of too many, those that block an upgrade come first.
    everything = sorted((obstacle for part in found for obstacle in part), key=lambda obstacle: not obstacle.blocks)
    return tuple(everything[:_MOST_OBSTACLES])


def there(connection: Connection, collections: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Paths of all objects of these collections, by collection; one that cannot be read is left out."""
    found = at_once(lambda collection: _paths(connection, collection), collections)
    return {collection: paths for collection, paths in zip(collections, found, strict=True) if paths is not None}


def _paths(connection: Connection, collection: str) -> frozenset[str] | None:
    try:
        with errors.understanding(f"GET {collection}"):
            listed = connection.list(collection, page=500, pages=10, metadata_only=True)
            return frozenset(f"{collection}/{made['metadata']['name']}" for made in listed)
    except (Temporary, Permanent, errors.Absent):
        return None


def _read(
    connection: Connection, what: str, part: Callable[[Connection], Iterator[ClusterObstacle]], of_stop: bool
) -> list[ClusterObstacle]:
    try:
        with errors.understanding(what):
            return list(part(connection))
    except (Temporary, Permanent, errors.Absent) as error:
        return [
            ClusterObstacle(
                what,
                "the Kubernetes API",
                "NotKnown",
                f"could not be read: {text(str(error), 200)}",
                f"it is asked for again; look at them yourself before {'a stop' if of_stop else 'an upgrade'}",
                blocks=False,
                of_stop=of_stop,
            )
        ]


# -- definitions


def _stored_versions(connection: Connection) -> Iterator[ClusterObstacle]:
    """Of definitions: versions that etcd may hold objects in and that are not served. They can still be read, through
    the others, as long as the definition names them: so they are told and block nothing."""
    listed = connection.list(_DEFINITIONS, page=_DEFINITIONS_A_PAGE, pages=_PAGES_OF_DEFINITIONS, whole=False)
    for made in listed:
        served = {version["name"] for version in made["spec"]["versions"] if version.get("served")}
        stored = made.get("status", {}).get("storedVersions") or ()
        gone = [text(version, 63) for version in stored if version not in served][:_MOST_VERSIONS]
        if gone:
            yield ClusterObstacle(
                f"CustomResourceDefinition {name(made['metadata']['name'])}",
                "etcd",
                "StoredVersionNotServed",
                f"etcd may hold objects of {', '.join(gone)}, which is not served any more",
                "write each of its objects once, unchanged, then take the version out of status.storedVersions",
                blocks=False,
            )


# -- deprecated APIs


def _deprecated(connection: Connection) -> Iterator[ClusterObstacle]:
    """What somebody has asked this API server for since it started, and a release removes. Of several API servers the
    one that answers is asked."""
    for line in connection.lines("/metrics", _REQUESTED, most=_MOST_REQUESTED):
        said = dict(_LABEL.findall(line.decode("ascii", "replace")))
        group, version, resource = (said.get(key, "") for key in ("group", "version", "resource"))
        removed = said.get("removed_release", "")
        if not _RELEASE.fullmatch(removed) or not _PLURAL.fullmatch(resource) or not _PLURAL.fullmatch(version):
            continue  # deprecated, and here to stay
        if group and not name(group):
            continue
        api = f"{group}/{version}" if group else version
        managers = _managers(connection, api, f"/apis/{api}/{resource}" if group else f"/api/{api}/{resource}")
        who = f"; it is written by {', '.join(managers)}" if managers else "; who asks only reads, or writes no longer"
        yield ClusterObstacle(
            f"API {api} {resource}",
            "requests to the API server",
            "DeprecatedAPIRequested",
            f"somebody asks for it, and Kubernetes {removed} serves it no longer{who}",
            "have them ask for a newer version of it; the audit log names them (annotation k8s.io/deprecated)",
            blocks=False,
            removed_in=removed,
        )


def _managers(connection: Connection, api: str, path: str) -> tuple[str, ...]:
    """Field managers that wrote through this version of an API, as far as its first objects tell."""
    found: dict[str, None] = {}
    try:
        for made in connection.list(path, page=_MOST_OBJECTS, pages=1, whole=False, metadata_only=True):
            found |= {text(m["manager"], 100): None for m in _fields(made) if m.get("apiVersion") == api}
    except (Temporary, Permanent, errors.Absent):
        return ()
    return tuple(found)[:_MOST_MANAGERS]


def _fields(made: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [m for m in made["metadata"].get("managedFields", ())[:_MOST_OBJECTS] if m.get("manager")]
