"""Puts the rooms together. Decides nothing.

What only one of the two processes needs is imported where it is needed: the API holds no cloud client, the worker no
HTTP service, and both stay small.
"""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from cryptography.x509 import load_pem_x509_certificates
from structlog.contextvars import get_contextvars

from navarch.bootstrap.registry import Registry
from navarch.bootstrap.sealing import Sealer, load_keys
from navarch.bootstrap.tickets import MachineTokens
from navarch.charts.rendering import Renderer
from navarch.domain.prices import Prices
from navarch.domain.spec import Cluster
from navarch.domain.steps import Step
from navarch.main.files import check_certificate, file_of, text_of
from navarch.reconcile.worker import Log, Worker
from navarch.service.access import Shipped
from navarch.settings import Prices as PriceSettings
from navarch.settings import Settings, SettingsError
from navarch.store.contract import WorkerStore
from navarch.store.postgres import PostgresStore

if TYPE_CHECKING:
    from navarch.addons.contract import Addons
    from navarch.clouds.openstack.session import OpenStackSettings, Trace
    from navarch.reconcile.dependencies import Dependencies
    from navarch.reconcile.metrics import WorkerMetrics


_NO_RENDERER = (
    "it is not set, and there is no navarch-render in the PATH. A worker renders the add-ons of every cluster with it;"
    " `navarch-images tools` builds it."
)


def utc_now() -> datetime:
    """The clock of this process."""
    return datetime.now(UTC)


def cloud_settings(settings: Settings) -> "OpenStackSettings":
    """How the cloud is reached. Reads the password."""
    from navarch.clouds.openstack.session import OpenStackSettings

    cloud = settings.cloud
    return OpenStackSettings(
        auth_url=cloud.auth_url,
        username=cloud.username,
        password=_password(settings),
        user_domain_name=cloud.user_domain,
        project=cloud.project,
        project_domain_name=cloud.project_domain,
        region=cloud.region,
        ca_file=_ca_file(settings) or None,
        cluster_domain=cloud.cluster_domain,
        load_balancer_provider=cloud.load_balancer_provider,
        owners=frozenset(cloud.owners),
        delegated_roles=frozenset(cloud.delegated_roles),
        volumes_per_machine=cloud.volumes_per_machine,
    )


def dependencies_for(settings: Settings, store: WorkerStore, log: Log | None) -> "Dependencies":
    """What a worker works with. Reads keys; asks nobody anything. Without `log`, requests leave no line."""
    from navarch.clouds.openstack.cloud import OpenStackCloud
    from navarch.reconcile.clock import Clock
    from navarch.reconcile.dependencies import Dependencies, JoinEndpoint
    from navarch.reconcile.measured import MeasuredAddons
    from navarch.reconcile.metrics import WorkerMetrics
    from navarch.reconcile.runtime import Threads

    metrics, api, runtime = WorkerMetrics(), settings.api, Threads()
    clock = Clock(runtime.now)
    ca = text_of("api.certificate_ca", api.certificate_ca)
    return Dependencies(
        cloud=OpenStackCloud(cloud_settings(settings), _trace(metrics, log), clock=clock.now),
        addons=MeasuredAddons(_addons(settings), metrics),
        store=store,
        sealer=_sealer(settings),
        workers_sealer=_workers_sealer(settings),
        join=JoinEndpoint(api.where_machines_join(), ca, _machine_tokens(settings)),
        api_source_cidrs=settings.worker.api_source_cidrs,
        runtime=runtime,
        clock=clock,
        metrics=metrics,
        upgrades_spread=timedelta(minutes=settings.worker.upgrades_spread_minutes),
        renderer=renderer_of(settings),
    )


def start_worker(settings: Settings, store: PostgresStore, log: Log, *, name: str) -> Worker:
    """A worker that runs until it is stopped, and its metrics for Prometheus."""
    from navarch.operate.metrics import add_process, serve_metrics

    if renderer_of(settings) is None and not settings.cloud.simulator:
        raise SettingsError(f"catalogue.renderer: {_NO_RENDERER}")
    dependencies = dependencies_for(settings, store, log)
    add_process(dependencies.metrics.registry, store)
    serve_metrics(settings.worker.metrics_listen, dependencies.metrics.registry, log)
    worker = Worker(dependencies, log, name=name, threads=settings.worker.threads, calls=settings.worker.calls)
    worker.start()
    return worker


def renderer_of(settings: Settings) -> Renderer | None:
    """What renders charts, if there is such a thing here. Raises SettingsError where the setting names what is not
    there."""
    program = settings.catalogue.renderer or which("navarch-render")
    if program is None:
        return None
    with file_of("catalogue.renderer", program):
        Path(program).stat()
    return Renderer(Path(program))


def _registry(settings: Settings) -> Registry | None:
    images = settings.images
    if not images.registry:
        return None
    ca = "" if images.ca_file is None else text_of("images.ca_file", images.ca_file)
    if ca:
        with file_of("images.ca_file", images.ca_file or ""):
            load_pem_x509_certificates(ca.encode())
    return Registry(images.registry, ca, images.mirrors)


def _password(settings: Settings) -> str:
    return text_of("cloud.password_file", settings.cloud.password_file).strip()


def _ca_file(settings: Settings) -> str:
    """Its path, once it can be read: requests would tell of it at the first request, without the setting."""
    if settings.cloud.ca_file:
        text_of("cloud.ca_file", settings.cloud.ca_file)
    return settings.cloud.ca_file


