"""A cinder driver whose volumes are sparse raw files in a folder, one folder (and one backend section) a zone.

Connections have the type `local` and carry the file's path; the compute driver puts a loop device on it.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from cinder import interface
from cinder.image import image_utils
from cinder.volume import driver, volume_utils
from oslo_config import cfg
from oslo_utils import units

_OPTIONS = [
    cfg.StrOpt("navarch_volume_dir", default="/var/lib/navarch-lab/volumes", help="Folder of the volumes' files."),
    cfg.IntOpt("navarch_capacity_gb", default=0, help="Capacity to report, in GiB; 0 for the size of the file system."),
]
cfg.CONF.register_opts(_OPTIONS, group="backend_defaults")


@interface.volumedriver
class FileDriver(driver.VolumeDriver):  # type: ignore[misc]
    """Method names, arguments and promises are cinder.volume.driver.VolumeDriver's."""

    VERSION = "1.0"
    CI_WIKI_NAME = "none"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(_OPTIONS)

    @property
    def _folder(self) -> Path:
        return Path(self.configuration.navarch_volume_dir)

    def _file(self, thing: Any) -> Path:
        """The file of a volume or a snapshot."""
        return self._folder / str(thing.name)

    def do_setup(self, context: Any) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)

    def check_for_setup_error(self) -> None:
        pass

    def _resize(self, volume: Any, gib: int) -> None:
        """Grow the file, never shrink it: a clone may have been made from a larger source that cinder refused
        already."""
        with self._file(volume).open("ab") as handle:
            if handle.seek(0, os.SEEK_END) < gib * units.Gi:
                handle.truncate(gib * units.Gi)

    def _remove(self, thing: Any) -> None:
        """Asked again after an answer that was lost, so a missing file is no error."""
        self._file(thing).unlink(missing_ok=True)
        _part(self._file(thing)).unlink(missing_ok=True)

    def _copy(self, source: Any, target: Any) -> None:
        """Copy without filling holes, under another name until it is whole."""
        part = _part(self._file(target))
        self._execute("cp", "--reflink=auto", "--sparse=auto", str(self._file(source)), str(part))
        part.rename(self._file(target))

    def create_volume(self, volume: Any) -> None:
        self._resize(volume, volume.size)

    def delete_volume(self, volume: Any) -> None:
        self._remove(volume)

    def extend_volume(self, volume: Any, new_size: int) -> None:
        """Also while it is attached: cinder asks nova, and the compute driver resizes the loop device."""
        self._resize(volume, new_size)

    def create_snapshot(self, snapshot: Any) -> None:
        self._copy(snapshot.volume, snapshot)

    def delete_snapshot(self, snapshot: Any) -> None:
        self._remove(snapshot)

    def create_volume_from_snapshot(self, volume: Any, snapshot: Any) -> None:
        self._copy(snapshot, volume)
        self._resize(volume, volume.size)

    def create_cloned_volume(self, volume: Any, src_vref: Any) -> None:
        self._copy(src_vref, volume)
        self._resize(volume, volume.size)

    def copy_image_to_volume(
        self, context: Any, volume: Any, image_service: Any, image_id: str, disable_sparse: bool = False
    ) -> None:
        image_utils.fetch_to_raw(
            context,
            image_service,
            image_id,
            str(self._file(volume)),
            self.configuration.volume_dd_blocksize,
            size=volume.size,
            disable_sparse=disable_sparse,
        )
        self._resize(volume, volume.size)

    def copy_volume_to_image(self, context: Any, volume: Any, image_service: Any, image_meta: Any) -> None:
        volume_utils.upload_volume(context, image_service, image_meta, str(self._file(volume)), volume)

    def ensure_export(self, context: Any, volume: Any) -> None:
        pass

    def create_export(self, context: Any, volume: Any, connector: Any) -> None:
        pass

    def remove_export(self, context: Any, volume: Any) -> None:
        pass

    def initialize_connection(self, volume: Any, connector: Any) -> dict[str, Any]:
        return {
            "driver_volume_type": "local",
            "data": {"device_path": str(self._file(volume)), "access_mode": "rw", "discard": True},
        }

    def terminate_connection(self, volume: Any, connector: Any, **kwargs: Any) -> None:
        pass

    def _update_volume_stats(self) -> None:
        usage = shutil.disk_usage(self._folder)
        total = self.configuration.navarch_capacity_gb or usage.total // units.Gi
        self._stats = {
            "volume_backend_name": self.configuration.safe_get("volume_backend_name"),
            "vendor_name": "Navarch",
            "driver_version": self.VERSION,
            "storage_protocol": "file",
            "QoS_support": False,
            "total_capacity_gb": total,
            "free_capacity_gb": min(total, usage.free // units.Gi),
            "reserved_percentage": 0,
            "thin_provisioning_support": True,
            "max_over_subscription_ratio": 1000.0,
            "provisioned_capacity_gb": 0,
            "multiattach": False,
        }


def _part(file: Path) -> Path:
    """Where a file is made until it is whole."""
    return file.with_name(file.name + ".part")
