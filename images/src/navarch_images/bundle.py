"""The bundle: programs and container images of one release, with a manifest that says what each is and whence.

    <cache>/bundles/<digest>/manifest.json
                             bin/<program>
                             images/<name>.tar      OCI archives, one image each

The digest is the SHA-256 of the manifest, which holds the SHA-256 of everything else.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from navarch_images import debian, oci
from navarch_images.cache import Cache, file_digest, value_digest
from navarch_images.programs import Built, build_all
from navarch_images.release import Component, Image, Release

_FORMAT = 1  # of the archives: raised when this module writes other bytes from the same inputs
_VENDOR = "Navarch"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A finished bundle on disk."""

    digest: str
    folder: Path

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The parsed manifest.json."""
        manifest: Mapping[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        return manifest

    def archives(self) -> list[Path]:
        """The OCI archives, in the manifest's order."""
        return [self.folder / entry["file"] for entry in self.manifest["images"]]


def make_bundle(release: Release, cache: Cache, tell: Callable[[str], None], *, fresh: bool = False) -> Bundle:
    """Build what is missing and return the bundle. Running it again with the same inputs builds nothing.

    `fresh` fetches Debian's packages anew. Raises BuildError.
    """
    with ThreadPoolExecutor(1) as pool:  # Debian's packages come while programs compile
        packages = release.container_packages
        unpacked = pool.submit(debian.container_layer, release.suite, packages, cache, tell, fresh=fresh)
        built = build_all(release.components, cache, tell)
        layer = unpacked.result()
    key = _key(release, built, layer)
    digest = cache.recall("bundle", key)
    if digest and (cache.root / "bundles" / digest).exists():
        return Bundle(digest, cache.root / "bundles" / digest)
    tell(f"bundle {release.kubernetes}: writing {len(release.images)} container images")
    with cache.scratch("bundle") as scratch:
        made = scratch / "made"
        manifest = _write(release, built, layer, made, scratch)
        digest = value_digest(manifest)
        (made / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        folder = cache.publish(made, "bundles", digest)
    cache.remember("bundle", key, digest)
    return Bundle(digest, folder)


def _key(release: Release, built: Sequence[Built], layer: Path) -> str:
    images = [
        [image.name, image.tag, image.entrypoint, image.links, image.directories, image.base, image.certificates]
        + [[placed.name, placed.path] for placed in (*image.files, *image.scripts)]
        + ([image.user] if image.user else [])
        for image in release.images
    ]
    scripts = {placed.name: _script(placed.name).decode() for image in release.images for placed in image.scripts}
    programs = {item.component.name: item.key for item in built}
    return value_digest([_FORMAT, release.registry, images, scripts, programs, file_digest(layer)])[:32]


def _write(release: Release, built: Sequence[Built], base: Path, target: Path, scratch: Path) -> dict[str, Any]:
    places = {name: item.binary(name) for item in built for name in item.component.binaries}
    components = {item.component.name: item.component for item in built}
    (target / "bin").mkdir(parents=True)
    (target / "images").mkdir()
    for name, path in places.items():
        _link_or_copy(path, target / "bin" / name)
    base_layer = oci.Layer.of(base)
    images = []
    for image in release.images:
        archive = target / "images" / f"{image.name}.tar"
        layer = _image_layer(image, places, base, scratch)
        layers = [base_layer, layer] if image.base else [layer]
        images.append(write_image(archive, release.reference(image), image, components[image.component], layers))
        layer.path.unlink()
    return {
        "kubernetes": release.kubernetes,
        "registry": release.registry,
        "components": release.announced(),
        "base_layer": {
            "sha256": base_layer.digest.removeprefix("sha256:"),
            "packages": list(release.container_packages),
        },
        "programs": [program_facts(item, name) for item in built for name in item.component.binaries],
        "images": images,
    }


def write_image(
    archive: Path, reference: str, image: Image, component: Component, layers: Sequence[oci.Layer]
) -> dict[str, Any]:
    """Write an image's archive; gives what a manifest says of it."""
    labels = _labels(component, image)
    digest = oci.write_archive(
        archive, reference, layers, image.entrypoint, labels=labels, annotations=labels, user=image.user
    )
    return {
        "name": image.name,
        "reference": reference,
        "version": component.version,
        "digest": digest,
        "file": f"images/{archive.name}",
        "sha256": file_digest(archive),
        "licence": component.licence + (" and the base layer's packages" if image.base else ""),
        "component": component.name,
    }


def _image_layer(image: Image, places: Mapping[str, Path], base: Path, scratch: Path) -> oci.Layer:
    entries = [oci.Entry(placed.path, source=places[placed.name]) for placed in image.files]
    for placed in image.scripts:
        script = scratch / placed.name
        script.write_bytes(_script(placed.name))
        entries.append(oci.Entry(placed.path, source=script))
    if image.certificates:
        authorities = scratch / "ca-certificates.crt"
        authorities.write_bytes(debian.certificate_bundle(base))
        entries.append(oci.Entry("/etc/ssl/certs/ca-certificates.crt", source=authorities, mode=0o644))
    entries += [oci.Entry(path, link=to) for path, to in image.links]
    entries += [oci.Entry(path) for path in image.directories]
    return oci.write_layer(scratch / f"{image.name}.layer", entries)


def _labels(component: Component, image: Image) -> dict[str, str]:
    return {
        "org.opencontainers.image.title": image.name,
        "org.opencontainers.image.version": component.version,
        "org.opencontainers.image.vendor": _VENDOR,
        "org.opencontainers.image.licenses": component.licence,
        "org.opencontainers.image.source": component.module,
    }


def program_facts(built: Built, name: str) -> dict[str, Any]:
    """What a manifest says of a program."""
    component = built.component
    return {
        "name": name,
        "file": f"bin/{name}",
        "version": component.version,
        "licence": component.licence,
        "module": component.module,
        "package": component.binaries[name],
        "sha256": file_digest(built.binary(name)),
        # Libraries of another version than upstream builds with.
        "libraries": built.libraries(name),
    }


def _script(name: str) -> bytes:
    return resources.files("navarch_images").joinpath("container_scripts", name).read_bytes()


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)
