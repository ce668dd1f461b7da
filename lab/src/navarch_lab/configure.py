"""Writing every configuration file of the lab. Files hold passwords, so all of them are root's alone."""

from pathlib import Path

from navarch_lab import certificates, plugins, processes
from navarch_lab.conf import compute, gateway, identity, network, objects, registry, storage
from navarch_lab.conf.ini import Context, Ini, render
from navarch_lab.credentials import write_private
from navarch_lab.layout import Layout
from navarch_lab.services import OCTAVIA_SOCKETS
from navarch_lab.topology import HOSTS, VOLUME_BACKENDS


def rabbitmq(password: str) -> str:
    return f"""\
listeners.tcp.1 = 127.0.0.1:5672
default_user = openstack
default_pass = {password}
loopback_users = none
vm_memory_high_watermark.absolute = 512MB
log.console = false
"""


def files(context: Context) -> dict[str, str]:
    """Path below etc -> content, for all services."""
    layout = context.layout
    inis: dict[str, Ini] = {
        "keystone/keystone.conf": identity.keystone(context),
        "placement/placement.conf": identity.placement(context),
        "glance/glance-api.conf": identity.glance(context),
        "neutron/neutron.conf": network.neutron(context),
        "neutron/metadata.ini": network.metadata_agent(context),
        "octavia/octavia.conf": network.octavia(context),
        "cinder/cinder.conf": storage.cinder(context),
    }
    inis |= {f"nova/{name}": ini for name, ini in compute.nova(context).items()}
    inis |= {f"swift/{name}": ini for name, ini in objects.swift(context).items()}
    return {path: render(ini) for path, ini in inis.items()} | {
        "rabbitmq/rabbitmq.conf": rabbitmq(context.passwords["rabbitmq"]),
        "rabbitmq/enabled_plugins": "[].\n",
        "haproxy/haproxy.cfg": gateway.haproxy(layout),
        "haproxy/faults.lua": gateway.FAULTS_LUA,
        "registry/config.yaml": registry.config(layout),
        "registry/password": context.passwords["registry"] + "\n",
        "dnsmasq.conf": gateway.dnsmasq(layout, (certificates.DNS_NAME,)),
    }


def write_all(context: Context) -> None:
    """Write all that differs from what is there, and make the folders the services expect."""
    layout = context.layout
    for folder in (*folders(layout), Path(objects.device(context))):
        folder.mkdir(parents=True, exist_ok=True)
    layout.state.chmod(0o700)
    for name in ("fernet-keys", "credential-keys"):
        (layout.data / "keystone" / name).chmod(0o700)
    for path, text in files(context).items():
        write_private(layout.etc / path, text)
    # nova looks for its paste file beside nova.conf.
    paste = context.installed.venv / "etc" / "nova" / "api-paste.ini"
    write_private(layout.etc / "nova" / "api-paste.ini", paste.read_text())
    certificates.ensure(layout.ca_file, layout.etc / "haproxy" / "server.pem")
    if not processes.alive(processes.read(layout.run / "haproxy.json")):
        write_private(gateway.faults_map(layout), "")
    plugins.lay_out(layout)


def folders(layout: Layout) -> list[Path]:
    data = layout.data
    return [
        layout.etc,
        layout.log,
        layout.run / "ovn",
        layout.home,
        layout.machines,
        data / "locks",
        data / "ovn",
        data / "rabbitmq",
        data / "keystone" / "fernet-keys",
        data / "keystone" / "credential-keys",
        *(data / "glance" / name for name in ("images", "staging", "tasks")),
        data / "registry",
        data / "nova",
        *(data / f"nova-{host}" / "instances" for host in HOSTS),
        data / "neutron",
        *(data / "cinder" / name for name in ("conversion", "coordination")),
        *(data / "volumes" / backend for backend in VOLUME_BACKENDS),
        OCTAVIA_SOCKETS,
    ]
