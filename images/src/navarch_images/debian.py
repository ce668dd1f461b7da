"""Debian trees by mmdebstrap: the node's, and the layer under container images that call Debian's programs.

A tree is kept as a tar under a key of suite, variant and package list. Debian's archive moves on, so the same key may
hold newer packages on another day: `fresh` asks for them, and the exact versions are in the manifest.
"""

import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from navarch_images.cache import Cache, value_digest
from navarch_images.commands import run

# Every file time of what is built is this one (2026-01-01), so that equal inputs give equal trees.
EPOCH = 1767225600

# What packages depend on for programs that no container here calls (xfs_scrub: Python and ICU; udev: its database).
_NOT_IN_CONTAINERS = (
    "/usr/lib/python3*",
    "/usr/bin/python3*",
    "/usr/share/python3/*",
    "/usr/lib/x86_64-linux-gnu/libicu*",
    "/usr/sbin/xfs_scrub*",
    "/usr/lib/udev/hwdb.d/*",
    "/usr/lib/x86_64-linux-gnu/perl*",
    "/usr/share/perl*",
    "/usr/lib/x86_64-linux-gnu/gconv/*",
    "/usr/share/zoneinfo/*",
    "/usr/lib/systemd/systemd*",
)

_MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"


def node_tree(suite: str, packages: Sequence[str], cache: Cache, tell: Callable[[str], None], *, fresh: bool) -> Path:
    """A tar of an installed, configured minimal system with the packages."""
    return _tree(suite, "minbase", packages, cache, tell, fresh)


def container_layer(
    suite: str, packages: Sequence[str], cache: Cache, tell: Callable[[str], None], *, fresh: bool
) -> Path:
    """A container layer with the packages' files. No maintainer script ran; what they would have set up and is
    needed here (iptables' alternatives, the bundle of certificate authorities) is added."""
    tree = _tree(suite, "extract", packages, cache, tell, fresh)
    place = tree.with_name(tree.name.replace("extract-", "layer-"))
    if place.exists() and not fresh:
        return place
    with cache.scratch("debian-layer") as scratch:
        made = scratch / "layer.tar"
        write_container_layer(tree, made)
        place.unlink(missing_ok=True)
        return cache.publish(made, "debian", place.name)


def _tree(
    suite: str, variant: str, packages: Sequence[str], cache: Cache, tell: Callable[[str], None], fresh: bool
) -> Path:
    argv = ["mmdebstrap", f"--variant={variant}", "--format=tar", f"--include={','.join(packages)}"]
    # A tree that a crash leaves half written is thrown away, so dpkg need not wait for the disk after each file.
    argv += ["--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Retries "3"', "--dpkgopt=path-exclude=/usr/share/doc/*"]
    argv += ["--dpkgopt=path-include=/usr/share/doc/*/copyright", "--dpkgopt=path-exclude=/usr/share/man/*"]
    argv += ["--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/info/*"]
    if variant == "extract":
        argv += [f"--hook-dir={_MERGED_USR}"]  # without it libraries land in /lib and programs look in /usr/lib
        argv += [f"--dpkgopt=path-exclude={pattern}" for pattern in _NOT_IN_CONTAINERS]
    place = cache.root / "debian" / f"{variant}-{value_digest([suite, *argv, EPOCH])[:16]}.tar"
    if place.exists() and not fresh:
        return place
    tell(f"Debian {suite}: {variant} tree with {len(packages)} packages asked for")
    with cache.scratch(f"debian-{variant}") as scratch:
        made = scratch / "tree.tar"
        run(f"Debian {variant} tree", [*argv, suite, made], env={"SOURCE_DATE_EPOCH": str(EPOCH)})
        if fresh:
            place.unlink(missing_ok=True)
        return cache.publish(made, "debian", place.name)


_KEPT = ("usr", "etc", "bin", "sbin", "lib", "lib64")  # the last four are links into usr
_DROPPED = (
    "etc/apt",
    "etc/cron",
    "etc/systemd",
    "etc/init",
    "etc/kernel",
    "etc/dpkg",
    "usr/share/bug",
    "usr/share/lintian",
)
_EMPTY = {"dev": 0o755, "proc": 0o555, "run": 0o755, "sys": 0o555, "tmp": 0o1777, "var": 0o755, "var/lib": 0o755}
_AUTHORITIES = "usr/share/ca-certificates/mozilla/"


def write_container_layer(tree: Path, target: Path) -> None:
    """Turn an unpacked tree (tar) into a layer: folders that matter, zero times, entries as dpkg ordered them."""
    authorities: list[bytes] = []
    with tarfile.open(tree) as source, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as layer:
        for name, mode in _EMPTY.items():
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, mode
            layer.addfile(info)
        for member in source:
            name = member.name.removeprefix("./")
            if name.split("/")[0] not in _KEPT or name.startswith(_DROPPED):
                continue
            content = source.extractfile(member) if member.isreg() else None
            if content and name.startswith(_AUTHORITIES):
                authorities.append(content.read())
                continue
            member.name, member.mtime, member.uname, member.gname, member.pax_headers = name, 0, "", "", {}
            member.linkname = member.linkname.removeprefix("./") if member.islnk() else member.linkname
            layer.addfile(member, content)
        for family in ("iptables", "ip6tables"):
            for command in (family, f"{family}-save", f"{family}-restore"):
                info = tarfile.TarInfo(f"usr/sbin/{command}")
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, "xtables-nft-multi", 0o777
                layer.addfile(info)
        bundle = b"".join(authorities)
        info = tarfile.TarInfo("etc/ssl/certs/ca-certificates.crt")
        info.size, info.mode = len(bundle), 0o644
        layer.addfile(info, io.BytesIO(bundle))


def certificate_bundle(layer: Path) -> bytes:
    """The bundle of certificate authorities in a container layer, for images without the layer."""
    with tarfile.open(layer) as tar:
        content = tar.extractfile("etc/ssl/certs/ca-certificates.crt")
        assert content is not None
        return content.read()
