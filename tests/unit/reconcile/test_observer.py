"""What is seen of a cluster does not depend on what the cloud offers to new ones."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

import pytest
from tests.unit.addons.sample_inputs import COMPONENTS
from tests.unit.domain.clusters import NOW, OFFER, look
from tests.unit.domain.clusters import cluster as plain_cluster
from tests.unit.domain.test_drift import settled

from navarch.addons.client import KubernetesClusters
from navarch.addons.contract import Access, Asks
from navarch.bootstrap.pki import make_cluster_secrets
from navarch.bootstrap.sealing import Sealer
from navarch.bootstrap.tickets import MachineTokens
from navarch.bootstrap.vault import PASSWORD, SECRETS, close_password, close_secrets
from navarch.clouds.contract import Endpoint
from navarch.clouds.openstack import controllers
from navarch.clouds.openstack.session import OpenStackSettings
from navarch.domain.chosen import Chosen
from navarch.domain.cloud import CloudState, Trouble
from navarch.domain.kube import ClusterObstacle, KubeState
from navarch.domain.machines import BootReport, Machine
from navarch.domain.observed import KnownObject, Observed
from navarch.domain.obstacles import Survey
from navarch.domain.offer import Offer
from navarch.domain.openstack.resources import Kind
from navarch.domain.plan import plan
from navarch.domain.pods import PodsSeen
from navarch.domain.providers import known_objects
from navarch.domain.spec import Autoscaling, Cluster, Owner, Role
from navarch.domain.status import Phase, Status
from navarch.reconcile.clock import Clock
from navarch.reconcile.dependencies import Dependencies, JoinEndpoint
from navarch.reconcile.observer import Look, Observer
from navarch.reconcile.runtime import Calls, Threads
from navarch.store.contract import Claim

RELEASE = replace(OFFER.releases[0], components=tuple(COMPONENTS.items()))
CLUSTER = replace(plain_cluster(), spec=replace(plain_cluster().spec, release=RELEASE))
SETTINGS = OpenStackSettings("https://keystone.example.org/v3", "navarch", "pw", load_balancer_provider="amphora")
SEALER, WORKERS_SEALER = Sealer(b"k" * 32), Sealer(b"w" * 32)
SEALED = close_secrets(SEALER, CLUSTER.id, make_cluster_secrets(NOW))
PASSWORD_SEALED = close_password(WORKERS_SEALER, CLUSTER.id, "a password")


@dataclass
class Cloud:
    """One that shows the cluster as it was left, under the addresses that its machines know."""

    seen: Observed
    endpoint: Endpoint = field(default_factory=lambda: Endpoint(SETTINGS.auth_url, "RegionOne"))

    def observe(
        self, owner: Owner, kinds: frozenset[StrEnum] | None = None, known: Collection[KnownObject] = ()
    ) -> CloudState:
        return self.seen.cloud

    def controller_files(
        self, cluster: Cluster, seen: Observed, password: str, offer: Offer
    ) -> Mapping[str, str] | None:
        return controllers.files(SETTINGS, self.endpoint, cluster, seen, password, offer, NOW)


class Kubernetes(KubernetesClusters):
    """Renders add-ons as ever, and answers that all is well."""

    asked = 0
    asks = Asks()
    obstacles: tuple[ClusterObstacle, ...] | None = None

    def observe(self, access: Access, asks: Asks) -> KubeState:
        self.asked += 1
        self.asks = asks
        pods = PodsSeen(all=asks.all_pods) if asks.pods else None
        return KubeState("1.37.2", pods=pods, obstacles=self.obstacles if asks.survey else None)


class SilentOnce(Cloud):
    """Says nothing of balancers when it is asked for the first time."""

    def observe(
        self, owner: Owner, kinds: frozenset[StrEnum] | None = None, known: Collection[KnownObject] = ()
    ) -> CloudState:
        whole = self.seen.cloud
        if self.asked:
            return whole
        self.asked = True
        silent = Trouble("CloudNotAnswering", "Octavia answered 503", Kind.LOAD_BALANCER.value)
        return CloudState({k: v for k, v in whole.seen.items() if k is not Kind.LOAD_BALANCER}, (silent,))

    asked = False


@dataclass
class Store:
    """What was written down of one cluster."""

    kept: tuple[Machine, ...]
    sealed_secrets: bytes = field(repr=False)

    def machines(self, cluster_id: str, *, removed: bool = False) -> tuple[Machine, ...]:
        return self.kept

    def chosen(self, cluster_id: str) -> tuple[Chosen, ...]:
        return ()

    def sealed(self, cluster_id: str, name: str) -> bytes | None:
        return {SECRETS: self.sealed_secrets, PASSWORD: PASSWORD_SEALED}.get(name)


def looked(
    cluster: Cluster,
    offer: Offer,
    *,
    obstacles: tuple[ClusterObstacle, ...] | None = None,
    survey: Survey | None = None,
) -> tuple[Look, int]:
    """What is seen of the cluster when all is well with it, and how often Kubernetes was asked. `obstacles`: what it
    says where it is asked for them; `survey`: what is remembered of them."""
    kubernetes = Kubernetes()
    kubernetes.obstacles = obstacles
    observer, calls = observer_of(Cloud(booted()), kubernetes)
    try:
        return observer.look(claim_of(cluster, survey), offer), kubernetes.asked
    finally:
        calls.close()


def booted() -> Observed:
    """The cluster when all is well with it."""
    seen = settled()
    machines = tuple(
        replace(m, boot=(BootReport("KubeadmInit", "done", NOW),)) if m.role is Role.CONTROL_PLANE else m
        for m in seen.record.machines
    )
    return look(seen, machines=machines)


def observer_of(cloud: Cloud, kubernetes: Kubernetes) -> tuple[Observer, Calls]:
    """One that looks there, and what it looks with."""
    runtime = Threads()
    dependencies = Dependencies(
        cloud=cloud,  # type: ignore[arg-type]  # what a look needs of it
        addons=kubernetes,
        store=Store(cloud.seen.record.machines, SEALED),  # type: ignore[arg-type]
        sealer=SEALER,
        workers_sealer=WORKERS_SEALER,
        join=JoinEndpoint("https://kaas.example.org:9443", "", MachineTokens(b"r" * 32)),
        api_source_cidrs=(),
        runtime=runtime,
        clock=Clock(runtime.now),
    )
    calls = dependencies.runtime.calls(2, "calls")
    return Observer(dependencies, calls), calls


def claim_of(cluster: Cluster = CLUSTER, survey: Survey | None = None, *, token: int = 1) -> Claim:
    """What the store gives with the cluster."""
    seen = booted()
    status = Status(
        api_url=f"https://{seen.record.api_public_address}:6443",
        api_internal_address=seen.record.api_internal_address,
        survey=survey,
    )
    return Claim(cluster, status, token=token, attempts=0, at=NOW, objects=known_objects(cluster, seen, NOW))


def test_a_cluster_is_asked_as_soon_as_it_is_known_again_where() -> None:
    """A worker that knows nothing of it yet, and to which nothing is said of its balancer."""
    observer, calls = observer_of(SilentOnce(booted()), Kubernetes())
    try:
        first = observer.look(claim_of(token=1), OFFER)
        second = observer.look(claim_of(token=2), OFFER)
    finally:
        calls.close()
    assert first.observed.kube is None and first.observed.cloud.trouble
    assert second.observed.kube == KubeState("1.37.2")


REBUILT = replace(
    RELEASE, image_id="image-1372-b", built_at="2027", components=tuple((name, "v9.9.9") for name in COMPONENTS)
)
RENAMED = replace(OFFER.external_networks[0], name="internet")


@pytest.mark.parametrize(
    "offer",
    [
        replace(OFFER, releases=()),
        replace(OFFER, releases=(REBUILT, RELEASE)),
        replace(OFFER, external_networks=(RENAMED,)),
        replace(OFFER, flavors=()),
    ],
    ids=["the node image is hidden", "it is built anew", "the external network is renamed", "the flavors are hidden"],
)
def test_what_is_offered_to_new_clusters_changes_nothing_for_one_that_exists(offer: Offer) -> None:
    usual, _ = looked(CLUSTER, replace(OFFER, releases=(RELEASE,)))
    look, asked = looked(CLUSTER, offer)
    assert asked == 1
    assert look.observed.kube == KubeState("1.37.2")
    assert look.wanted == usual.wanted and look.wanted.addons
    assert plan(CLUSTER, look.observed, look.wanted, now=NOW) == plan(CLUSTER, usual.observed, usual.wanted, now=NOW)


def test_the_clusters_controllers_are_told_of_the_provider_that_serves_the_api() -> None:
    look, _ = looked(CLUSTER, OFFER)
    assert look.inputs is not None
    assert 'lb-provider = "amphora"' in look.inputs.cloud_files["cloud.conf"]


DENIES = ClusterObstacle("a webhook", "nodes", "WebhookDenies", "no", "remove it", blocks=True)


def test_what_an_upgrade_would_meet_is_asked_for_once_in_a_while_and_remembered_until_then() -> None:
    now = Threads().now()
    first, _ = looked(CLUSTER, OFFER, obstacles=(DENIES,))
    assert first.observed.survey is not None and first.observed.survey.obstacles == (DENIES,)
    assert now <= first.observed.survey.at <= Threads().now()

    lately = Survey(now - timedelta(minutes=9), (DENIES,))
    look, _ = looked(CLUSTER, OFFER, obstacles=(), survey=lately)
    assert look.observed.survey == lately
    look, _ = looked(CLUSTER, OFFER, obstacles=(), survey=replace(lately, at=now - timedelta(minutes=11)))
    assert look.observed.survey is not None and look.observed.survey.obstacles == ()


def test_what_an_upgrade_would_meet_is_asked_for_before_its_first_step() -> None:
    newer = replace(RELEASE, kubernetes_version="1.38.0", image_id="image-1380")
    upgraded = replace(CLUSTER, spec=replace(CLUSTER.spec, kubernetes_version="1.38.0", release=newer))
    lately = Survey(Threads().now() - timedelta(minutes=2))
    look, _ = looked(upgraded, OFFER, obstacles=(DENIES,), survey=lately)
    assert look.observed.survey is not None and look.observed.survey.obstacles == (DENIES,)


class Asked(Cloud):
    """Notes what it is asked for."""

    kinds: frozenset[StrEnum] | None = frozenset()

    def observe(
        self, owner: Owner, kinds: frozenset[StrEnum] | None = None, known: Collection[KnownObject] = ()
    ) -> CloudState:
        self.kinds = kinds
        return super().observe(owner, kinds, known)


def test_where_pods_wait_the_look_that_is_due_in_full_is_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine is asked for seconds earlier; the next look is the full one."""
    monkeypatch.setattr("navarch.reconcile.observer.RESTING_FULL_LOOK_EVERY", timedelta(0))
    monkeypatch.setattr("navarch.reconcile.observer.FULL_LOOK_EVERY", timedelta(0))
    (group,) = CLUSTER.node_groups
    scaled = replace(group, spec=replace(group.spec, autoscaling=Autoscaling(1, 9)))
    shop = replace(CLUSTER, node_groups=(scaled,))
    cloud = Asked(booted())
    observer, calls = observer_of(cloud, Kubernetes())

    def look(token: int) -> frozenset[StrEnum] | None:
        claim = claim_of(shop, token=token)
        groups = tuple((g.name, g.generation) for g in shop.node_groups)
        ready = replace(claim.status, phase=Phase.READY, observed_generation=shop.generation, observed_groups=groups)
        observer.look(replace(claim, status=ready), OFFER)
        return cloud.kinds

    try:
        assert look(1) is None and look(2) is None
        observer.hurry(shop.id)
        assert look(3) == frozenset()
        assert look(4) is None
        observer.hurry(shop.id, all_pods=True)
        assert look(5) is None, "pods that came or went are in no hurry"
        monkeypatch.setattr("navarch.reconcile.observer.PUT_OFF", timedelta(0))
        observer.hurry(shop.id)
        assert look(6) is None, "not for ever"
    finally:
        calls.close()


def test_where_pods_came_or_went_all_of_them_are_looked_at_though_that_is_not_due() -> None:
    (group,) = CLUSTER.node_groups
    scaled = replace(group, spec=replace(group.spec, autoscaling=Autoscaling(1, 9)))
    shop, kubernetes = replace(CLUSTER, node_groups=(scaled,)), Kubernetes()
    observer, calls = observer_of(Cloud(booted()), kubernetes)

    def all_pods(token: int) -> bool:
        observer.look(claim_of(shop, token=token), OFFER)
        return kubernetes.asks.all_pods

    try:
        assert all_pods(1) and not all_pods(2)
        observer.hurry(shop.id)
        assert not all_pods(3)
        observer.hurry(shop.id, all_pods=True)
        assert all_pods(4) and not all_pods(5)
    finally:
        calls.close()
