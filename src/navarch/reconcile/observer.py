"""Looking: the cloud, the machines' reports and the Kubernetes API, read once into a frozen `Observed`.

A full look asks for every kind of object. Between full looks of a cluster that this worker alone has held since, only
what is still on its way is asked for again (machines that are being made, a balancer that is pending): an idle cloud
API is worth more to a booting machine than a second look at a router."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from navarch.addons.contract import Asks, Inputs
from navarch.bootstrap.vault import SECRETS
from navarch.domain import names
from navarch.domain.autoscaling import all_pods_due, asks_for_pods
from navarch.domain.cloud import CloudState, Trouble
from navarch.domain.conditions import is_converged
from navarch.domain.errors import NavarchError, Permanent, Temporary
from navarch.domain.findings import overdue_machines
from navarch.domain.kube import KubeState
from navarch.domain.observed import Observed, Record, Wanted
from navarch.domain.obstacles import Survey, asks_for_survey
from navarch.domain.offer import Offer
from navarch.domain.plan.decisions import asks_for_evictions, asks_for_members
from navarch.domain.providers import infrastructure, recognised
from navarch.domain.spec import Cluster
from navarch.domain.status import Phase
from navarch.reconcile.access import ClusterAccess, Keyring
from navarch.reconcile.addon_inputs import addon_inputs
from navarch.reconcile.choosing import is_to_be_counted
from navarch.reconcile.dependencies import Dependencies
from navarch.reconcile.remembered import Remembered
from navarch.reconcile.runtime import Answer, Calls
from navarch.store.contract import Claim

FULL_LOOK_EVERY = timedelta(seconds=20)  # while a cluster changes; one that is Ready is looked at in full each time
RESTING_FULL_LOOK_EVERY = timedelta(seconds=140)  # but for one that is looked at often, for its pods' sake
PUT_OFF = timedelta(seconds=140)  # for so long where pods wait: machines are asked for sooner


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the last cycle knew. Good only if nobody else held the cluster since: the next token."""

    token: int
    cloud: CloudState
    full_at: datetime
    kube: KubeState | None = None
    pods_at: datetime | None = None
    pods_count: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen, what the last look knew (None: nothing), what is wanted beside the spec, the way into the cluster
    and what its add-ons are rendered from (None: not known yet). `pods_at`: when all pods were last seen; `pods_count`:
    how many there were; None: nobody said; `pods_wait`: whether some waited now, or could not be read. `full_at`: when
    every kind was last asked for."""

    observed: Observed
    before: Observed | None
    wanted: Wanted
    full_at: datetime
    access: ClusterAccess | None = None
    inputs: Inputs | None = None
    pods_at: datetime | None = None
    pods_wait: bool = False
    pods_count: int | None = None


class Observer:
    """Takes looks, and remembers the last one of each cluster. Safe to use from threads."""

    def __init__(self, dependencies: Dependencies, calls: Calls) -> None:
        self._dependencies, self._calls = dependencies, calls
        self._keyring = Keyring(dependencies)
        self._memories: Remembered[_Memory] = Remembered()
        self._hurried: Remembered[bool] = Remembered()

    def look(self, claim: Claim, offer: Offer) -> Look:
        """Read everything that may have changed."""
        cluster, now = claim.cluster, self._dependencies.clock.now()
        memory = self._memories.get(cluster.id)
        if memory is not None and memory.token != claim.token - 1:
            memory = None
        pods_at, pods_count = (memory.pods_at, memory.pods_count) if memory is not None else (None, None)
        last = Observed(
            cloud=memory.cloud if memory is not None else CloudState(),
            record=self._record(claim),
            kube=memory.kube if memory is not None else None,
            survey=claim.status.survey,
        )
        hurried = self._hurried.get(cluster.id)
        self._hurried.drop(cluster.id)
        if hurried:
            pods_at = None
        kinds = self._kinds(claim, memory, last, now, pods_wait=hurried is False)
        reading: Answer[CloudState] = self._calls.submit(self._read_cloud, claim, kinds)
        # the way in is known from the last look: read the cluster beside the cloud
        access, kube, silence = self._kube(claim, last, pods_at) if memory is not None else (None, None, "")
        seen = replace(last, cloud=last.cloud.joined(reading.result()), fresh=kinds is None)
        if access is None:
            access, kube, silence = self._kube(claim, seen, pods_at)
        survey = Survey(now, kube.obstacles) if kube is not None and kube.obstacles is not None else seen.survey
        seen = replace(seen, kube=kube, kube_trouble=silence, survey=survey)
        seen, inputs, wanted = self._wanted(cluster, seen, access, offer, now)
        seen = replace(seen, consoles=self._consoles(cluster, seen, now))
        full_at = now if kinds is None or memory is None else memory.full_at
        if kube is not None and kube.pods is not None and kube.pods.all:
            pods_at, pods_count = now, kube.pods.count
        self._memories.put(cluster.id, _Memory(claim.token, seen.cloud, full_at, kube, pods_at, pods_count))
        pods = kube.pods if kube is not None else None
        waits = asks_for_pods(cluster) and (pods is None or bool(pods.waiting))
        before = last if memory is not None else None
        return Look(seen, before, wanted, full_at, access, inputs, pods_at, waits, pods_count)

    def hurry(self, cluster_id: str, all_pods: bool = False) -> None:
        """Pods wait there: the next look need not be a full one, though that would be due. `all_pods`: pods came or
        went instead, and it is for all of them, though that would not be due."""
        self._hurried.put(cluster_id, all_pods)

    def remember(self, cluster_id: str, token: int, observed: Observed) -> None:
        """Keep what the cycle's acting added to the look."""
        memory = self._memories.get(cluster_id)
        if memory is not None and memory.token == token:
            self._memories.put(cluster_id, replace(memory, cloud=observed.cloud, kube=observed.kube))

    def forget(self, cluster_id: str) -> None:
        """Drop what is known: the next look is a full one."""
        self._memories.drop(cluster_id)
        self._keyring.forget(cluster_id)

    def _record(self, claim: Claim) -> Record:
        store, status, cluster_id = self._dependencies.store, claim.status, claim.cluster.id
        return Record(
            machines=store.machines(cluster_id, removed=True),
            objects=claim.objects,
            secrets_ready=cluster_id in self._keyring or store.sealed(cluster_id, SECRETS) is not None,
            api_internal_address=status.api_internal_address or "",
            api_public_address=urlsplit(status.api_url or "").hostname or "",
            revoked=claim.revoked,
            revoking=claim.revoking,
            credentials=claim.credentials,
            chosen=store.chosen(cluster_id) if claim.chooses else (),
        )

    def _read_cloud(self, claim: Claim, kinds: frozenset[StrEnum] | None) -> CloudState:
        read = self._dependencies.cloud.observe(names.owner(claim.cluster), kinds, claim.objects)
        return recognised(read, claim.objects)

    def _kinds(
        self, claim: Claim, memory: _Memory | None, last: Observed, now: datetime, *, pods_wait: bool
    ) -> frozenset[StrEnum] | None:
        """Which kinds to ask for; None: all of them."""
        cluster, status = claim.cluster, claim.status
        if memory is None:
            return None
        known = infrastructure(cluster, last, now)
        # One that is looked at often for its pods' sake is asked for in full as often as others that are Ready.
        rests = status.phase is Phase.READY and is_converged(cluster, status) and asks_for_pods(cluster)
        age, usual = now - memory.full_at, RESTING_FULL_LOOK_EVERY
        recent = age < usual + PUT_OFF if pods_wait else age < usual and not claim.stirred
        if rests and known.complete and not known.unsettled() and recent:
            return frozenset()
        if now - memory.full_at > FULL_LOOK_EVERY or not known.complete:
            return None
        if cluster.deleting:  # what was there; when that is gone, a full look makes sure
            return frozenset(kind for kind, _ in known.leftovers()) or None
        if status.phase is Phase.READY and status.observed_generation == cluster.generation:
            return None
        return known.unsettled()

    def _kube(
        self, claim: Claim, seen: Observed, pods_at: datetime | None
    ) -> tuple[ClusterAccess | None, KubeState | None, str]:
        """The way in, what the Kubernetes API says, and why it says nothing."""
        cluster, now = claim.cluster, self._dependencies.clock.now()
        all_pods = pods_at is None or all_pods_due(cluster, claim.status.autoscaling, pods_at) <= now
        endpoint = infrastructure(cluster, seen, now).endpoint
        access = self._keyring.access(cluster, seen, endpoint)
        if access is None:
            return None, None, ""
        try:
            survey = asks_for_survey(cluster, seen.record.live, seen.survey, now)
            asks = Asks(
                asks_for_members(cluster, seen),
                asks_for_evictions(cluster, seen),
                survey,
                pods=asks_for_pods(cluster),
                all_pods=asks_for_pods(cluster) and all_pods,
                revoked=seen.record.revoked,
                chosen=tuple((c.name, c.status.items) for c in seen.record.chosen if c.status.applied),
                complaints=tuple(
                    (c.name, c.terms.health) for c in seen.record.chosen if c.status.applied and c.terms.health
                ),
                beside=tuple(c.name for c in seen.record.chosen if is_to_be_counted(c, now)),
            )
            said = self._dependencies.addons.observe(access.api, asks)
            return access, said.by_our_clock(now, self._dependencies.clock.now()), ""
        except (Temporary, Permanent) as error:
            return access, None, error.message

    def _wanted(
        self, cluster: Cluster, seen: Observed, access: ClusterAccess | None, offer: Offer, now: datetime
    ) -> tuple[Observed, Inputs | None, Wanted]:
        wanted = Wanted(api_source_cidrs=self._dependencies.api_source_cidrs)
        if access is None:
            return seen, None, wanted
        cloud = infrastructure(cluster, seen, now)
        inputs = addon_inputs(cluster, seen, cloud, self._dependencies.cloud, offer, access.password)
        if inputs is None:
            return seen, None, wanted
        try:
            return seen, inputs, replace(wanted, addons=self._dependencies.addons.digests(inputs))
        except Permanent as error:  # the node image lacks a component
            lacking = Trouble(error.reason, error.message, "add-ons", error.responsible.value, error.remedy)
            return replace(seen, cloud=replace(seen.cloud, trouble=(*seen.cloud.trouble, lacking))), inputs, wanted

    def _consoles(self, cluster: Cluster, seen: Observed, now: datetime) -> tuple[tuple[str, str], ...]:
        owner, consoles = names.owner(cluster), []
        for machine, view in overdue_machines(seen, infrastructure(cluster, seen, now), now):
            try:
                consoles.append((machine.name, self._dependencies.cloud.console(owner, view.id)))
            except NavarchError:
                continue  # the condition says the rest
        return tuple(consoles)