def _sealer(settings: Settings) -> Sealer:
    with file_of("keys.sealing_file", settings.keys.sealing_file):
        return load_keys(settings.keys.sealing_file)


def _workers_sealer(settings: Settings) -> Sealer:
    with file_of("keys.worker_file", settings.keys.worker_file):
        return load_keys(settings.keys.worker_file)


def sealers(settings: Settings) -> tuple[Sealer, Sealer]:
    """What clusters' keys are sealed with, and what their Keystone users' passwords are."""
    return _sealer(settings), _workers_sealer(settings)


def _machine_tokens(settings: Settings) -> MachineTokens:
    report_file = settings.keys.report_file
    with file_of("keys.report_file", report_file):
        return MachineTokens(b64decode(report_file.read_text(), validate=False))


def _addons(settings: Settings) -> "Addons":
    """The way into clusters; into those of a simulated cloud by its own."""
    if settings.cloud.simulator:
        from navarch.simulator.client import SimulatedClustersClient, Simulator

        return SimulatedClustersClient(Simulator(settings.cloud.simulator))
    from navarch.addons.client import KubernetesClusters

    # A renderer of its own: customers' charts, however many, take none of its places.
    return KubernetesClusters(renderer_of(settings))


def _trace(metrics: "WorkerMetrics", log: Log | None) -> "Trace":
    """Requests to the cloud carry the id of the customer's request, are counted, and leave a line if they change
    something or fail."""
    from navarch.clouds.openstack.session import Asked, Trace

    def asked(request: Asked) -> None:
        metrics.cloud_request(request.service, request.method, request.status, request.seconds)
        failed = request.status == 0 or request.status >= 500
        if log is not None and (failed or request.method != "GET"):
            (log.warning if failed else log.info)(
                "cloud request",
                service=request.service,
                method=request.method,
                path=request.path,
                status=request.status,
                seconds=round(request.seconds, 3),
                cloud_request_id=request.request_id,
            )

    return Trace(request_id=lambda: str(get_contextvars().get("request_id", "")), asked=asked)


def plan_from_nothing(cluster: Cluster) -> tuple[Step, ...]:
    """What `dry_run` shows."""
    from navarch.addons.catalogue import names
    from navarch.domain.rehearsal import rehearse

    return rehearse(cluster, now=utc_now(), addons=names())


def required_entries() -> tuple[Shipped, ...]:
    """The add-ons that every cluster has, as entries of the catalogue, by name."""
    from navarch.addons import catalogue

    found = (catalogue.package(name) for name in sorted(catalogue.names()))
    return tuple(Shipped(its.card, its.schema, sha256(its.chart).hexdigest(), its.chart) for its in found)


def serve_api(settings: Settings, store: PostgresStore, log: Log) -> None:
    """The HTTP service and its metrics for Prometheus, until the process is asked to end."""
    from navarch.api.app import create_app, machines_app
    from navarch.api.connections import Bounds
    from navarch.api.keystone import KeystoneIdentity, keystone_session
    from navarch.api.policy import Policy
    from navarch.api.serving import Listener, serve
    from navarch.api.settings import ApiSettings
    from navarch.operate.metrics import CertificateCollector, FleetCollector, add_process, serve_metrics

    cloud = settings.cloud
    session = keystone_session(
        cloud.auth_url,
        username=settings.api.username,
        password=text_of("api.password_file", settings.api.password_file).strip(),
        user_domain=cloud.user_domain,
        ca_file=_ca_file(settings),
    )
    check_certificate(settings.api.certificate, settings.api.key)
    with file_of("api.policy_file", settings.api.policy_file):
        Policy(settings.api.policy_file)
    api = settings.api
    bounds = Bounds(balancers=tuple(ip_network(text) for text in settings.api.balancers))
    app = create_app(
        store=store,
        identity=KeystoneIdentity(session, cluster_domain=cloud.cluster_domain, service_user=cloud.username),
        sealer=_sealer(settings),
        machine_tokens=_machine_tokens(settings),
        settings=ApiSettings(
            region=cloud.region,
            policy_file=api.policy_file,
            balancers=bounds.balancers,
            kubeconfig_seconds_most=api.kubeconfig_hours * 3600,
            prices=_prices(settings.prices),
            registry=_registry(settings),
        ),
        planner=plan_from_nothing,
        machines_too=False,
        renderer=renderer_of(settings),
        required=required_entries(),
    )
    app.state.metrics.registry.register(FleetCollector(store))
    app.state.metrics.registry.register(CertificateCollector(api.certificate.read_bytes()))
    add_process(app.state.metrics.registry, store)
    serve_metrics(settings.api.metrics_listen, app.state.metrics.registry, log)
    serve(
        Listener(app, api.listen, api.port, api.certificate, api.key, bounds),
        Listener(machines_app(app), api.machines_listen, api.machines_port, api.certificate, api.key, bounds),
    )


def _prices(said: PriceSettings) -> Prices | None:
    """What the operator gave; None: nothing."""

    def each(texts: tuple[str, ...]) -> tuple[tuple[str, Decimal], ...]:
        return tuple((name, Decimal(price)) for name, _, price in (text.rpartition("=") for text in texts))

    def one(text: str) -> Decimal | None:
        return Decimal(text) if text else None

    if not said.currency:
        return None
    return Prices(
        said.currency,
        each(said.flavor_hour),
        each(said.volume_gib_month),
        one(said.balancer_hour),
        one(said.floating_address_hour),
    )
