"""The lab's namespace, its one veth to the host, and the switch inside."""

import subprocess
from pathlib import Path

from navarch_lab import namespaces
from navarch_lab.layout import Installed, Layout
from navarch_lab.namespaces import ip
from navarch_lab.progress import LabError
from navarch_lab.topology import (
    CHASSIS,
    EXTERNAL_BRIDGE,
    HOST_ADDRESS,
    HOST_VETH,
    INTEGRATION_BRIDGE,
    LAB_VETH,
    NETNS,
    PHYSICAL_NETWORK,
    PREFIX_LENGTH,
    SERVICE_ADDRESS,
)


def ensure_namespace() -> None:
    """The namespace, and the veth with the host's address. Call on the host's side, after the guard."""
    if not namespaces.exists(NETNS):
        ip("netns", "add", NETNS)
    ip("link", "set", "lo", "up", netns=NETNS)
    if not namespaces.device_exists(HOST_VETH):
        ip("link", "add", HOST_VETH, "type", "veth", "peer", "name", LAB_VETH, "netns", NETNS)
    ip("link", "set", LAB_VETH, "up", netns=NETNS)
    # IPv6 autoconfiguration on the host's end would be an address nobody asked for.
    ipv6 = Path(f"/proc/sys/net/ipv6/conf/{HOST_VETH}/disable_ipv6")
    if ipv6.exists():
        ipv6.write_text("1")
    ip("addr", "replace", f"{HOST_ADDRESS}/{PREFIX_LENGTH}", "dev", HOST_VETH)
    ip("link", "set", HOST_VETH, "up")


def remove_namespace() -> None:
    """Everything `ensure_namespace` made. The veth goes with either end."""
    if namespaces.device_exists(HOST_VETH):
        ip("link", "del", HOST_VETH)
    if namespaces.exists(NETNS):
        ip("netns", "del", NETNS)


def vsctl(layout: Layout, installed: Installed, *words: str) -> None:
    """One ovs-vsctl call on the lab's switch."""
    command = [str(installed.ovs_bin / "ovs-vsctl"), f"--db=unix:{layout.ovs_socket}", "--timeout=20", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}", log=layout.log / "ovs-vswitchd.log")


def create_database(installed: Installed, path: Path, schema: str) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    command = [str(installed.ovs_bin / "ovsdb-tool"), "create", str(temporary), str(installed.ovs_share / schema)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}")
    temporary.rename(path)


def configure_switch(layout: Layout, installed: Installed) -> None:
    """Settings that must be there before ovs-vswitchd and ovn-controller start."""
    # Without userspace TSO, TCP between machines needs checksums switched off in each and is ten times slower.
    vsctl(
        layout, installed, "--no-wait", "init", "--",
        "set", "Open_vSwitch", ".", "other_config:userspace-tso-enable=true",
        f"external_ids:system-id={CHASSIS}",
        f"external_ids:hostname={CHASSIS}",
        f"external_ids:ovn-remote=unix:{layout.sb_socket}",
        "external_ids:ovn-encap-type=geneve",
        "external_ids:ovn-encap-ip=127.0.0.1",
        f"external_ids:ovn-bridge={INTEGRATION_BRIDGE}",
        "external_ids:ovn-bridge-datapath-type=netdev",
        f"external_ids:ovn-bridge-mappings={PHYSICAL_NETWORK}:{EXTERNAL_BRIDGE}",
        "external_ids:ovn-cms-options=enable-chassis-as-gw",
        "external_ids:ovn-monitor-all=true",
        "external_ids:ovn-openflow-probe-interval=60",
    )  # fmt: skip


def create_bridges(layout: Layout, installed: Installed) -> None:
    """The integration bridge, and the external bridge with the host's veth and the services' address."""
    vsctl(
        layout, installed,
        "--may-exist", "add-br", INTEGRATION_BRIDGE, "--",
        "set", "bridge", INTEGRATION_BRIDGE, "datapath_type=netdev", "fail_mode=secure",
        "other_config:disable-in-band=true", "--",
        "--may-exist", "add-br", EXTERNAL_BRIDGE, "--",
        "set", "bridge", EXTERNAL_BRIDGE, "datapath_type=netdev", "--",
        "--may-exist", "add-port", EXTERNAL_BRIDGE, LAB_VETH,
    )  # fmt: skip
    ip("addr", "replace", f"{SERVICE_ADDRESS}/{PREFIX_LENGTH}", "dev", EXTERNAL_BRIDGE)
    ip("link", "set", EXTERNAL_BRIDGE, "up")
