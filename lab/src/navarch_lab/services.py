"""Every process of the lab: how it is started, what it comes after, and how one sees that it is ready."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from navarch_lab import plugins
from navarch_lab.conf.ini import Context
from navarch_lab.ready import answers_http, bound, listens, says
from navarch_lab.topology import (
    APIS,
    EPMD_PORT,
    ERLANG_DIST_PORT,
    HOSTS,
    MARIADB_PORT,
    MEMCACHED_PORT,
    METADATA_PORT,
    OBJECT_SERVERS,
    RABBITMQ_PORT,
    REGISTRY_PORT,
    SERVICE_ADDRESS,
)

OCTAVIA_SOCKETS = Path("/var/run/octavia")
"""Fixed in octavia's library: its OVN provider looks for the driver agent here and nowhere else."""

Probe = Callable[[Path, int], bool]
"""(log, size of the log when the process was started) -> whether the service is ready."""


@dataclass(frozen=True, slots=True)
class Service:
    """One supervised process."""

    name: str
    argv: tuple[str, ...]
    ready: Probe
    after: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 120
    """Seconds until it must be ready; more than it ever needs on a busy machine."""


_CHAIN = {
    "rabbitmq": -15, "mariadb": -15, "keystone-api": -10, "placement-api": -10, "nova-conductor": -10,
    "neutron-api": -5, "neutron-ovn-agent": -5, "octavia-driver-agent": -5,
}  # fmt: skip
"""Those that others wait for, with their nice value while they start. All services start at once, and two processors
would else give the broker a twentieth of their time while everything waits for it."""


def starting_nice(name: str) -> int:
    """Nice value of a service until the lab is up."""
    return -5 if name.startswith("nova-compute-") else _CHAIN.get(name, 0)


def environment(context: Context) -> dict[str, str]:
    """What every process gets. The caller's own environment stays out: an OS_* variable there would be obeyed."""
    path = f"{context.installed.ovs_bin}:{context.installed.bin}:/usr/sbin:/usr/bin:/sbin:/bin"
    return {
        "PATH": path,
        "HOME": str(context.layout.home),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(context.layout.plugins),
        "PYTHONWARNINGS": "ignore",
        # glibc gives each thread an arena of its own by default; two save some 20 MiB a service.
        "MALLOC_ARENA_MAX": "2",
    }


def all_services(context: Context) -> tuple[Service, ...]:
    """Every service. Names in `after` may also be those of one-off steps (see `lab`)."""
    return (
        *_switch(context), *_gateway(context), *_registry(context), *_infrastructure(context), *_openstack(context),
        *_swift(context),
    )  # fmt: skip


def _switch(context: Context) -> tuple[Service, ...]:
    layout, program = context.layout, context.installed.ovs_bin
    run, data = layout.run / "ovn", layout.data / "ovn"
    folders = {
        f"{prefix}_{kind}DIR": str(folder)
        for prefix in ("OVS", "OVN")
        for kind, folder in (("RUN", run), ("LOG", layout.log), ("DB", data))
    } | {"OVS_SYSCONFDIR": str(data)}

    def database(name: str, file: str, socket: Path) -> Service:
        argv = (f"{program}/ovsdb-server", f"{data}/{file}.db", f"--remote=punix:{socket}")
        control = f"--unixctl={run}/{name}.ctl"
        return Service(name, (*argv, control, "-vconsole:warn"), bound(socket), frozenset({"ovn-files"}), folders)

    return (
        database("ovsdb-local", "conf", layout.ovs_socket),
        database("ovsdb-nb", "nb", layout.nb_socket),
        database("ovsdb-sb", "sb", layout.sb_socket),
        Service(
            "ovs-vswitchd",
            # --monitor: a crash restarts it, and the machines' network with it.
            (
                f"{program}/ovs-vswitchd", "--monitor", f"--pidfile={run}/ovs-vswitchd.pid",
                f"--unixctl={run}/ovs-vswitchd.ctl", "-vconsole:warn", f"unix:{layout.ovs_socket}",
            ),
            bound(run / "ovs-vswitchd.ctl"),
            frozenset({"switch-settings"}),
            folders,
        ),
        Service(
            "ovn-northd",
            (
                f"{program}/ovn-northd", f"--ovnnb-db=unix:{layout.nb_socket}", f"--ovnsb-db=unix:{layout.sb_socket}",
                f"--unixctl={run}/ovn-northd.ctl", "-vconsole:warn",
            ),
            bound(run / "ovn-northd.ctl"),
            frozenset({"ovsdb-nb", "ovsdb-sb"}),
            folders,
        ),
        Service(
            "ovn-controller",
            (
                f"{program}/ovn-controller", "-vconsole:warn", f"--unixctl={run}/ovn-controller.ctl",
                f"unix:{layout.ovs_socket}",
            ),
            bound(run / "ovn-controller.ctl"),
            frozenset({"bridges", "ovsdb-sb"}),
            folders,
        ),
    )  # fmt: skip


