"""What one Kubernetes version's bundle and node image are made of, parsed once from two files below releases/.

    find("1.37.2")   -> Release
    known()          -> ("1.36.3", "1.37.2", ...)
    tools()          -> what Navarch's own hosts run (tools.toml)
    checks()         -> what looks at finished images (checks.toml)
    trials()         -> what tests speak to (trials.toml)
    offer()          -> images of the catalogue's entries (catalogue.toml)

shared.toml holds what all versions have in common, so that one build of it serves them all; <version>.toml adds what
is the version's own and wins where both say something.
Parsing checks every reference (an image's component, a file's binary), so that the builders need not.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from navarch_images.errors import ReleaseError


@dataclass(frozen=True, slots=True)
class Component:
    """A set of programs from one source, of one version. `source` is a folder beside the package (go/..., c).

    `follows` is the module whose choice of library versions its graph keeps to. `cpu_seconds` is what building
    took where it was measured, after the components above it and from empty caches: a weight, for telling progress.
    """

    name: str
    source: str
    module: str
    version: str
    licence: str
    binaries: Mapping[str, str]
    compiler: Literal["go", "c"] = "go"
    ldflags: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cgo: bool = False
    follows: str = ""
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A file called `name` in its source, put at the absolute `path`."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Image:
    """A container image: binaries of components, one layer each, on the Debian layer when `base` is set.

    `user` is whom it runs as where a pod does not say: "uid:gid", and root where there is none. Numbers, because the
    kubelet believes no name to be another than root's (`runAsNonRoot`).
    """

    name: str
    component: str
    tag: str
    entrypoint: tuple[str, ...]
    files: tuple[Placed, ...]
    scripts: tuple[Placed, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    directories: tuple[str, ...] = ()
    base: bool = False
    certificates: bool = False
    announced_as: str | None = None
    user: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """One Kubernetes version with everything that belongs to it."""

    kubernetes: str
    registry: str
    suite: str
    os_version: str
    container_packages: tuple[str, ...]
    node_packages: tuple[str, ...]
    components: tuple[Component, ...]
    images: tuple[Image, ...]
    node_binaries: Mapping[str, tuple[str, ...]]

    def reference(self, image: Image) -> str:
        """The name under which containerd, kubeadm and manifests know the image."""
        return f"{self.registry}/{image.name}:{image.tag}"

    def announced(self) -> str:
        """The `navarch_components` property: `etcd=3.6.8-0,coredns=v1.14.7,...`, in the order of the file."""
        return ",".join(f"{image.announced_as}={image.tag}" for image in self.images if image.announced_as)


@dataclass(frozen=True, slots=True)
class Offer:
    """Container images of the catalogue's entries, in no bundle: each is made when an entry that names it is."""

    registry: str
    components: tuple[Component, ...]
    images: tuple[Image, ...]

    def reference(self, image: Image) -> str:
        """The name under which entries know the image."""
        return f"{self.registry}/{image.name}:{image.tag}"


def known() -> tuple[str, ...]:
    """Versions that can be built, oldest first."""
    names = [entry.name for entry in resources.files("navarch_images").joinpath("releases").iterdir()]
    versions = [name.removesuffix(".toml") for name in names if re.fullmatch(r"\d+\.\d+\.\d+\.toml", name)]
    return tuple(sorted(versions, key=lambda version: [int(part) for part in version.split(".")]))


def find(version: str) -> Release:
    """The release of a Kubernetes version, written with or without a leading v. Raises ReleaseError."""
    version = version.removeprefix("v")
    if version not in known():
        raise ReleaseError(f"Kubernetes {version} has no release file; there are: {', '.join(known())}")
    return parse(document(version))


def document(version: str) -> dict[str, Any]:
    """The release file of a known version, laid over shared.toml."""
    own, shared = (_file(name) for name in (f"{version}.toml", "shared.toml"))
    # The version's own components come first: compiling Kubernetes takes longest, and others use what it compiled.
    merged: dict[str, Any] = {**own, **shared, **own}
    for name in own.keys() & shared.keys():
        merged[name] = {**own[name], **shared[name], **own[name]}
    return merged


def tools() -> tuple[Component, ...]:
    """The programs that Navarch's own hosts run."""
    return _apart("tools.toml")


def checks() -> tuple[Component, ...]:
    """The programs that look at finished images."""
    return _apart("checks.toml")


def trials() -> tuple[Component, ...]:
    """The programs that tests speak to."""
    return _apart("trials.toml")


