"""What is known of a machine, kept in its folder so that any process, at any time, can find it again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """One machine as nova ordered it. Sizes: memory in MiB, disk in GiB."""

    uuid: str
    host: str
    name: str
    display_name: str
    hostname: str
    project: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    image: str
    root: str
    """Path of the file that is the root disk: a clone of the image, or a volume."""
    network: str
    """Name of the network namespace that holds the host ends of the machine's cables; empty for the host's own."""
    root_serial: str = ""
    """The id of the volume that is the root disk; empty for a clone."""

    @classmethod
    def load(cls, folder: Path) -> "Record | None":
        """The record in a machine's folder, or None where there is none."""
        try:
            return cls(**json.loads((folder / "meta.json").read_text()))
        except FileNotFoundError:
            return None

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "meta.json", json.dumps(asdict(self), indent=1))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new text, never a part."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.rename(path)
