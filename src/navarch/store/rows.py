"""Rows to values and back. The columns are those of queries/*.sql."""

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from psycopg.types.json import Jsonb

from navarch.domain.codec import Undecodable, decode, encode, read
from navarch.domain.credentials import Credentials
from navarch.domain.kubeconfigs import Kubeconfig
from navarch.domain.machines import BootReport, Departure, Machine, MachineFacts, MachineTemplate
from navarch.domain.observed import KnownObject
from navarch.domain.spec import Cluster, ClusterSpec, NodeGroup, NodeGroupSpec, Role
from navarch.domain.status import Event, Status
from navarch.store.contract import Claim, Pause, Stored, StoredEvent, Unreadable

Row = dict[str, Any]
T = TypeVar("T")


def json(value: object) -> Jsonb:
    """A frozen value for a jsonb column."""
    return Jsonb(encode(value))


def json_list(values: Iterable[object]) -> Jsonb:
    """Frozen values as a jsonb array."""
    return Jsonb([encode(value) for value in values])


def pairs(value: tuple[tuple[str, str], ...]) -> Jsonb:
    """Pairs as a jsonb object, which can be searched."""
    return Jsonb(dict(value))


def facts(value: MachineFacts) -> Jsonb:
    """What is known of a machine, as the array of (name, value) that the column has."""
    known = cast(dict[str, Any], encode(value))
    return Jsonb([[name, fact] for name, fact in known.items() if fact])


def cluster(row: Row) -> Cluster:
    """The wish in a row of `cluster_by_id` or its like. Raises Unreadable, as all that have a cluster's row."""
    return Cluster(
        id=row["id"],
        name=row["name"],
        project_id=row["project_id"],
        spec=_read(ClusterSpec, row, "spec"),
        created_at=row["created_at"],
        node_groups=_read(tuple[NodeGroup, ...], row, "node_groups"),
        labels=tuple(sorted(row["labels"].items())),
        generation=row["generation"],
        updated_at=row["updated_at"],
        deletion_requested_at=row["deletion_requested_at"],
        keep_volumes=row["keep_volumes"],
        created_by=row["created_by"],
        request_id=row["request_id"],
        region=row["region"],
    )


def stored(row: Row) -> Stored:
    """Wish and judgement."""
    status = _read(Status, row, "status")
    return Stored(cluster=cluster(row), status=status, paused=row["paused"], change=row["change"])


def readable(found: list[Row]) -> tuple[tuple[Stored, ...], tuple[str, ...]]:
    """Those that can be read, and the ids of the others."""
    clusters, unreadable = [], []
    for row in found:
        try:
            clusters.append(stored(row))
        except Unreadable as error:
            unreadable.append(error.cluster_id)
    return tuple(clusters), tuple(unreadable)


def claim(row: Row) -> Claim:
    """Wish, judgement and the lease's token."""
    status = _read(Status, row, "status")
    return Claim(
        cluster(row),
        status,
        row["token"],
        row["attempts"],
        row["at"],
        objects(row),
        abandoned=row["abandoned"],
        revoked=tuple(row["revoked"]),
        revoking=tuple(row["revoking"]),
        credentials=credentials(row),
        chooses=row["chooses"],
        stirred=row["stirred"],
    )


def credentials(row: Row) -> Credentials:
    """What is known of those of the cluster's controllers."""
    return Credentials(row["credentials_requested_at"], row["credentials_renewed_at"])


def objects(row: Row) -> tuple[KnownObject, ...]:
    """The cloud's objects that are known to be the cluster's."""
    return _read(tuple[KnownObject, ...], row, "objects")


def node_group(row: Row) -> NodeGroup:
    """A node group by itself."""
    return NodeGroup(
        name=row["name"],
        spec=decode(NodeGroupSpec, row["spec"]),
        generation=row["generation"],
        deletion_requested_at=row["deletion_requested_at"],
    )


def machine(row: Row) -> Machine:
    """A machine with its phase reports."""
    return Machine(
        name=row["name"],
        role=Role(row["role"]),
        group=row["node_group"],
        serial=row["serial"],
        zone=row["zone"],
        created_at=row["created_at"],
        template=decode(MachineTemplate, row["template"]),
        joined=row["joined"],
        removing=row["removing"],
        removed=row["removed"],
        removing_at=row["removing_at"],
        departure=Departure(row["departure"]) if row["departure"] else None,
        kept_at=row["kept_at"],
        boot=tuple(decode(BootReport, report) for report in row["boot"]),
        facts=decode(MachineFacts, dict(row["facts"])),
    )


def event(row: Row) -> StoredEvent:
    """A line of the timeline."""
    return StoredEvent(
        id=row["id"],
        event=Event(
            at=row["at"],
            reason=row["reason"],
            message=row["message"],
            subject=row["subject"],
            component=row["component"],
            seconds=row["seconds"],
            level=row["level"],
            generation=row["generation"],
        ),
    )


def kubeconfig(row: Row) -> Kubeconfig:
    """One that was issued."""
    return Kubeconfig(**{**row, "groups": tuple(row["groups"])})


def events(values: tuple[Event, ...]) -> Jsonb:
    """The parameter of `add_events`."""
    return json_list(values)


def pause(row: Row) -> Pause:
    """A pause; the empty project is everything."""
    return Pause(row["project_id"] or None, row["reason"], row["paused_by"], row["since"], row["clusters"])


def _read(kind: type[T], row: Row, column: str) -> T:
    try:
        return read(kind, row[column])
    except Undecodable as error:
        raise Unreadable(row["id"], f"{column}: {error}") from error
