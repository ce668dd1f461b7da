"""The lab's machines through the real nova, cinder and neutron: what is asked of them, what bad luck does to them."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openstack
import pytest

from navarch_lab.layout import Layout
from navarch_lab_plugins.cgroups import hierarchies
from navarch_lab_plugins.machine import Machine
from navarch_lab_plugins.network import Switch

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
LAYOUT = Layout.from_environment()
GIB = 1 << 30


def until(look: Callable[[], Any], what: str, within: float = 180) -> Any:
    """The first true thing that `look` returns."""
    end = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < end, f"after {within} s still not: {what}"
        time.sleep(0.2)
    return found


@dataclass
class Server:
    """A nova server of the customer and the machine that it is."""

    cloud: Any
    id: str
    volume: str
    """The volume it was created with."""

    @property
    def machine(self) -> Machine:
        return Machine(LAYOUT.machines, self.id, Switch("false", ""))

    @property
    def status(self) -> str:
        return str(self.cloud.compute.get_server(self.id).status)

    @property
    def settled(self) -> bool:
        return self.cloud.compute.get_server(self.id).task_state is None

    def wait(self, status: str) -> None:
        until(lambda: self.status == status and self.settled, f"server {status}")

    def inside(self, script: str) -> str:
        """Run a shell script as a process of the machine, limits included; its output, and its exit code at the end."""
        entries = (self.machine.folder / "cgroups").read_text().split()
        enter = f'for entry in {" ".join(entries)}; do echo $$ > $entry; done; exec nsenter -t "$1" -a -- sh -c "$2"'
        words = ["sh", "-c", enter, "sh", str(self.machine.init()), f"{script}; echo $?"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False)
        return done.stdout + done.stderr

    def disks(self) -> set[str]:
        return set(self.inside("ls /dev/disk/by-id").split()[:-1])


def link(volume: str) -> str:
    return f"virtio-{volume[:20]}"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Any]:
    """An ordinary customer, with a network."""
    customer = openstack.connect(
        cloud="alpha",
        compute_default_microversion="2.90",
        block_storage_default_microversion="3.59",
    )
    name = f"lab-machines-{uuid.uuid4().hex[:8]}"
    network = customer.network.create_network(name=name)
    subnet = customer.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.87.0.0/24", name=name)
    external = next(iter(customer.network.networks(is_router_external=True)))
    router = customer.network.create_router(name=name, external_gateway_info={"network_id": external.id})
    customer.network.add_interface_to_router(router, subnet=subnet.id)
    customer.lab_network = network.id
    yield customer
    customer.network.remove_interface_from_router(router, subnet=subnet.id)
    customer.network.delete_router(router)
    customer.network.delete_network(network)


@pytest.fixture(scope="module")
def volumes(cloud: Any) -> Iterator[Callable[[int], str]]:
    """Makes volumes in zone z1; all are gone at the end."""
    made = []

    def make(gib: int) -> str:
        volume = cloud.block_storage.create_volume(
            size=gib, volume_type="ssd", availability_zone="z1", name="lab-machines"
        )
        made.append(volume)
        until(lambda: cloud.block_storage.get_volume(volume).status == "available", "volume available")
        return str(volume.id)

    yield make
    for volume in made:
        until(functools.partial(is_free, cloud, volume), "volume free")
        cloud.block_storage.delete_volume(volume)


def is_free(cloud: Any, volume: Any) -> bool:
    return bool(cloud.block_storage.get_volume(volume).status == "available")


def create(cloud: Any, volume: str) -> Server:
    """A server in zone z1 from the node image, with a volume from the beginning."""
    image = next(
        i for i in cloud.image.images(visibility="public", status="active") if "navarch_image_digest" in i.properties
    )
    made = cloud.compute.create_server(
        name=f"lab-machines-{uuid.uuid4().hex[:8]}",
        flavor_id=next(f.id for f in cloud.compute.flavors() if f.name == "m1.small"),
        image_id=image.id,
        networks=[{"uuid": cloud.lab_network}],
        availability_zone="z1",
        config_drive=True,
        block_device_mapping=[
            {"boot_index": 0, "source_type": "image", "uuid": image.id, "destination_type": "local"},
            {"boot_index": -1, "source_type": "volume", "uuid": volume, "destination_type": "volume"},
        ],
    )
    server = Server(cloud, str(made.id), volume)
    server.wait("ACTIVE")
    return server


@pytest.fixture(scope="module")
def server(cloud: Any, volumes: Callable[[int], str]) -> Iterator[Server]:
    made = create(cloud, volumes(1))
    yield made
    cloud.compute.delete_server(made.id)
    cloud.compute.wait_for_delete(cloud.compute.get_server(made.id), interval=1, wait=120)


@pytest.fixture
def running(server: Server) -> Server:
    """The server, running whatever the test before did to it."""
    if server.status != "ACTIVE":
        server.cloud.compute.start_server(server.id)
        server.wait("ACTIVE")
    return server


def test_a_volume_given_at_creation_is_there_when_the_machine_runs(running: Server) -> None:
    assert running.disks() == {link(running.volume)}
    assert running.inside(f"blockdev --getsize64 /dev/disk/by-id/{link(running.volume)}").split() == [str(GIB), "0"]


def test_the_root_disk_is_an_ext4_of_the_flavors_size(running: Server) -> None:
    kind, size = running.inside("stat -f -c '%T %b*%S' /").split()[:2]
    blocks, block = size.split("*")
    assert kind == "ext2/ext3"  # what stat calls all of its kin
    assert 0.9 * 20 * GIB < int(blocks) * int(block) <= 20 * GIB


def test_the_machine_sees_its_flavors_memory_and_only_its_own_disks(running: Server) -> None:
    assert running.inside("grep MemTotal /proc/meminfo").split()[1] == str(2048 * 1024)
    assert running.inside("ls /dev | grep ^vd").split() == ["vda", "vdb", "0"]


def test_a_process_that_wants_more_memory_than_the_flavor_has_is_killed(running: Server) -> None:
    assert running.inside("python3 -c 'bytearray(3 << 30)'").split()[0] == "137"
    assert running.machine.running()


def test_two_busy_loops_get_no_more_than_the_one_processor_of_the_flavor(running: Server) -> None:
    used = Path("/sys/fs/cgroup/cpuacct/nspawn") / running.machine.name / "cpuacct.usage"
    before, began = int(used.read_text()), time.monotonic()
    running.inside("for i in 1 2; do timeout 3 sh -c 'while :; do :; done' & done; wait")
    assert (int(used.read_text()) - before) / 1e9 < 1.2 * (time.monotonic() - began)


def test_a_volume_comes_grows_and_goes_while_the_machine_runs(
    cloud: Any, running: Server, volumes: Callable[[int], str]
) -> None:
    volume = volumes(1)
    node = f"/dev/disk/by-id/{link(volume)}"
    cloud.compute.create_volume_attachment(running.id, volume=volume)
    until(lambda: cloud.block_storage.get_volume(volume).status == "in-use", "volume in use")
    assert running.disks() == {link(running.volume), link(volume)}
    written = running.inside(f"mkfs.ext4 -qF {node} && mount {node} /mnt && echo kept > /mnt/word && umount /mnt")
    assert written.split()[-1] == "0", written

    cloud.block_storage.extend_volume(volume, 2)
    until(lambda: running.inside(f"blockdev --getsize64 {node}").split()[0] == str(2 * GIB), "the new size seen inside")
    until(lambda: cloud.block_storage.get_volume(volume).status == "in-use", "volume in use again")
    assert running.inside(f"mount {node} /mnt && cat /mnt/word && umount /mnt").split() == ["kept", "0"]

    cloud.compute.delete_volume_attachment(cloud.compute.get_server(running.id), volume)
    until(lambda: cloud.block_storage.get_volume(volume).status == "available", "volume free")
    assert running.disks() == {link(running.volume)}


def test_a_port_comes_and_goes_while_the_machine_runs(cloud: Any, running: Server) -> None:
    port = cloud.network.create_port(network_id=cloud.lab_network)
    cloud.compute.create_server_interface(running.id, port_id=port.id)
    assert f"link/ether {port.mac_address}" in running.inside("ip link")
    cloud.compute.delete_server_interface(port.id, server=running.id)
    until(lambda: f"link/ether {port.mac_address}" not in running.inside("ip link"), "the interface gone")
    # Neutron lets a customer delete a port only once nova has let go of it.
    until(lambda: not cloud.network.get_port(port).device_id, "the port free")
    cloud.network.delete_port(port)


@pytest.mark.parametrize("kind", ["SOFT", "HARD"])
def test_a_reboot_brings_a_new_init_with_the_same_disks(cloud: Any, running: Server, kind: str) -> None:
    before = running.machine.init()
    cloud.compute.reboot_server(running.id, kind)
    until(lambda: running.machine.init() not in (0, before), "a new init")
    running.wait("ACTIVE")
    assert running.disks() == {link(running.volume)}


def test_a_reboot_from_inside_leaves_nova_believing_what_is_true(running: Server) -> None:
    until(lambda: "running" in running.inside("systemctl is-system-running"), "the machine up")
    before = running.machine.init()
    running.inside("reboot")
    until(lambda: running.machine.init() not in (0, before), "a new init")
    time.sleep(15)  # longer than nova takes to compare power states
    assert running.status == "ACTIVE"
    assert running.disks() == {link(running.volume)}


def test_a_stopped_machine_is_off_and_comes_back_with_its_disk(cloud: Any, running: Server) -> None:
    cloud.compute.stop_server(running.id)
    running.wait("SHUTOFF")
    assert not running.machine.running()
    cloud.compute.start_server(running.id)
    running.wait("ACTIVE")
    assert running.disks() == {link(running.volume)}


LAST_WORDS = """
cat > /etc/systemd/system/last-words.service <<'end'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStop=/bin/sh -c 'echo asked >> /root/last-words'
[Install]
WantedBy=multi-user.target
end
systemctl enable --now last-words
"""


def test_a_server_that_is_stopped_shuts_itself_down_and_one_that_loses_its_power_does_not(
    cloud: Any, running: Server
) -> None:
    running.inside(LAST_WORDS)
    cloud.compute.stop_server(running.id)
    running.wait("SHUTOFF")
    cloud.compute.start_server(running.id)
    running.wait("ACTIVE")
    until(lambda: running.inside("systemctl is-active last-words").split()[0] == "active", "its units run again", 60)
    lab("fault", "kill-machine", running.id)
    running.wait("SHUTOFF")
    cloud.compute.start_server(running.id)
    running.wait("ACTIVE")
    assert running.inside("cat /root/last-words").split() == ["asked", "0"]


def test_a_power_cut_is_noticed(cloud: Any, running: Server) -> None:
    lab("fault", "kill-machine", running.id)
    assert not running.machine.running()
    running.wait("SHUTOFF")


def test_a_pulled_cable_is_felt_until_it_is_plugged_in_again(running: Server) -> None:
    carrier = "/sys/class/net/eth0/carrier"
    lab("fault", "cut-network", running.id)
    assert running.inside(f"cat {carrier}").split() == ["0", "0"]
    lab("fault", "cut-network", running.id, "--restore")
    assert running.inside(f"cat {carrier}").split() == ["1", "0"]


def test_the_console_tells_of_the_boot(cloud: Any, running: Server) -> None:
    assert "Welcome to" in cloud.compute.get_server_console_output(running.id, length=2000)["output"]


def test_a_machine_outlives_its_compute_service_and_is_still_obeyed(cloud: Any, running: Server) -> None:
    record = running.machine.record
    assert record is not None
    init = running.machine.init()
    service = json.loads((LAYOUT.run / f"nova-compute-{record.host}.json").read_text())
    os.kill(service["pid"], signal.SIGKILL)
    lab("up")
    assert running.machine.init() == init
    until(lambda: host_is_up(record.host), f"{record.host} up")
    cloud.compute.reboot_server(running.id, "HARD")
    until(lambda: running.machine.init() not in (0, init), "a new init")
    running.wait("ACTIVE")


def test_nothing_is_left_of_a_deleted_server(cloud: Any, volumes: Callable[[int], str]) -> None:
    volume = volumes(1)
    made = create(cloud, volume)
    machine = made.machine
    cloud.compute.delete_server(made.id)
    cloud.compute.wait_for_delete(cloud.compute.get_server(made.id), interval=1, wait=120)
    assert not machine.folder.exists()
    assert not (LAYOUT.root_disks / "disks" / f"{made.id}.raw").exists()
    assert not Path(f"/run/netns/{machine.cabling.namespace}").exists()
    assert [root for root in hierarchies() if (root / "nspawn" / machine.name).exists()] == []
    loops = subprocess.run(["losetup", "--list", "--output", "BACK-FILE"], capture_output=True, text=True, check=True)
    assert made.id not in loops.stdout
    assert volume not in loops.stdout
    assert made.id not in Path("/proc/mounts").read_text()


def host_is_up(host: str) -> bool:
    admin = openstack.connect(cloud="admin")
    return any(s.state == "up" for s in admin.compute.services(host=host, binary="nova-compute"))


def lab(*words: str) -> None:
    program = Path(sys.executable).parent / "navarch-lab"
    done = subprocess.run([str(program), *words], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
