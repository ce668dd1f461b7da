"""A first look from outside, as a customer would take it: every endpoint over TLS, and the resolver."""

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from navarch_lab import clouds
from navarch_lab.certificates import DNS_NAME
from navarch_lab.layout import Layout
from navarch_lab.progress import LabError, Progress
from navarch_lab.topology import SERVICE_ADDRESS


def question(name: str) -> bytes:
    """A DNS query for the address of a name."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)


def resolve(name: str, server: str = SERVICE_ADDRESS, port: int = 53) -> tuple[int, str | None]:
    """(response code, first address) the resolver gives for a name; raises TimeoutError after two seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(2)
        connection.sendto(question(name), (server, port))
        answer = connection.recv(512)
    code, count = answer[3] & 15, struct.unpack(">H", answer[6:8])[0]
    return code, socket.inet_ntoa(answer[-4:]) if count else None


def check_endpoints(layout: Layout, progress: Progress) -> None:
    """Raises LabError when one of them does not answer as it should."""
    import openstack

    clouds.write(layout)
    entry = clouds.clouds(layout)["alpha"]
    cloud = openstack.connect(**entry["auth"], region_name=entry["region_name"], cacert=entry["cacert"],
                              load_yaml_config=False, load_envvars=False)  # fmt: skip
    looks: dict[str, Callable[[], Any]] = {
        "keystone": lambda: cloud.current_project_id,
        "nova": lambda: [zone.name for zone in cloud.compute.availability_zones()],
        "flavors": lambda: sorted(flavor.name for flavor in cloud.compute.flavors()),
        "glance": lambda: [image.name for image in cloud.image.images()],
        "neutron": lambda: [network.name for network in cloud.network.networks()],
        "cinder": lambda: [kind.name for kind in cloud.block_storage.types()],
        "volume zones": lambda: [zone.name for zone in cloud.block_storage.availability_zones()],
        "swift": lambda: [container.name for container in cloud.object_store.containers()],
        "octavia": lambda: [provider.name for provider in cloud.load_balancer.providers()],
    }
    for what, look in looks.items():
        began = time.monotonic()
        try:
            seen = look()
        except Exception as error:
            raise LabError(f"{what}: {error}", remedy="navarch-lab status names its log") from error
        progress.say(f"{what}: {seen} ({time.monotonic() - began:.2f} s)")
    for name, expected in ((DNS_NAME, (0, SERVICE_ADDRESS)), ("nowhere.example", (3, None))):
        if resolve(name) != expected:
            raise LabError(f"the resolver answers {resolve(name)} for {name}, expected {expected}")
    progress.say("resolver: answers")
