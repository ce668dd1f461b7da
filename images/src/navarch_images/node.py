"""The node image: <cache>/images/<digest>/node.raw with node.json beside it.

The digest is that of the tree's content (see tree.digest). The same release, bundle, Debian packages and files of
ours give the same digest; the raw file's bytes may differ, because containerd notes when it imported an image.
"""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from navarch_images import debian, tree
from navarch_images.bundle import Bundle, make_bundle
from navarch_images.cache import Cache, file_digest, value_digest
from navarch_images.commands import run
from navarch_images.ext4 import write_image
from navarch_images.preload import preload
from navarch_images.release import Release

_FORMAT = 2  # raised when this module makes another image of the same inputs


@dataclass(frozen=True, slots=True)
class NodeImage:
    """A finished node image on disk."""

    digest: str
    folder: Path

    @property
    def raw(self) -> Path:
        """The ext4 image."""
        return self.folder / "node.raw"

    @property
    def facts(self) -> Mapping[str, Any]:
        """The parsed node.json."""
        facts: Mapping[str, Any] = json.loads((self.folder / "node.json").read_text())
        return facts


def make_node(release: Release, cache: Cache, tell: Callable[[str], None], *, fresh: bool = False) -> NodeImage:
    """Build the node image and all it is made of, or return the one made of the same inputs. Needs root."""
    with ThreadPoolExecutor(1) as pool:  # Debian's packages come while programs compile
        packages = release.node_packages
        installed = pool.submit(debian.node_tree, release.suite, packages, cache, tell, fresh=fresh)
        bundle = make_bundle(release, cache, tell, fresh=fresh)
        debian_tar = installed.result()
    key = value_digest([_FORMAT, bundle.digest, file_digest(debian_tar), tree.overlay_digest()])[:32]
    digest = cache.recall("node", key)
    if digest and (cache.root / "images" / digest).exists():
        return NodeImage(digest, cache.root / "images" / digest)
    with cache.scratch("node") as scratch:
        root, made = scratch / "tree", scratch / "made"
        root.mkdir()
        made.mkdir()
        tell(f"node {release.kubernetes}: laying out the tree")
        tree.populate(root, debian_tar, release, bundle)
        tell(f"node {release.kubernetes}: loading {len(release.images)} container images into its containerd")
        preload(bundle.folder / "bin", root / "var/lib/containerd", scratch, bundle.archives())
        tree.set_times(root)
        digest = tree.digest(root, [entry["digest"] for entry in bundle.manifest["images"]])
        tell(f"node {release.kubernetes}: writing the ext4 image")
        write_image(root, made / "node.raw", digest)
        facts = _facts(release, bundle, digest, root, made / "node.raw")
        (made / "node.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        folder = cache.publish(made, "images", digest)
    cache.remember("node", key, digest)
    return NodeImage(digest, folder)


def _facts(release: Release, bundle: Bundle, digest: str, root: Path, raw: Path) -> dict[str, Any]:
    return {
        "kubernetes": release.kubernetes,
        "components": release.announced(),
        "bundle": bundle.digest,
        "digest": digest,
        "built": datetime.now(UTC).isoformat(timespec="seconds"),
        "os": {"distro": "debian", "version": release.os_version, "packages": _packages(root)},
        "raw": {"sha256": file_digest(raw), "bytes": raw.stat().st_size, "allocated": raw.stat().st_blocks * 512},
    }


def _packages(root: Path) -> dict[str, str]:
    query = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", "${Package} ${Version}\n"]
    return dict(line.split(" ", 1) for line in run("list of packages", query).splitlines())