def accepted() -> str:
    """The text of accepted.toml: known vulnerabilities that may stay for a time."""
    return resources.files("navarch_images").joinpath("releases", "accepted.toml").read_text()


def _apart(name: str) -> tuple[Component, ...]:
    return tuple(_component(name, table) for name, table in _file(name)["component"].items())


def offer() -> Offer:
    """The images of the catalogue's entries. Raises ReleaseError on a reference that leads nowhere."""
    return parse_offer(_file("catalogue.toml"))


def parse_offer(document: Mapping[str, Any]) -> Offer:
    """The same from the parsed TOML document."""
    try:
        components, images = _parts(document)
        found = Offer(document["registry"], components, images)
    except (KeyError, TypeError) as error:
        raise ReleaseError(f"catalogue.toml: {error!r}") from error
    problems = [
        *_problems(components, images),
        *(f"image {i.name}: it may have no base layer" for i in images if i.base or i.certificates or i.scripts),
    ]
    if problems:
        raise ReleaseError("catalogue.toml: " + "; ".join(problems))
    return found


def _file(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("navarch_images").joinpath("releases", name).read_text())


def parse(document: Mapping[str, Any]) -> Release:
    """A release from the parsed TOML document. Raises ReleaseError on a reference that leads nowhere."""
    try:
        components, images = _parts(document)
        release = Release(
            kubernetes=document["kubernetes"],
            registry=document["registry"],
            suite=document["debian"]["suite"],
            os_version=document["debian"]["version"],
            container_packages=tuple(document["debian"]["container_packages"]),
            node_packages=tuple(document["debian"]["node_packages"]),
            components=components,
            images=images,
            node_binaries={folder: tuple(names) for folder, names in document["node"]["binaries"].items()},
        )
    except (KeyError, TypeError) as error:
        raise ReleaseError(f"release file: {error!r}") from error
    _check(release)
    return release


def _parts(document: Mapping[str, Any]) -> tuple[tuple[Component, ...], tuple[Image, ...]]:
    components = tuple(_component(name, table) for name, table in document["component"].items())
    versions = {component.name: component.version for component in components}
    return components, tuple(_image(name, table, versions) for name, table in document["image"].items())


def _component(name: str, table: Mapping[str, Any]) -> Component:
    fields = dict(table)
    for field in ("ldflags", "tags"):
        fields[field] = tuple(word.replace("@VERSION@", fields["version"]) for word in fields.get(field, ()))
    return Component(name=name, **fields)


def _image(name: str, table: Mapping[str, Any], versions: Mapping[str, str]) -> Image:
    fields = dict(table)
    fields.setdefault("tag", versions.get(fields["component"], ""))
    for field in ("files", "scripts"):
        fields[field] = tuple(Placed(*entry.split(":", 1)) for entry in fields.get(field, ()))
    fields["links"] = tuple(_link(entry) for entry in fields.get("links", ()))
    for field in ("entrypoint", "directories"):
        fields[field] = tuple(fields.get(field, ()))
    return Image(name=name, **fields)


def _link(entry: str) -> tuple[str, str]:
    match = re.fullmatch(r"(/\S+) -> (/\S+)", entry)
    if match is None:
        raise ReleaseError(f"a link reads '/path -> /target', not {entry!r}")
    return match[1], match[2]


def _check(release: Release) -> None:
    binaries = {binary for component in release.components for binary in component.binaries}
    problems = _problems(release.components, release.images)
    for folder, wanted in release.node_binaries.items():
        problems += [f"node {folder}: no binary {name}" for name in wanted if name not in binaries]
    if problems:
        raise ReleaseError(f"release {release.kubernetes}: " + "; ".join(problems))


def _problems(components: tuple[Component, ...], images: tuple[Image, ...]) -> list[str]:
    names = [component.name for component in components]
    binaries = [binary for component in components for binary in component.binaries]
    twice = sorted({binary for binary in binaries if binaries.count(binary) > 1})
    problems = [f"binary {binary} is built twice" for binary in twice]
    for image in images:
        if image.component not in names:
            problems.append(f"image {image.name}: no component {image.component}")
        problems += [f"image {image.name}: no binary {file.name}" for file in image.files if file.name not in binaries]
        if image.user and not re.fullmatch(r"[1-9]\d*:[1-9]\d*", image.user):
            problems.append(f"image {image.name}: a user reads 'uid:gid' and is not root, not {image.user!r}")
        if image.base:
            problems += [
                f"image {image.name}: {placed.path} is not below /usr, where the base layer has real folders"
                for placed in (*image.files, *image.scripts)
                if not placed.path.startswith("/usr/")
            ]
    return problems
