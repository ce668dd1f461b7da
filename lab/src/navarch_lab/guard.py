"""The lab puts one network on the host. Before it does, it makes sure that nothing else there uses that range.

A wrong answer would cut the machine off from what it already talks to, so the lab refuses rather than guesses.
"""

import ipaddress
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from navarch_lab.namespaces import ip
from navarch_lab.progress import LabError
from navarch_lab.topology import EXTERNAL_CIDR, HOST_VETH


def conflicts(cidr: str, routes: Iterable[Mapping[str, Any]], resolvers: Iterable[str], own_device: str) -> list[str]:
    """Why `cidr` must not be used here; empty when it is free.

    `routes` are those of `ip -j route show table all`; default routes say nothing about a range and are ignored, and
    so is everything on the lab's own device.
    """
    wanted = ipaddress.ip_network(cidr)
    found: list[str] = []
    for route in routes:
        destination = str(route.get("dst", "default"))
        if destination == "default" or route.get("dev") == own_device:
            continue
        try:
            network = ipaddress.ip_network(destination, strict=False)
        except ValueError:
            continue
        if network.version == wanted.version and network.prefixlen > 0 and network.overlaps(wanted):
            found.append(f"{destination} is already routed by {route.get('dev', 'another device')}")
    for resolver in resolvers:
        try:
            address = ipaddress.ip_address(resolver.split("%")[0])
        except ValueError:
            continue
        if address in wanted:
            found.append(f"the resolver {resolver} lies in it")
    return found


def resolvers_of(text: str) -> list[str]:
    """Addresses of the `nameserver` lines of a resolv.conf."""
    words = (line.split() for line in text.splitlines())
    return [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]


def check_host() -> None:
    """Refuse (LabError) when the external range is in use on this host by anything but the lab's own veth."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root: it makes network namespaces, mounts and cgroups", remedy="run it as root")
    routes = json.loads(ip("-j", "-4", "route", "show", "table", "all") or "[]")
    try:
        resolvers = resolvers_of(Path("/etc/resolv.conf").read_text())
    except OSError:
        resolvers = []
    found = conflicts(EXTERNAL_CIDR, routes, resolvers, HOST_VETH)
    if found:
        raise LabError(
            f"{EXTERNAL_CIDR} is in use on this machine: {'; '.join(found)}",
            remedy="the lab needs this range for its external network; remove the route, or use another machine",
        )
