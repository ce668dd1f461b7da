"""navarch-images: build the bundle and the node image of a Kubernetes version, and put the image into a cloud.

    navarch-images list
    navarch-images plan 1.37.2                   what is to be built, and how long it will about take here
    navarch-images prepare                       install what building needs
    navarch-images bundle 1.37.2                 programs and container images
    navarch-images node 1.37.2                   the node image (and the bundle, if it is not there)
    navarch-images register 1.37.2 --cloud admin upload it to glance (and build it, if it is not there)
    navarch-images sbom 1.37.2                   what the newest node image that is built consists of, as CycloneDX
    navarch-images vulnerabilities 1.37.2        what is known against it, and mended in newer versions (exit code 3)
    navarch-images make-key release.key          a key to sign bundles with, and release.pub
    navarch-images sign 1.37.2 --key release.key the newest bundle that is built
    navarch-images verify FOLDER --key release.pub
    navarch-images tools                         programs that Navarch's own hosts run: navarch-render, navarch-registry
    navarch-images entry addons/monitoring       the images that an entry of the catalogue names
    navarch-images push addons/monitoring --to https://registry.example.org   into the region's registry
    navarch-images pin-images addons/monitoring  write the digests of what is built here into an entry
    navarch-images prune                         remove all but the newest bundle and node image of each version
    navarch-images pin 1.37.2 etcd               write a component's go.mod and go.sum anew

Everything is kept under $NAVARCH_CACHE (default /var/cache/navarch); what is there is not built again.
Exit codes: 0, 1 (something failed, stderr says what), 2 (a misspelt command); of `vulnerabilities` also 3 (something
fixable was found) and 4 (a database could not be asked).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from navarch_images import debian_tracker, entries, glance, programs, sbom, signing, vulnerabilities
from navarch_images.bundle import make_bundle
from navarch_images.cache import Cache
from navarch_images.commands import run as run_command
from navarch_images.errors import ImagesError
from navarch_images.host import prepare
from navarch_images.node import make_node
from navarch_images.progress import Progress, words
from navarch_images.push import Registry
from navarch_images.release import accepted, checks, find, known, offer, tools, trials

_FOUND = 3  # exit code of `vulnerabilities` where something fixable was found


def run() -> None:
    """Entry point of the command."""
    sys.exit(main(sys.argv[1:]))


def main(words: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(words)
    tell = _clock(sys.stderr if options.command is _vulnerabilities else sys.stdout)
    try:
        command: Callable[[argparse.Namespace, Cache, Callable[[str], None]], int | None] = options.command
        cache = Cache.default()
        if command in (_list, _plan, _sbom, _vulnerabilities, _make_key, _verify):
            return command(options, cache, tell) or 0
        with cache.alone(tell):
            return command(options, cache, tell) or 0
    except ImagesError as error:
        print(f"navarch-images: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        prog="navarch-images", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("list", help="versions and what is built of them").set_defaults(command=_list)
    commands.add_parser("prepare", help="install what building needs").set_defaults(command=_prepare)
    tool = commands.add_parser("tools", help="programs that Navarch's own hosts run")
    tool.add_argument("names", nargs="*", metavar="NAME", help="some of them: chart-renderer, registry; or govulncheck")
    tool.set_defaults(command=_tools)
    for name, action, text in (
        ("entry", _entry, "the container images that an entry of the catalogue names"),
        ("pin-images", _pin_images, "write the digests of what is built here into an entry"),
    ):
        about = commands.add_parser(name, help=text)
        about.add_argument("chart", type=Path, help="the folder of an entry, as addons/monitoring")
        about.set_defaults(command=action)
    pushing = commands.add_parser("push", help="put container images into a registry")
    pushing.add_argument("what", nargs="+", help="the folder of an entry, or a Kubernetes version: all of its bundle")
    pushing.add_argument("--to", required=True, metavar="URL", help="https://HOST[:PORT]")
    pushing.add_argument("--ca", type=Path, help="PEM of the authority that the registry is believed by")
    pushing.add_argument("--user", default="navarch")
    pushing.add_argument("--password-file", type=Path, help="with the password of those who push")
    pushing.set_defaults(command=_push)
    commands.add_parser("prune", help="remove what newer builds replaced").set_defaults(command=_prune)
    plan = commands.add_parser("plan", help="what is to be built, and how long it will about take")
    plan.add_argument("version")
    plan.set_defaults(command=_plan)
    bill = commands.add_parser("sbom", help="what the newest node image that is built consists of, as CycloneDX")
    bill.add_argument("version")
    bill.add_argument("--bundle", action="store_true", help="of the newest bundle alone")
    bill.set_defaults(command=_sbom)
    known_bad = commands.add_parser("vulnerabilities", help="what is known against the newest node image, and fixable")
    known_bad.add_argument("version")
    known_bad.add_argument("--go-database", default=vulnerabilities.GO_DATABASE, metavar="URL_OR_FOLDER")
    known_bad.add_argument("--debian-tracker", default=vulnerabilities.DEBIAN_TRACKER, metavar="URL_OR_FILE")
    known_bad.add_argument("--accepted", type=Path, metavar="FILE", help="more of what the release's accepted.toml has")
    known_bad.add_argument("-o", "--output", choices=("table", "json"), default="table")
    known_bad.set_defaults(command=_vulnerabilities)
    key = commands.add_parser("make-key", help="a key to sign bundles with, and what others check with")
    key.add_argument("file", type=Path)
    key.set_defaults(command=_make_key)
    signed = commands.add_parser("sign", help="sign the newest bundle that is built")
    signed.add_argument("version")
    signed.set_defaults(command=_sign)
    checked = commands.add_parser("verify", help="check a bundle's signature, and that it holds what was signed")
    checked.add_argument("folder", type=Path)
    checked.set_defaults(command=_verify)
    for keyed in (signed, checked):
        keyed.add_argument("--key", type=Path, required=True, metavar="FILE")
    for name, text, command in (
        ("bundle", "programs and container images", _bundle),
        ("node", "the node image", _node),
        ("register", "upload the node image to glance", _register),
    ):
        sub = commands.add_parser(name, help=text)
        sub.add_argument("version", help="Kubernetes version, such as 1.37.2")
        sub.add_argument("--fresh-packages", action="store_true", help="take Debian's packages anew from its archive")
        sub.add_argument("--trim", action="store_true", help="drop Go's build cache (up to 5 GB) when all is built")
        sub.set_defaults(command=command)
        if name == "register":
            sub.add_argument("--cloud", default="admin", help="name in clouds.yaml (default: admin)")
    pin = commands.add_parser("pin", help="write a component's go.mod and go.sum anew")
    pin.add_argument("version")
    pin.add_argument("component")
    pin.set_defaults(command=_pin)
    return parser


def _clock(stream: TextIO) -> Callable[[str], None]:
    start = time.monotonic()
    return lambda text: print(f"[{time.monotonic() - start:6.1f} s] {text}", file=stream, flush=True)


def _list(_options: argparse.Namespace, cache: Cache, _tell: Callable[[str], None]) -> None:
    for version in known():
        release = find(version)
        print(f"{version}  {release.announced()}")
    for kind, file in (("bundle", "manifest.json"), ("node image", "node.json")):
        folder = cache.root / ("bundles" if kind == "bundle" else "images")
        for path in sorted(folder.glob(f"*/{file}"), key=lambda path: path.stat().st_mtime):
            print(f"{kind} {path.parent}")


def _plan(options: argparse.Namespace, cache: Cache, _tell: Callable[[str], None]) -> None:
    """Looks, and says: nothing is installed, fetched or built."""
    todo = programs.missing(find(options.version).components, cache)
    if not todo:
        print(f"Kubernetes {options.version}: every program is built")
        return
    whole = Progress({component.name: component.cpu_seconds for component in todo}, print)
    print(
        f"Kubernetes {options.version}: {', '.join(component.name for component in todo)} to compile, once; "
        f"{words(whole.remaining)} on this machine ({os.cpu_count()} cores)"
    )


def _sbom(options: argparse.Namespace, cache: Cache, _tell: Callable[[str], None]) -> None:
    """Looks, and says: nothing is built."""
    kind, file = ("bundles", "manifest.json") if options.bundle else ("images", "node.json")
    facts, folder = _newest(cache, kind, file, options.version)
    if options.bundle:
        made = sbom.bundle_bill(facts, folder.name)
    else:
        made = sbom.node_bill(facts, json.loads((_bundle_of(cache, facts, folder) / "manifest.json").read_text()))
    print(json.dumps(made, indent=1))


def _vulnerabilities(options: argparse.Namespace, cache: Cache, tell: Callable[[str], None]) -> int:
    """Asks both databases, or fails: an answer of one of them would look like a whole one."""
    release = find(options.version)
    facts, folder = _newest(cache, "images", "node.json", release.kubernetes)
    bundle = _bundle_of(cache, facts, folder)
    try:
        own = options.accepted.read_text() if options.accepted else ""
    except OSError as error:
        raise ImagesError(f"{options.accepted} cannot be read: {error.strerror}") from error
    argued = [*vulnerabilities.accepted(accepted()), *vulnerabilities.accepted(own)]
    with cache.alone(tell):
        (checker,) = programs.build_all(checks(), cache, tell)
    tell(f"asking {options.debian_tracker}")
    status = run_command("packages", ["/usr/sbin/debugfs", "-R", "cat /var/lib/dpkg/status", folder / "node.raw"])
    installed = debian_tracker.sources(status)
    if not installed:  # debugfs ends well whatever it says
        raise ImagesError(f"no list of packages can be read from {folder / 'node.raw'}")
    found = debian_tracker.findings(vulnerabilities.document(options.debian_tracker), release.suite, installed)
    not_go = {name for component in release.components if component.compiler != "go" for name in component.binaries}
    made = {
        item["name"]: bundle / item["file"] for item in json.loads((bundle / "manifest.json").read_text())["programs"]
    }
    asked = {name: path for name, path in made.items() if name not in not_go}
    tell(f"asking {options.go_database} about {len(asked)} programs")
    changed, of_go = vulnerabilities.go_findings(checker.binary("govulncheck"), asked, options.go_database)
    judged = vulnerabilities.judge([*found, *of_go], argued, datetime.now(UTC).date())
    count = sum(item.counts for item in judged)
    if options.output == "json":
        items = [{**asdict(item.finding), "counts": item.counts, "why": item.why} for item in judged]
        head = {"kubernetes": release.kubernetes, "image": facts["digest"], "go_database_changed": changed}
        print(json.dumps({**head, "counting": count, "findings": items}, indent=1))
    else:
        print(vulnerabilities.table(judged))
        print(f"Node image {facts['digest']}: {count} fixable of {len(judged)} known. Go's database is of {changed}.")
    return _FOUND if count else 0


def _bundle_of(cache: Cache, facts: dict[str, str], folder: Path) -> Path:
    """Where the bundle of a node image is. Raises ImagesError."""
    bundle = cache.root / "bundles" / facts["bundle"]
    if not (bundle / "manifest.json").exists():
        raise ImagesError(f"the bundle of {folder} is not here any more, {bundle}")
    return bundle


def _make_key(options: argparse.Namespace, _cache: Cache, _tell: Callable[[str], None]) -> None:
    try:
        print(signing.make_key(options.file))
    except OSError as error:
        raise ImagesError(f"{options.file} cannot be made: {error.strerror}") from error


def _sign(options: argparse.Namespace, cache: Cache, _tell: Callable[[str], None]) -> None:
    print(signing.sign(_newest(cache, "bundles", "manifest.json", options.version)[1], options.key))


def _verify(options: argparse.Namespace, _cache: Cache, _tell: Callable[[str], None]) -> None:
    signing.verify(options.folder, options.key)
    print(f"{options.folder} is signed, and holds what was signed")


def _newest(cache: Cache, kind: str, file: str, version: str) -> tuple[dict[str, str], Path]:
    """Of what is built of a version. Raises ImagesError."""
    built = [found for found in _built(cache, kind, file) if found[0]["kubernetes"] == version]
    if not built:
        raise ImagesError(f"no {'bundle' if kind == 'bundles' else 'node image'} of {version} is built here")
    return max(built, key=lambda found: found[1].stat().st_mtime)


def _prepare(_options: argparse.Namespace, _cache: Cache, tell: Callable[[str], None]) -> None:
    prepare(tell)


def _bundle(options: argparse.Namespace, cache: Cache, tell: Callable[[str], None]) -> None:
    prepare(tell)
    bundle = make_bundle(find(options.version), cache, tell, fresh=options.fresh_packages)
    _trim(options, cache)
    tell("done")
    print(bundle.folder)


def _node(options: argparse.Namespace, cache: Cache, tell: Callable[[str], None]) -> None:
    prepare(tell)
    image = make_node(find(options.version), cache, tell, fresh=options.fresh_packages)
    _trim(options, cache)
    tell("done")
    print(image.raw)


def _register(options: argparse.Namespace, cache: Cache, tell: Callable[[str], None]) -> None:
    prepare(tell)
    release = find(options.version)
    image = make_node(release, cache, tell, fresh=options.fresh_packages)
    _trim(options, cache)
    print(glance.register(glance.connect(options.cloud), release, image, tell))


def _tools(options: argparse.Namespace, cache: Cache, tell: Callable[[str], None]) -> None:
    """Needs no root and nothing but Go. Prints where each program is."""
    every = (*tools(), *checks())
    unknown = set(options.names) - {component.name for component in every}
    if unknown:
        known_ones = ", ".join(component.name for component in every)
        raise ImagesError(f"no tool is called {', '.join(sorted(unknown))}; there are: {known_ones}")
    wanted = [component for component in every if component.name in options.names] if options.names else tools()
    for built in programs.build_all(wanted, cache, tell):
        for name in built.component.binaries:
            print(cache.link(built.binary(name)))


def _entry(options: argparse.Namespace, cache: Cache, tell: Callable[[str], None]) -> None:
    """Needs no root and nothing but Go. Prints each image with its digest."""
    for archive in entries.archives_of(options.chart, cache, tell):
        print(f"{archive.reference}@{archive.digest}")


def _pin_images(options: argparse.Namespace, cache: Cache, tell: Callable[[str], None]) -> None:
    for archive in entries.pin_images(options.chart, cache, tell):
        print(f"{archive.reference}@{archive.digest}")


def _push(options: argparse.Namespace, cache: Cache, tell: Callable[[str], None]) -> None:
    try:
        password = options.password_file.read_text().strip() if options.password_file else ""
    except OSError as error:
        raise ImagesError(f"{options.password_file}: {error.strerror}") from error
    archives: list[entries.Archive] = []
    for what in options.what:
        if what.removeprefix("v") in known():
            _, folder = _newest(cache, "bundles", "manifest.json", what.removeprefix("v"))
            archives += entries.archives_of_bundle(folder / "manifest.json")
        else:
            archives += entries.archives_of(Path(what), cache, tell)
    with Registry(options.to, ca=options.ca, user=options.user, password=password) as registry:
        for archive in archives:
            sent = registry.push(archive)
            tell(f"{archive.reference}@{archive.digest[:19]}… {'pushed' if sent else 'is there already'}")


def _prune(_options: argparse.Namespace, cache: Cache, tell: Callable[[str], None]) -> None:
    keep: dict[str, set[str]] = {"components": set(), "bundles": set(), "images": set()}
    keys = {item for version in known() for item in programs.component_folders(find(version).components)}
    keep["components"] = keys | programs.component_folders((*tools(), *checks(), *trials(), *offer().components))
    keep["catalogue"] = entries.folders(cache)
    for kind, file in (("images", "node.json"), ("bundles", "manifest.json")):
        for facts, folder in _built(cache, kind, file):
            newest = all(
                folder.stat().st_mtime >= other.stat().st_mtime
                for others, other in _built(cache, kind, file)
                if others["kubernetes"] == facts["kubernetes"]
            )
            if newest:
                keep[kind].add(folder.name)
    tell(f"removed {cache.sweep(keep)} folders")


def _built(cache: Cache, kind: str, file: str) -> list[tuple[dict[str, str], Path]]:
    return [(json.loads(path.read_text()), path.parent) for path in (cache.root / kind).glob(f"*/{file}")]


def _pin(options: argparse.Namespace, cache: Cache, tell: Callable[[str], None]) -> None:
    for component in (*find(options.version).components, *tools(), *checks(), *trials(), *offer().components):
        if component.name == options.component:
            programs.pin(component, cache)
            tell(f"pinned {component.source}/go.mod and go.sum")
            return
    raise ImagesError(f"release {options.version} has no component {options.component}")


def _trim(options: argparse.Namespace, cache: Cache) -> None:
    if options.trim:
        programs.trim_go_cache(cache, 0)
