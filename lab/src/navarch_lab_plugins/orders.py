"""What nova orders, read from its own objects into plain values."""

from pathlib import Path
from typing import Any

from nova.api.metadata import base as instance_metadata
from nova.virt import configdrive
from nova.virt import driver as virt_driver

from navarch_lab_plugins.disks import Disk, attach_loop, device_number
from navarch_lab_plugins.network import Port

_DEFAULT_MTU = 1442
"""What fits through a geneve tunnel on a network with an MTU of 1500; used where neutron names none."""


def ports(network_info: Any) -> list[Port]:
    """The ports nova wants plugged in. Reading them waits for neutron."""
    return [port(vif) for vif in network_info or []]


def port(vif: Any) -> Port:
    mtu = ((vif.get("network") or {}).get("meta") or {}).get("mtu")
    return Port(vif["id"], vif["address"], int(mtu or _DEFAULT_MTU))


def root_volume(block_device_info: Any) -> tuple[str, str] | None:
    """File and id of the volume to boot from; None for a server that boots from an image."""
    for mapping in virt_driver.block_device_info_get_mapping(block_device_info):
        if mapping.get("boot_index") == 0:
            return file_of(mapping["connection_info"]), serial_of(mapping["connection_info"])
    return None


def volumes(block_device_info: Any) -> list[Disk]:
    """The other volumes, each with its loop device."""
    return [
        volume(mapping["connection_info"], mapping["mount_device"])
        for mapping in virt_driver.block_device_info_get_mapping(block_device_info)
        if mapping.get("boot_index") != 0
    ]


def volume(connection_info: Any, node: str) -> Disk:
    file = file_of(connection_info)
    return Disk(serial_of(connection_info), node, file, *device_number(attach_loop(file)))


def file_of(connection_info: Any) -> str:
    return str(connection_info["data"]["device_path"])


def serial_of(connection_info: Any) -> str:
    return str(connection_info.get("serial") or connection_info["volume_id"])


def wants_config_drive(instance: Any) -> bool:
    return bool(configdrive.required_by(instance))


def write_config_tree(tree: Path, instance: Any, files: Any, password: str | None, network_info: Any) -> None:
    """Write what the metadata service would tell, and the injected files, as the tree of a config drive."""
    metadata = instance_metadata.InstanceMetadata(
        instance, content=files, extra_md={"admin_pass": password} if password else {}, network_info=network_info
    )
    with configdrive.ConfigDriveBuilder(instance_md=metadata) as builder:
        # make_drive() would call for an image format (iso9660, vfat) that the kernel may not have.
        builder._write_md_files(str(tree))
