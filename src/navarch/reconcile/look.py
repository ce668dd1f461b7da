"""Looking: the cloud, the machines' reports and the Kubernetes API, read once into a frozen `Observed`.

A full look asks for every kind of object. Between full looks of a cluster that this worker alone has held since, only
what is still on its way is asked for again (servers that build, a balancer that is pending): an idle cloud API is worth
more to a booting machine than a second look at a router.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import TypeVar
from urllib.parse import urlsplit

from navarch.addons.cloud_conf import cloud_conf
from navarch.addons.contract import Access, Inputs
from navarch.bootstrap.kubeconfig import SERVER_NAME, admin_access
from navarch.bootstrap.vault import SECRETS
from navarch.domain import names
from navarch.domain.deletion import left_over
from navarch.domain.duplicates import api_balancer, api_floating_ip, own_network, used_first
from navarch.domain.errors import NavarchError, Permanent, Temporary
from navarch.domain.findings import overdue_machines
from navarch.domain.observed import (
    API_STARTS_IN,
    FIELD_OF_KIND,
    CloudState,
    Kind,
    KubeState,
    Observed,
    Trouble,
)
from navarch.domain.offer import Offer, VolumeType
from navarch.domain.spec import Cluster, Role
from navarch.domain.status import Phase, Status
from navarch.reconcile.act import ClusterAccess, Dependencies, read_secrets, unsettled
from navarch.reconcile.runtime import Answer, Calls

T = TypeVar("T")
FULL_LOOK_EVERY = timedelta(seconds=20)  # while a cluster changes; one that is Ready is looked at in full each time
ACCESS_IS_RENEWED = timedelta(minutes=40)  # the worker's client certificate is good for an hour
_REMEMBERED = 5000  # clusters whose last look is kept


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the last cycle knew. Good only if nobody else held the cluster since: the next token."""

    token: int
    cloud: CloudState
    full_at: datetime
    kube: KubeState | None = None


@dataclass(frozen=True, slots=True)
class _Key:
    """The worker's certificate for a cluster, and its controllers' password: good whoever held the cluster since."""

    access: Access
    made_at: datetime
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """A look, the way into the cluster that was found, and what the last look knew (None: nothing)."""

    observed: Observed
    inside: ClusterAccess
    before: Observed | None


