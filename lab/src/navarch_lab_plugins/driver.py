"""A compute driver for nova whose machines are systemd-nspawn containers (machine.py).

Nothing is kept in memory, so nova-compute may be restarted or killed at any time; machines go on running.
Not supported, and said so to nova: resize, migration, snapshot, rescue, multiattach.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import nova.conf
import nova.virt.node
import os_resource_classes as orc
from nova import exception
from nova.compute import power_state
from nova.objects import fields
from nova.virt import driver, hardware, images
from oslo_config import cfg
from oslo_log import log as logging
from oslo_serialization import jsonutils

from navarch_lab_plugins import cgroups, network, orders
from navarch_lab_plugins.commands import run
from navarch_lab_plugins.disks import detach_loops, resize_loops
from navarch_lab_plugins.machine import ROOT_NODE, Machine, machines
from navarch_lab_plugins.network import Switch
from navarch_lab_plugins.pool import open_pool
from navarch_lab_plugins.record import Record
from navarch_lab_plugins.rootfs import Images

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF
_STATE = "/var/lib/navarch-lab"
CONF.register_opts(
    [
        cfg.StrOpt("base_dir", default=f"{_STATE}/machines", help="Folder with a folder for each machine."),
        cfg.StrOpt(
            "image_dir", default=f"{_STATE}/images", help="Folder for images and root disks; a pool is mounted on it."
        ),
        cfg.StrOpt("ovs_db", default=f"unix:{_STATE}/run/ovs/db.sock", help="Database of Open vSwitch."),
        cfg.StrOpt("ovs_vsctl", default="ovs-vsctl", help="The ovs-vsctl program."),
        cfg.IntOpt("vcpus", default=8, help="Virtual CPUs this host offers."),
        cfg.IntOpt("memory_mb", default=16384, help="Memory this host offers, in MiB."),
        cfg.IntOpt("local_gb", default=200, help="Disk this host offers, in GiB."),
    ],
    group="nspawn",
)


class NspawnDriver(driver.ComputeDriver):  # type: ignore[misc]
    """Method names, arguments and promises are nova.virt.driver.ComputeDriver's."""

    capabilities: ClassVar[dict[str, bool]] = dict(
        driver.ComputeDriver.capabilities,
        has_imagecache=True,
        supports_attach_interface=True,
        supports_extend_volume=True,
        supports_image_type_raw=True,
        supports_image_type_qcow2=False,
    )

    # The host

    def init_host(self, host: str) -> None:
        cgroups.hierarchies()  # says what is wrong when this process cannot see them
        if not open_pool(Path(CONF.nspawn.image_dir)):
            LOG.warning("mkfs.xfs is not installed: every machine gets a full copy of its image")
        self._images = Images(Path(CONF.nspawn.image_dir))
        self._base = Path(CONF.nspawn.base_dir)
        self._base.mkdir(parents=True, exist_ok=True)
        self._switch = Switch(CONF.nspawn.ovs_vsctl, CONF.nspawn.ovs_db)
        self._network = network.current_namespace()

    def get_available_nodes(self, refresh: bool = False) -> list[str]:
        return [CONF.host]

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        return {nova.virt.node.get_local_node_uuid(): CONF.host}

    def get_host_ip_addr(self) -> str:
        return str(CONF.my_ip)

    def get_host_uptime(self) -> str:
        return run("uptime")

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        used = list(self._records())
        used_gb = sum(r.disk_gib for r in used)
        return {
            "vcpus": CONF.nspawn.vcpus,
            "memory_mb": CONF.nspawn.memory_mb,
            "local_gb": CONF.nspawn.local_gb,
            "vcpus_used": sum(r.vcpus for r in used),
            "memory_mb_used": sum(r.memory_mib for r in used),
            "local_gb_used": used_gb,
            "disk_available_least": CONF.nspawn.local_gb - used_gb,
            "hypervisor_type": "nspawn",
            "hypervisor_version": 252,
            "hypervisor_hostname": nodename,
            "uuid": nova.virt.node.get_local_node_uuid(),
            "cpu_info": jsonutils.dumps({}),
            "supported_instances": [(fields.Architecture.X86_64, fields.HVType.LXC, fields.VMMode.EXE)],
            "numa_topology": None,
        }

    def update_provider_tree(self, provider_tree: Any, nodename: str, allocations: Any = None) -> None:
        ratios = self._get_allocation_ratios(provider_tree.data(nodename).inventory)
        totals = {
            orc.VCPU: CONF.nspawn.vcpus,
            orc.MEMORY_MB: CONF.nspawn.memory_mb,
            orc.DISK_GB: CONF.nspawn.local_gb,
        }
        provider_tree.update_inventory(
            nodename,
            {
                name: {
                    "total": total,
                    "min_unit": 1,
                    "max_unit": total,
                    "step_size": 1,
                    "allocation_ratio": ratios[name],
                    "reserved": 0,
                }
                for name, total in totals.items()
            },
        )

    def get_volume_connector(self, instance: Any) -> dict[str, str]:
        return {"ip": CONF.my_ip, "initiator": "nspawn", "host": CONF.host}

    def cache_image(self, context: Any, image_id: str) -> bool:
        known = (Path(CONF.nspawn.image_dir) / f"{image_id}.raw").exists()
        self._fetch(context, image_id)
        return not known

    def manage_image_cache(self, context: Any, all_instances: Any) -> None:
        """Images stay: a lab has few, and the next cluster wants them again at once."""

    # What there is

    def _records(self) -> Iterator[Record]:
        return (record for m in machines(self._base, self._switch, CONF.host) if (record := m.record))

    def _machine(self, instance: Any) -> Machine:
        return Machine(self._base, instance.uuid, self._switch)

    def list_instances(self) -> list[str]:
        return [record.name for record in self._records()]

    def list_instance_uuids(self) -> list[str]:
        return [record.uuid for record in self._records()]

    def instance_on_disk(self, instance: Any) -> bool:
        return self._machine(instance).record is not None

    def get_info(self, instance: Any, use_cache: bool = True) -> Any:
        machine = self._machine(instance)
        if machine.record is None:
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        return hardware.InstanceInfo(state=power_state.RUNNING if machine.running() else power_state.SHUTDOWN)

    def get_console_output(self, context: Any, instance: Any) -> bytes:
        return self._machine(instance).console_end().encode()

    # Create and destroy

    def spawn(
        self,
        context: Any,
        instance: Any,
        image_meta: Any,
        injected_files: Any,
        admin_password: str | None,
        allocations: Any,
        network_info: Any = None,
        block_device_info: Any = None,
        power_on: bool = True,
        accel_info: Any = None,
    ) -> None:
        """The root disk is made while neutron allocates ports. Then the cables are plugged, and with a config drive
        the machine starts without waiting for the event that they work: it needs no answer from the network to know its
        addresses, and neutron is done before anything in it has something to say."""
        clock = Stopwatch()
        machine = self._machine(instance)
        root = orders.root_volume(block_device_info) or (str(self._images.disk_of(instance.uuid)), "")
        self._record(instance, *root).save(machine.folder)
        early = orders.wants_config_drive(instance) and power_on
        self._make_root(context, instance, block_device_info)
        clock.lap("root")
        ports = orders.ports(network_info)
        waiting = [("network-vif-plugged", vif["id"]) for vif in network_info or [] if vif.get("active", True) is False]
        clock.lap("neutron")
        try:
            with self.virtapi.wait_for_instance_event(
                instance, waiting, timeout=CONF.vif_plugging_timeout, error_callback=_vif_failed
            ):
                for port in ports:
                    machine.cabling.plug(port)
                clock.lap("plug")
                if orders.wants_config_drive(instance):
                    self._make_config_drive(machine, instance, injected_files, admin_password, network_info)
                    clock.lap("config drive")
                if early:
                    machine.start(orders.volumes(block_device_info))
                    clock.lap("start")
        except exception.InstanceEventTimeout as late:
            if CONF.vif_plugging_is_fatal:
                raise exception.VirtualInterfaceCreateException() from late
        clock.lap("event")
        if power_on and not early:
            machine.start(orders.volumes(block_device_info))
            clock.lap("start")
        LOG.info("Machine %s made in %s", instance.display_name, clock, instance=instance)

    def _record(self, instance: Any, root: str, root_serial: str) -> Record:
        return Record(
            uuid=instance.uuid,
            host=CONF.host,
            name=instance.name,
            display_name=instance.display_name or "",
            hostname=instance.hostname or "",
            project=instance.project_id,
            vcpus=instance.flavor.vcpus,
            memory_mib=instance.flavor.memory_mb,
            disk_gib=instance.flavor.root_gb,
            image=instance.image_ref or "",
            root=root,
            root_serial=root_serial,
            network=self._network,
        )

    def _fetch(self, context: Any, image: str) -> None:
        self._images.image(image, lambda part: images.fetch(context, image, str(part)))

    def _make_root(self, context: Any, instance: Any, block_device_info: Any) -> None:
        if orders.root_volume(block_device_info) is None:
            self._fetch(context, instance.image_ref)
            self._images.clone(instance.image_ref, instance.flavor.root_gb, instance.uuid)

    def _make_config_drive(
        self, machine: Machine, instance: Any, files: Any, password: str | None, network_info: Any
    ) -> None:
        tree = machine.folder / "config"
        orders.write_config_tree(tree, instance, files, password, network_info)
        machine.write_config_drive(tree)
        shutil.rmtree(tree)

    def destroy(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        self.cleanup(context, instance, network_info, block_device_info, destroy_disks)

    def cleanup(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        migrate_data: Any = None,
        destroy_vifs: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        clock = Stopwatch()
        machine = self._machine(instance)
        if destroy_disks:
            machine.remove()
            self._images.disk_of(instance.uuid).unlink(missing_ok=True)
        else:
            machine.stop()
            machine.cabling.unplug_all()
        if root := orders.root_volume(block_device_info):
            detach_loops(root[0])
        clock.lap("all")
        LOG.info("Machine %s removed in %s", instance.display_name, clock, instance=instance)

    # Power

    def power_off(self, instance: Any, timeout: float = 0, retry_interval: float = 0) -> None:
        """`openstack server stop` comes with Nova's time-out, a stop that asks nobody with 0."""
        self._machine(instance).stop(timeout or 0, retry_interval or 10)

    def power_on(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        accel_info: Any = None,
        share_info: Any = None,
    ) -> None:
        machine = self._machine(instance)
        if machine.running():
            return
        # An interface that the machine had moved to a namespace inside itself went with it: all cables anew.
        machine.cabling.unplug_all()
        for port in orders.ports(network_info):
            machine.cabling.plug(port)
        machine.start(orders.volumes(block_device_info))

    def reboot(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        reboot_type: str,
        block_device_info: Any = None,
        bad_volumes_callback: Any = None,
        accel_info: Any = None,
        share_info: Any = None,
    ) -> None:
        self._machine(instance).stop(CONF.shutdown_timeout if reboot_type == "SOFT" else 0)
        self.power_on(context, instance, network_info, block_device_info)

    def resume_state_on_host_boot(
        self, context: Any, instance: Any, network_info: Any, share_info: Any, block_device_info: Any = None
    ) -> None:
        self.power_on(context, instance, network_info, block_device_info)

    # Disks

    def default_root_device_name(self, instance: Any, image_meta: Any, root_bdm: Any) -> str:
        """nova names the other disks after this one: /dev/vdb and so on, as a guest with virtio disks would."""
        return ROOT_NODE

    def attach_volume(
        self,
        context: Any,
        connection_info: Any,
        instance: Any,
        mountpoint: str,
        disk_bus: Any = None,
        device_type: Any = None,
        encryption: Any = None,
    ) -> None:
        connection_info.setdefault("serial", connection_info.get("volume_id"))
        machine = self._machine(instance)
        if machine.running():  # else it gets the disk when it starts
            machine.attach(orders.volume(connection_info, mountpoint))

    def detach_volume(
        self, context: Any, connection_info: Any, instance: Any, mountpoint: str, encryption: Any = None
    ) -> None:
        self._machine(instance).detach(orders.file_of(connection_info))

    def extend_volume(self, context: Any, connection_info: Any, instance: Any, requested_size: int) -> None:
        resize_loops(orders.file_of(connection_info))

    # Ports

    def attach_interface(self, context: Any, instance: Any, image_meta: Any, vif: Any) -> None:
        self._machine(instance).cabling.plug(orders.port(vif))

    def detach_interface(self, context: Any, instance: Any, vif: Any) -> None:
        self._machine(instance).cabling.unplug(network.host_end(vif["id"]))

    def plug_vifs(self, instance: Any, network_info: Any) -> None:
        """Asked for when nova-compute starts, for every machine: plugs what is not plugged."""
        for port in orders.ports(network_info):
            self._machine(instance).cabling.plug(port)

    def unplug_vifs(self, instance: Any, network_info: Any) -> None:
        for vif in network_info or []:
            self._machine(instance).cabling.unplug(network.host_end(vif["id"]))


def _vif_failed(event_name: str, instance: Any) -> None:
    if CONF.vif_plugging_is_fatal:
        raise exception.VirtualInterfaceCreateException()


class Stopwatch:
    """How long each part of something took."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()
        self._laps: list[str] = []

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._laps.append(f"{name} {now - self._last:.2f}")
        self._last = now

    def __str__(self) -> str:
        return f"{self._last - self._start:.2f} s: {', '.join(self._laps)}"