def _gateway(context: Context) -> tuple[Service, ...]:
    etc = context.layout.etc
    return (
        Service(
            "haproxy",
            ("haproxy", "-db", "-f", f"{etc}/haproxy/haproxy.cfg"),
            listens(APIS["keystone"].port, SERVICE_ADDRESS),
            frozenset({"bridges"}),
        ),
        Service(
            "dnsmasq",
            ("dnsmasq", "--keep-in-foreground", f"--conf-file={etc}/dnsmasq.conf"),
            listens(53, SERVICE_ADDRESS),
            frozenset({"bridges"}),
        ),
    )


def _registry(context: Context) -> tuple[Service, ...]:
    """Only where its program was built: what uses no add-on of the catalogue needs none."""
    layout = context.layout
    if not layout.registry_program.exists():
        return ()
    argv = (str(layout.registry_program), "serve", f"{layout.etc}/registry/config.yaml")
    return (Service("registry", argv, listens(REGISTRY_PORT, SERVICE_ADDRESS), frozenset({"bridges"})),)


def _infrastructure(context: Context) -> tuple[Service, ...]:
    layout = context.layout
    rabbitmq = layout.data / "rabbitmq"
    return (
        Service(
            "mariadb",
            (
                "mariadbd", "--no-defaults", "--user=root", f"--datadir={layout.data / 'mariadb'}",
                f"--socket={layout.mariadb_socket}", f"--port={MARIADB_PORT}", "--bind-address=127.0.0.1",
                f"--pid-file={layout.run / 'mariadb.pid'}", "--max-connections=600", "--skip-name-resolve",
                # A power cut of the host may lose the last second; the lab can be made anew, so speed wins.
                "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--sync-binlog=0",
                "--innodb-buffer-pool-size=96M", "--innodb-log-file-size=48M", "--performance-schema=OFF",
            ),
            listens(MARIADB_PORT),
            frozenset({"mariadb-files"}),
        ),
        Service(
            "rabbitmq",
            ("/usr/lib/rabbitmq/bin/rabbitmq-server",),
            listens(RABBITMQ_PORT),
            environment={
                "HOME": str(rabbitmq),
                "RABBITMQ_NODENAME": "navarch-lab@localhost",
                "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODE_PORT": str(RABBITMQ_PORT),
                "RABBITMQ_DIST_PORT": str(ERLANG_DIST_PORT),
                "ERL_EPMD_ADDRESS": "127.0.0.1",
                "ERL_EPMD_PORT": str(EPMD_PORT),
                # One scheduler that sleeps when there is nothing to do: idle CPU counts here, throughput does not.
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
                "RABBITMQ_MNESIA_BASE": str(rabbitmq / "mnesia"),
                "RABBITMQ_LOG_BASE": str(layout.log),
                "RABBITMQ_CONFIG_FILE": str(layout.etc / "rabbitmq" / "rabbitmq.conf"),
                "RABBITMQ_CONF_ENV_FILE": "/dev/null",
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(layout.etc / "rabbitmq" / "enabled_plugins"),
                "RABBITMQ_PID_FILE": str(layout.run / "rabbitmq.pid"),
                "RABBITMQ_ADVANCED_CONFIG_FILE": str(layout.etc / "rabbitmq" / "advanced.config"),
            },
        ),
        Service(
            "memcached",
            ("memcached", "-u", "root", "-l", "127.0.0.1", "-p", str(MEMCACHED_PORT), "-U", "0", "-m", "32", "-t", "1"),
            listens(MEMCACHED_PORT),
        ),
    )  # fmt: skip


