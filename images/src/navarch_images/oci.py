"""OCI image archives, written here: the same files give the same bytes.

One layer a file, so that a binary that did not change keeps its layer; layers are not compressed, because they are
imported on the machine that wrote them. Times are zero, owners root, entries sorted.
See https://github.com/opencontainers/image-spec, image-layout.md, and containerd's `io.containerd.image.name`.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from navarch_images.cache import file_digest

_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Layer:
    """An uncompressed tar on disk; its digest is also its diff id."""

    path: Path
    digest: str
    size: int

    @staticmethod
    def of(path: Path) -> "Layer":
        """The layer that a tar file is."""
        return Layer(path, f"sha256:{file_digest(path)}", path.stat().st_size)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a layer holds at an absolute `path`: a file's content, or a hard link to another entry, or a folder."""

    path: str
    source: Path | None = None
    link: str | None = None
    mode: int = 0o755


def write_layer(target: Path, entries: Sequence[Entry]) -> Layer:
    """Write a layer with the entries and the folders they need. Links may only point to files of the same layer."""
    folders = {parent for entry in entries for parent in _parents(entry.path)}
    folders |= {entry.path for entry in entries if entry.source is None and entry.link is None}
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for folder in sorted(folders):
            info = _info(folder, 0o755)
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        for entry in sorted((entry for entry in entries if entry.source), key=lambda entry: entry.path):
            assert entry.source is not None
            info = _info(entry.path, entry.mode)
            info.size = entry.source.stat().st_size
            with entry.source.open("rb") as content:
                tar.addfile(info, content)
        for entry in sorted((entry for entry in entries if entry.link), key=lambda entry: entry.path):
            assert entry.link is not None
            info = _info(entry.path, entry.mode)
            info.type = tarfile.LNKTYPE
            info.linkname = entry.link.strip("/")
            tar.addfile(info)
    return Layer.of(target)


def write_archive(
    target: Path,
    reference: str,
    layers: Sequence[Layer],
    entrypoint: Sequence[str],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    user: str = "",
) -> str:
    """Write an image as an OCI archive that `ctr images import` takes; returns the image's digest (sha256:...).

    `user` is whom it runs as, "uid:gid"; root where there is none.
    """
    runs: dict[str, object] = {"Entrypoint": list(entrypoint), "Env": [_PATH], "Labels": dict(labels)}
    if user:
        runs["User"] = user
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": runs,
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [{"mediaType": _LAYER, "digest": layer.digest, "size": layer.size} for layer in layers],
            "annotations": dict(annotations),
        }
    )
    names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference.rsplit(":", 1)[1]}
    index = _json({"schemaVersion": 2, "manifests": [{**_descriptor(_MANIFEST, manifest), "annotations": names}]})
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(tar, "index.json", index)
        for blob in (manifest, config):
            _add(tar, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
        for layer in _unique(layers):
            info = _info(f"blobs/sha256/{layer.digest.removeprefix('sha256:')}", 0o644)
            info.size = layer.size
            with layer.path.open("rb") as content:
                tar.addfile(info, content)
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def _parents(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:count]) for count in range(1, len(parts))]


def _info(path: str, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path.strip("/"))
    info.mode = mode
    return info  # TarInfo's own defaults are what reproducibility asks for: mtime 0, uid and gid 0, no names


def _unique(layers: Sequence[Layer]) -> list[Layer]:
    return list({layer.digest: layer for layer in layers}.values())


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{hashlib.sha256(blob).hexdigest()}", "size": len(blob)}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = _info(name, 0o644)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
