"""Puts the rooms together. Decides nothing.

What only one of the two processes needs is imported where it is needed: the API holds no cloud client, the worker no
HTTP service, and both stay small.
"""

from base64 import b64decode
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from navarch.bootstrap.sealing import load_keys
from navarch.domain.catalogue import Catalogue
from navarch.domain.spec import Cluster
from navarch.domain.steps import Step
from navarch.main.settings import Settings
from navarch.reconcile.worker import Log, Worker
from navarch.store.postgres import PostgresStore
from navarch.store.private import PrivatePostgres

if TYPE_CHECKING:
    from navarch.addons.contract import Addons
    from navarch.clouds.contract import Cloud


def utc_now() -> datetime:
    """The clock of this process."""
    return datetime.now(UTC)


def private_database(settings: Settings) -> PrivatePostgres | None:
    """The PostgreSQL that this Navarch runs itself, or None where the settings name another."""
    return None if settings.database.dsn else PrivatePostgres(settings.database.private_folder)


def open_store(settings: Settings, *, name: str) -> PostgresStore:
    """The store; connections are made when first needed."""
    private = private_database(settings)
    dsn = private.dsn if private is not None else settings.database.dsn
    return PostgresStore(dsn, max_connections=settings.database.pool_size, name=name)


def start_worker(settings: Settings, store: PostgresStore, log: Log, *, name: str) -> Worker:
    """A worker that runs until it is stopped."""
    from navarch.reconcile.act import Hands, JoinEndpoint
    from navarch.reconcile.runtime import Threads

    cloud, addons = _simulated(settings) if settings.cloud.simulator else _real(settings)
    hands = Hands(
        cloud=cloud,
        addons=addons,
        store=store,
        sealer=load_keys(settings.keys.sealing_file),
        join=JoinEndpoint(settings.api.public_url, settings.api.certificate_ca.read_text()),
        navarch_cidrs=settings.worker.api_source_cidrs,
        runtime=Threads(),
    )
    worker = Worker(hands, log, name=name, threads=settings.worker.threads, calls=settings.worker.calls)
    worker.start()
    return worker


def _real(settings: Settings) -> "tuple[Cloud, Addons]":
    """OpenStack, and the clusters in it."""
    from navarch.addons.client import KubernetesClusters
    from navarch.clouds.openstack.cloud import OpenStackCloud
    from navarch.clouds.openstack.session import OpenStackSettings

    cloud = settings.cloud
    openstack = OpenStackSettings(
        auth_url=cloud.auth_url,
        username=cloud.username,
        password=cloud.password_file.read_text().strip(),
        user_domain_name=cloud.user_domain,
        project=cloud.project,
        project_domain_name=cloud.project_domain,
        region=cloud.region,
        ca_file=cloud.ca_file or None,
        cluster_domain=cloud.cluster_domain,
        load_balancer_provider=cloud.load_balancer_provider,
    )
    return OpenStackCloud(openstack), KubernetesClusters()


def _simulated(settings: Settings) -> "tuple[Cloud, Addons]":
    """A region in another process, and the clusters in it."""
    from navarch.clouds.contract import Endpoint
    from navarch.simulator.client import SimulatedCloudClient, SimulatedClustersClient, Simulator

    simulator = Simulator(settings.cloud.simulator)
    endpoint = Endpoint(settings.cloud.auth_url, settings.cloud.region)
    return SimulatedCloudClient(simulator, endpoint), SimulatedClustersClient(simulator)


def plan_from_nothing(cluster: Cluster, catalogue: Catalogue) -> tuple[Step, ...]:
    """What `dry_run` shows."""
    from navarch.domain.simulate import rehearse

    return rehearse(cluster, catalogue, now=utc_now())


def serve_api(settings: Settings, store: PostgresStore) -> None:
    """The HTTP service, until the process is asked to end."""
    from navarch.api.app import create_app
    from navarch.api.keystone import KeystoneIdentity, keystone_session
    from navarch.api.serving import serve
    from navarch.api.settings import ApiSettings
    from navarch.bootstrap.tickets import ReportTokens

    cloud = settings.cloud
    session = keystone_session(
        cloud.auth_url,
        username=cloud.username,
        password=cloud.password_file.read_text().strip(),
        project=cloud.project,
        user_domain=cloud.user_domain,
        project_domain=cloud.project_domain,
        ca_file=cloud.ca_file,
    )
    app = create_app(
        store=store,
        identity=KeystoneIdentity(session),
        sealer=load_keys(settings.keys.sealing_file),
        report_tokens=ReportTokens(b64decode(settings.keys.report_file.read_text(), validate=False)),
        settings=ApiSettings(policy_file=settings.api.policy_file),
        planner=plan_from_nothing,
    )
    serve(
        app,
        host=settings.api.listen,
        port=settings.api.port,
        certificate=settings.api.certificate,
        key=settings.api.key,
    )