def _openstack(context: Context) -> tuple[Service, ...]:
    etc, bin_folder = context.layout.etc, context.installed.bin
    nova = ("--config-file", f"{etc}/nova/nova.conf")
    neutron = ("--config-file", f"{etc}/neutron/neutron.conf")
    cinder = ("--config-file", f"{etc}/cinder/cinder.conf")
    octavia = ("--config-file", f"{etc}/octavia/octavia.conf")

    def api(
        name: str,
        port: int,
        module: str,
        after: set[str],
        words: tuple[str, ...] = (),
        processes: int = 1,
        **variables: str,
    ) -> Service:
        argv = [
            f"{bin_folder}/uwsgi", "--http-socket", f"127.0.0.1:{port}", "--module", f"{module}:application",
            "--virtualenv", str(context.installed.venv), "--enable-threads", "--threads", "6",
            *(("--master", "--processes", str(processes)) if processes > 1 else ()),
            "--lazy-apps", "--need-app", "--die-on-term", "--buffer-size", "65535",
            # uWSGI's own HTTP socket does not keep connections; a client must be told.
            "--add-header", "Connection: close", "--so-keepalive", "--disable-logging",
        ]  # fmt: skip
        if words:
            argv += ["--pyargv", " ".join(words)]
        # Neutron's processes tell each other their start by a file here, named after their parent's PID: one that an
        # earlier run left behind must not be believed.
        scratch = {"TMPDIR": str(context.layout.run / "tmp" / name)}
        return Service(name, tuple(argv), answers_http(port), frozenset(after), {**scratch, **variables})

    services = [
        Service(
            "nova-conductor",
            (f"{bin_folder}/nova-conductor", *nova),
            says("Starting conductor node"),
            # It ends when it finds no placement service.
            frozenset({"rabbitmq", "schema-nova", "placement-api", "identities"}),
        ),
        api(
            "keystone-api", APIS["keystone"].port, "keystone.wsgi.api", {"schema-keystone", "memcached"},
            OS_KEYSTONE_CONFIG_FILES="keystone.conf", OS_KEYSTONE_CONFIG_DIR=f"{etc}/keystone",
        ),
        api(
            "placement-api", APIS["placement"].port, "placement.wsgi.api", {"schema-placement"},
            OS_PLACEMENT_CONFIG_DIR=f"{etc}/placement",
        ),
        api(
            "neutron-api", APIS["neutron"].port, "neutron.wsgi.api",
            {"schema-neutron", "ovsdb-nb", "ovsdb-sb"}, neutron,
            # It has most to do of all; with one, its threads spend their time in waiting for the interpreter's lock.
            processes=2,
        ),
        api(
            "nova-api", APIS["nova"].port, "nova.wsgi.osapi_compute", {"schema-nova"}, nova,
            OS_NOVA_CONFIG_DIR=f"{etc}/nova",
        ),
        api(
            "nova-metadata", METADATA_PORT, "nova.wsgi.metadata", {"schema-nova"}, nova,
            OS_NOVA_CONFIG_DIR=f"{etc}/nova",
        ),
        Service(
            "nova-scheduler",
            (f"{bin_folder}/nova-scheduler", *nova),
            says("Starting scheduler node"),
            frozenset({"rabbitmq", "schema-nova", "placement-api", "identities"}),
        ),
        api(
            "glance-api", APIS["glance"].port, "glance.wsgi.api", {"schema-glance"},
            OS_GLANCE_CONFIG_DIR=f"{etc}/glance",
        ),
        api("cinder-api", APIS["cinder"].port, "cinder.wsgi.api", {"schema-cinder"}, cinder),
        Service(
            "cinder-scheduler",
            (f"{bin_folder}/cinder-scheduler", *cinder),
            says("Starting cinder-scheduler node"),
            frozenset({"rabbitmq", "schema-cinder"}),
        ),
        Service(
            "cinder-volume",
            (f"{bin_folder}/cinder-volume", *cinder),
            says("Starting cinder-volume node"),
            frozenset({"rabbitmq", "schema-cinder"}),
        ),
        Service(
            "neutron-ovn-maintenance",
            (f"{bin_folder}/neutron-ovn-maintenance-worker", *neutron),
            says(""),
            frozenset({"neutron-api"}),
        ),
        Service(
            "neutron-ovn-agent",
            (f"{bin_folder}/neutron-ovn-agent", *neutron, "--config-file", f"{etc}/neutron/metadata.ini"),
            says(""),
            frozenset({"ovn-controller", "rabbitmq"}),
        ),
        # The agent first: without its sockets the API waits for minutes and then has no provider.
        Service(
            "octavia-driver-agent",
            (f"{bin_folder}/octavia-driver-agent", *octavia),
            bound(*(OCTAVIA_SOCKETS / f"{name}.sock" for name in ("status", "stats", "get"))),
            frozenset({"schema-octavia", "ovsdb-nb", "ovsdb-sb"}),
        ),
        api("octavia-api", APIS["octavia"].port, "octavia.wsgi.api", {"octavia-driver-agent"}, octavia),
    ]  # fmt: skip
    services.extend(compute_host(context, host) for host in HOSTS)
    return tuple(services)


def _swift(context: Context) -> tuple[Service, ...]:
    """-v: to its log here, instead of to the host's."""
    etc, bin_folder = context.layout.etc / "swift", context.installed.bin

    def server(name: str, port: int, after: set[str]) -> Service:
        argv = (f"{bin_folder}/swift-{name}-server", f"{etc}/{name}.conf", "-v")
        return Service(f"swift-{name}", argv, answers_http(port), frozenset({"rings", *after}))

    return (
        *(server(name, port, set()) for name, port in OBJECT_SERVERS.items()),
        server("proxy", APIS["swift"].port, {"memcached"}),
    )


def compute_host(context: Context, host: str) -> Service:
    """nova-compute for one of the hosts."""
    etc = context.layout.etc / "nova"
    python, program = f"{context.installed.bin}/python", str(plugins.launcher(context.layout))
    return Service(
        f"nova-compute-{host}",
        (python, program, "--config-file", f"{etc}/compute.conf", "--config-file", f"{etc}/{host}.conf"),
        says("Starting compute node"),
        # It registers itself with placement as it starts, and tries again only a minute later.
        frozenset({"nova-conductor", "placement-api", "identities", "bridges", "neutron-api"}),
    )
