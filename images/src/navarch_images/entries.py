"""Container images that an entry of the catalogue names: built where they are ours, and found where they are built.

    <cache>/catalogue/<name>-<key>/manifest.json
                                   images/<name>.tar      an OCI archive, as in a bundle

An entry names each image with its digest (`artifacthub.io/images` in its Chart.yaml), so that a cluster runs what was
checked and nothing else. A digest follows from source and compiler: another Go makes another one, and `pin_images`
writes what is built here into the chart.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from navarch_images import oci
from navarch_images.bundle import program_facts, write_image
from navarch_images.cache import Cache, value_digest
from navarch_images.errors import EntryError
from navarch_images.programs import Built, build_all, places
from navarch_images.release import Image, Offer, offer

_FORMAT = 1  # raised when this module writes other bytes from the same inputs
_DIGEST = r"sha256:[0-9a-f]{64}"


@dataclass(frozen=True, slots=True)
class Archive:
    """An image that is built: its name with its tag, its digest (sha256:...), and the OCI archive."""

    reference: str
    digest: str
    path: Path


def named_by(chart: Path) -> dict[str, str]:
    """{reference: digest} of the images of Navarch's own that a chart's Chart.yaml names. Raises EntryError."""
    file = chart / "Chart.yaml"
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise EntryError(f"{chart} is no chart: {file}: {error.strerror}") from error
    return named_by_text(text)


def named_by_text(text: str) -> dict[str, str]:
    """The same of any text."""
    registry = re.escape(offer().registry)
    return dict(re.findall(rf"({registry}/[-a-z0-9./_]+:[-\w.]+)@({_DIGEST})", text))


def archives_of(chart: Path, cache: Cache, tell: Callable[[str], None]) -> list[Archive]:
    """The images that a chart names, with the digests that it names; what is not built is built. Raises EntryError."""
    found = _built_here(named_by(chart), cache, tell)
    wrong = [f"{a.reference} is {a.digest} here" for a, digest in found if a.digest != digest]
    if wrong:
        raise EntryError(
            f"{chart} names other digests: {'; '.join(wrong)}. Another compiler makes other programs of the same "
            f"source: `navarch-images pin-images {chart}` writes these digests into the chart"
        )
    return [archive for archive, _ in found]


def pin_images(chart: Path, cache: Cache, tell: Callable[[str], None]) -> list[Archive]:
    """Write the digests of what is built here into all files of a chart; gives what is pinned. Raises EntryError."""
    found = [archive for archive, _ in _built_here(named_by(chart), cache, tell)]
    for file in (path for path in sorted(chart.rglob("*")) if path.suffix in (".yaml", ".tpl")):
        before = after = file.read_text("utf-8")
        for archive in found:
            after = re.sub(rf"{re.escape(archive.reference)}@{_DIGEST}", f"{archive.reference}@{archive.digest}", after)
        if after != before:
            file.write_text(after, "utf-8")
    return found


def archives_of_bundle(manifest: Path) -> list[Archive]:
    """All images of a bundle."""
    listed = json.loads(manifest.read_text())["images"]
    return [Archive(i["reference"], i["digest"], manifest.parent / i["file"]) for i in listed]


def folders(cache: Cache) -> set[str]:
    """Names of the folders below catalogue/ that the images, as they are now, are kept in."""
    mine = offer()
    built = {item.component.name: item for item in places(mine.components, cache)}
    return {_folder_name(image, mine.reference(image), built[image.component]) for image in mine.images}


def _built_here(wanted: dict[str, str], cache: Cache, tell: Callable[[str], None]) -> list[tuple[Archive, str]]:
    mine = offer()
    ours = {mine.reference(image): image for image in mine.images}
    preloaded = {a.reference: a for a in _of_bundles(cache)}
    unknown = sorted(reference for reference in wanted if reference not in ours and reference not in preloaded)
    if unknown:
        raise EntryError(
            f"nothing here makes {', '.join(unknown)}: it is neither in catalogue.toml nor in a bundle that is built"
        )
    made = _make([ours[reference] for reference in wanted if reference in ours], mine, cache, tell)
    return [(made.get(reference) or preloaded[reference], digest) for reference, digest in wanted.items()]


def _of_bundles(cache: Cache) -> Iterator[Archive]:
    """The newest bundle's come last, and win."""
    manifests = sorted((cache.root / "bundles").glob("*/manifest.json"), key=lambda path: path.stat().st_mtime)
    for manifest in manifests:
        yield from archives_of_bundle(manifest)


def _make(images: Sequence[Image], mine: Offer, cache: Cache, tell: Callable[[str], None]) -> dict[str, Archive]:
    needed = {image.component for image in images}
    built = {b.component.name: b for b in build_all([c for c in mine.components if c.name in needed], cache, tell)}
    return {
        mine.reference(image): _archive(image, mine.reference(image), built[image.component], cache) for image in images
    }


def _folder_name(image: Image, reference: str, built: Built) -> str:
    recipe = [image.entrypoint, image.links, image.directories, [[f.name, f.path] for f in image.files]]
    recipe += [image.user] if image.user else []
    return f"{image.name}-{value_digest([_FORMAT, reference, recipe, built.key])[:16]}"


def _archive(image: Image, reference: str, built: Built, cache: Cache) -> Archive:
    name = _folder_name(image, reference, built)
    folder = cache.root / "catalogue" / name
    if not folder.exists():
        with cache.scratch(f"image-{image.name}") as scratch:
            made = scratch / "made"
            (made / "images").mkdir(parents=True)
            (made / "manifest.json").write_text(
                json.dumps(_write(image, reference, built, made, scratch), indent=1, sort_keys=True) + "\n"
            )
            folder = cache.publish(made, "catalogue", name)
    return archives_of_bundle(folder / "manifest.json")[0]


def _write(image: Image, reference: str, built: Built, target: Path, scratch: Path) -> dict[str, Any]:
    entries = [oci.Entry(placed.path, source=built.binary(placed.name)) for placed in image.files]
    entries += [oci.Entry(path, link=to) for path, to in image.links]
    entries += [oci.Entry(path) for path in image.directories]
    layer = oci.write_layer(scratch / "layer", entries)
    about = write_image(target / "images" / f"{image.name}.tar", reference, image, built.component, [layer])
    return {"programs": [program_facts(built, placed.name) for placed in image.files], "images": [about]}