class Observer:
    """Takes looks, and remembers the last one of each cluster. Safe to use from threads."""

    def __init__(self, dependencies: Dependencies, calls: Calls) -> None:
        self._dependencies, self._calls = dependencies, calls
        self._memories: OrderedDict[str, _Memory] = OrderedDict()
        self._keys: OrderedDict[str, _Key] = OrderedDict()
        self._lock = Lock()

    def look(self, cluster: Cluster, status: Status, token: int, offer: Offer) -> Seen:
        """Read everything that may have changed."""
        now = self._dependencies.runtime.now()
        memory = self._recall(cluster.id, token)
        machines = self._dependencies.store.machines(cluster.id, removed=True)
        known = memory.cloud if memory is not None else None
        last = Observed(
            cloud=known or CloudState(),
            machines=machines,
            kube=memory.kube if memory is not None else None,
            api_internal_address=status.api_internal_address or "",
            api_public_address=urlsplit(status.api_url or "").hostname or "",
        )
        kinds = self._kinds(cluster, status, memory, last, now)
        reading: Answer[CloudState] = self._calls.submit(self._dependencies.cloud.observe, names.owner(cluster), kinds)
        secrets_ready = cluster.id in self._keys or self._dependencies.store.sealed(cluster.id, SECRETS) is not None
        # the way in is known from the last look: read the cluster beside the cloud
        inside = ClusterAccess()
        kube, trouble = None, ""
        if known is not None:
            inside = self._way_in(cluster, last, offer, now)
            kube, trouble = self._kube(inside)
        cloud = _join(known, reading.result())
        if known is None:
            inside = self._way_in(cluster, replace(last, cloud=cloud), offer, now)
            kube, trouble = self._kube(inside)
        digests: tuple[tuple[str, str], ...] = ()
        try:
            digests = self._dependencies.addons.digests(inside.inputs) if inside.inputs is not None else ()
        except Permanent as error:  # the node image lacks a component
            lacking = Trouble(error.reason, error.message, "add-ons", error.responsible.value, error.remedy)
            cloud = replace(cloud, trouble=(*cloud.trouble, lacking))
        observed = replace(
            last,
            cloud=cloud,
            kube=kube,
            kube_trouble=trouble,
            secrets_ready=secrets_ready,
            addon_digests=digests,
            fresh=kinds is None,
        )
        observed = replace(observed, consoles=self._consoles(cluster, observed, now))
        full_at = now if kinds is None or memory is None else memory.full_at
        self._remember(cluster.id, _Memory(token, cloud, full_at, kube))
        return Seen(observed, inside, last if memory is not None else None)

    def remember(self, cluster_id: str, token: int, observed: Observed) -> None:
        """Keep what the cycle's acting added to the look."""
        with self._lock:
            memory = self._memories.get(cluster_id)
            if memory is not None and memory.token == token:
                self._memories[cluster_id] = replace(memory, cloud=observed.cloud, kube=observed.kube)

    def forget(self, cluster_id: str) -> None:
        """Drop what is known: the next look is a full one."""
        with self._lock:
            self._memories.pop(cluster_id, None)
            self._keys.pop(cluster_id, None)

    def _recall(self, cluster_id: str, token: int) -> _Memory | None:
        with self._lock:
            memory = self._memories.get(cluster_id)
        return memory if memory is not None and memory.token == token - 1 else None

    def _remember(self, cluster_id: str, memory: _Memory) -> None:
        with self._lock:
            _keep(self._memories, cluster_id, memory)

    def _kinds(
        self,
        cluster: Cluster,
        status: Status,
        memory: _Memory | None,
        last: Observed,
        now: datetime,
    ) -> frozenset[Kind] | None:
        """Which kinds to ask for; None: all of them."""
        if memory is None or now - memory.full_at > FULL_LOOK_EVERY or not memory.cloud.complete:
            return None
        if cluster.deleting:  # what was there; when that is gone, a full look makes sure
            return frozenset(kind for kind, _ in left_over(cluster, memory.cloud)) or None
        if status.phase is Phase.READY and status.observed_generation == cluster.generation:
            return None
        return unsettled(cluster, last, now)

    def _way_in(
        self,
        cluster: Cluster,
        seen: Observed,
        offer: Offer,
        now: datetime,
    ) -> ClusterAccess:
        owner = names.owner(cluster)
        address, balancer = api_floating_ip(seen, owner), api_balancer(seen, owner)
        starting = any(
            m.role is Role.CONTROL_PLANE and not m.removed and any(p.step in API_STARTS_IN for p in m.boot)
            for m in seen.machines
        )
        if cluster.deleting or address is None or balancer is None or not starting:
            return ClusterAccess()
        key = self._key(cluster.id, f"https://{address.address}:6443", now)
        if key is None:
            return ClusterAccess()
        return ClusterAccess(key.access, self._inputs(cluster, seen, offer, key.password))

    def _key(self, cluster_id: str, url: str, now: datetime) -> _Key | None:
        """The one in use, or a new one; None where the cluster's keys were not made yet."""
        with self._lock:
            key = self._keys.get(cluster_id)
        if key is not None and key.access.url == url and now - key.made_at <= ACCESS_IS_RENEWED:
            return key
        secrets = read_secrets(self._dependencies, cluster_id)
        if secrets is None:
            return None
        ca, certificate, private = admin_access(secrets, now)
        key = _Key(Access(url, ca, certificate, private, SERVER_NAME), now, secrets.cloud_password)
        with self._lock:
            _keep(self._keys, cluster_id, key)
        return key

    def _inputs(self, cluster: Cluster, seen: Observed, offer: Offer, password: str) -> Inputs | None:
        """What add-ons are rendered from; None while part of it is not known yet."""
        owner, endpoint = names.owner(cluster), self._dependencies.cloud.endpoint
        ca = endpoint.ca_certificate
        identity = next((i for i in seen.cloud.identities or () if i.trust_id), None)
        network, subnet = own_network(used_first(seen.cloud), owner)
        balancer = api_balancer(seen, owner)
        release = offer.release(cluster.spec.kubernetes_version)
        external = offer.external_network(cluster.spec.network.external_network)
        if identity is None or identity.trust_id is None or network is None or subnet is None:
            return None
        if balancer is None or release is None or external is None:
            return None
        configuration = cloud_conf(
            auth_url=endpoint.auth_url,
            region=endpoint.region,
            user_id=identity.id,
            password=password,
            trust_id=identity.trust_id,
            subnet_id=subnet.id,
            floating_network_id=external.id,
            has_ca=bool(ca),
        )
        return Inputs(
            cluster=cluster,
            components=dict(release.components),
            api_address=balancer.vip_address,
            api_port=6443,
            mtu=network.mtu,
            cloud_files={"cloud.conf": configuration, **({"ca.crt": ca} if ca else {})},
            volume_types=tuple((t.name, t.zones) for t in _default_first(cluster, offer)),
            zones=offer.zones,
            machines={m.name: m.group for m in seen.machines if not m.removing and not m.removed},
        )

    def _kube(self, inside: ClusterAccess) -> tuple[KubeState | None, str]:
        if inside.access is None:
            return None, ""
        try:
            return self._dependencies.addons.observe(inside.access), ""
        except (Temporary, Permanent) as error:
            return None, error.message

    def _consoles(self, cluster: Cluster, observed: Observed, now: datetime) -> tuple[tuple[str, str], ...]:
        consoles = []
        for server in overdue_machines(cluster, observed, now):
            try:
                consoles.append((server.name, self._dependencies.cloud.console(names.owner(cluster), server.id)))
            except NavarchError:
                continue  # the condition says the rest
        return tuple(consoles)


def _keep(kept: OrderedDict[str, T], cluster_id: str, value: T) -> None:
    """Remember it as the newest; the oldest goes where there are too many."""
    kept[cluster_id] = value
    kept.move_to_end(cluster_id)
    while len(kept) > _REMEMBERED:
        kept.popitem(last=False)


def _default_first(cluster: Cluster, offer: Offer) -> tuple[VolumeType, ...]:
    """The cloud's volume types, the one of the etcd disks first: it is known to be fast, so it is the default class."""
    fast = cluster.spec.control_plane.etcd_volume.type
    return tuple(sorted(offer.volume_types, key=lambda t: (t.name != fast, t.name)))


def _join(known: CloudState | None, read: CloudState) -> CloudState:
    """What was read now over what was known. A kind that could not be read is unknown, not as before."""
    if known is None:
        return read
    failed = {t.subject for t in read.trouble}
    fields = {
        name: value
        for kind, name in FIELD_OF_KIND.items()
        if (value := getattr(read, name)) is not None or kind.value in failed
    }
    return replace(known, **fields, trouble=read.trouble)
