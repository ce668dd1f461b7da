"""An entry of the catalogue: a packed Helm chart, and the card that says what it is.

The chart is a plain one: `helm install` works on it, too. What has a name in Helm or on Artifact Hub keeps it; the rest
is `navarch.yaml` beside Chart.yaml, which Helm ignores.
"""

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from navarch.charts import given, terms
from navarch.charts.presenting import ICON, README, Presentation, presentation, wrong_presentation
from navarch.domain.catalogue import Card, Image, Needs, bounds_of
from navarch.domain.texts import harmless

MOST_PACKED = 2 << 20  # bytes: an entry is a row of the database, and goes to the process that renders
_MOST_UNPACKED = 20 << 20
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_VERSION = re.compile(r"\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z.-]{1,40})?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TRIAL = re.compile(r"ci/[^/]*-values\.yaml")
_ARTIFACT_HUB = "artifacthub.io/"
_PAGE_FIELDS = frozenset({"title", "namespace", "needs", "ignore", "required"})
_OF_REQUIRED = frozenset({"after", "components", "workloads"})


class NoEntry(Exception):
    """It is no entry of a catalogue; `problems` are all that was found."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Entry:
    """A version of an entry. `chart`: the archive; `schema`: its values.schema.json; `trials`: values to try it with,
    of its `ci/*-values.yaml`, as Helm's chart-testing has them: those of an entry whose defaults alone make nothing.
    `page`: its navarch.yaml."""

    card: Card
    chart: bytes
    schema: Mapping[str, Any]
    trials: tuple[Mapping[str, Any], ...] = ({},)
    page: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the archive, in hex."""
        return hashlib.sha256(self.chart).hexdigest()


def pack(folder: Path) -> bytes:
    """A chart's folder as an archive: the same bytes whenever it is packed. A link stands for the file that it leads
    to, which is one of this chart or of one beside it. Raises NoEntry, OSError."""
    named = folder / "Chart.yaml"
    if not named.is_file():
        raise NoEntry((f"{folder} is no chart: it has no Chart.yaml",))
    name = _mapping(named.read_text("utf-8"), "Chart.yaml", []).get("name", "")
    unpacked = 0
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(folder.rglob("*")):
            if not path.is_file():
                continue
            if path.is_symlink() and not _is_in_a_chart(path.resolve(), folder.resolve().parent):
                raise NoEntry((f"{path} is a link to what is in no chart of {folder.resolve().parent}",))
            content = path.read_bytes()
            unpacked += len(content)
            if unpacked > _MOST_UNPACKED:
                raise NoEntry((f"{folder} holds more than {_MOST_UNPACKED >> 20} MiB",))
            member = tarfile.TarInfo(f"{name}/{path.relative_to(folder).as_posix()}")
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _is_in_a_chart(file: Path, charts: Path) -> bool:
    """Whether a file belongs to a chart in the folder `charts`: nothing else of a machine is packed by a link to it."""
    return file.is_relative_to(charts) and (charts / file.relative_to(charts).parts[0] / "Chart.yaml").is_file()


def read(chart: bytes) -> Entry:
    """The entry in an archive. Raises NoEntry with everything that is wrong with it."""
    if len(chart) > MOST_PACKED:
        raise NoEntry((f"the archive is longer than {MOST_PACKED >> 20} MiB",))
    files = _files(chart)
    problems: list[str] = []
    about = _mapping(files.get("Chart.yaml", ""), "Chart.yaml", problems)
    more = _mapping(files.get("navarch.yaml", ""), "navarch.yaml", problems)
    schema = _schema(files.get("values.schema.json", ""), problems)
    card = _card(about, more, problems)
    if not card.required:
        problems += [f"values.schema.json: {given.GIVEN}: {asked!r} is not known" for asked in given.unknown(schema)]
    problems += wrong_presentation(files, card.icon)
    trials = tuple(_mapping(files[name], name, problems) for name in sorted(files) if _TRIAL.fullmatch(name))
    if problems:
        raise NoEntry(tuple(problems))
    return Entry(card, chart, schema, trials or ({},), more)


class _Loader(yaml.SafeLoader):
    """YAML that is as large as it looks: by aliases, a few lines can mean millions."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not taken", mark)
        return super().compose_node(parent, index)


def presented(chart: bytes) -> Presentation:
    """What the entry in an archive shows of itself; nothing where that cannot be read."""
    try:
        return presentation(_files(chart))
    except NoEntry:
        return Presentation()


def _card(about: Mapping[str, Any], more: Mapping[str, Any], problems: list[str]) -> Card:
    said, required = about.get("annotations") or {}, more.get("required") is True
    if not isinstance(said, dict):
        problems.append("Chart.yaml: annotations are no mapping")
        said = {}
    name, version = str(about.get("name", "")), str(about.get("version", ""))
    if not _NAME.fullmatch(name):
        problems.append(f"Chart.yaml: name {name!r}: 1 to 40 small letters, digits and dashes")
    if not _VERSION.fullmatch(version):
        problems.append(f"Chart.yaml: version {version!r} is not of the form 1.2.3")
    for wanted in ("description", "kubeVersion"):
        if not about.get(wanted):
            problems.append(f"Chart.yaml: {wanted} is missing")
    try:
        bounds_of(str(about.get("kubeVersion", "")))
    except ValueError as error:
        problems.append(f"Chart.yaml: kubeVersion: {error}")
    # Images of those that are required come with the node image, and by their components: they have no digest here.
    for wanted in ("category", "license", *(() if required else ("images",))):
        if f"{_ARTIFACT_HUB}{wanted}" not in said:
            problems.append(f"Chart.yaml: the annotation {_ARTIFACT_HUB}{wanted} is missing")
    fields = _PAGE_FIELDS | (_OF_REQUIRED if required else terms.FIELDS)
    if not more.get("title"):
        problems.append("navarch.yaml: title is missing")
    problems += [f"navarch.yaml: {unknown} is not a field" for unknown in sorted(set(map(str, more)) - fields)]
    namespace = str(more.get("namespace") or name)
    if not _NAMESPACE.fullmatch(namespace):
        problems.append(f"navarch.yaml: namespace {namespace[:80]!r} is none that Kubernetes takes")
    ignore = more.get("ignore") or []
    if not isinstance(ignore, list) or not all(isinstance(path, str) and path for path in ignore):
        problems.append("navarch.yaml: ignore is a list of fields, each a dotted path")
        ignore = []
    shown = {
        "Chart.yaml: appVersion": str(about.get("appVersion", "")),
        "Chart.yaml: description": str(about.get("description", "")),
        f"Chart.yaml: {_ARTIFACT_HUB}category": str(said.get(f"{_ARTIFACT_HUB}category", "")),
        f"Chart.yaml: {_ARTIFACT_HUB}license": str(said.get(f"{_ARTIFACT_HUB}license", "")),
        f"Chart.yaml: {_ARTIFACT_HUB}changes": str(said.get(f"{_ARTIFACT_HUB}changes", "")),
        "navarch.yaml: title": str(more.get("title", "")),
    }
    problems += [f"{field} has characters that are not seen" for field, text in shown.items() if harmless(text) != text]
    return Card(
        name=name,
        version=version,
        app_version=str(about.get("appVersion", "")),
        title=str(more.get("title", ""))[:60],
        description=str(about.get("description", ""))[:300],
        category=str(said.get(f"{_ARTIFACT_HUB}category", "")),
        licence=str(said.get(f"{_ARTIFACT_HUB}license", "")),
        kubernetes=str(about.get("kubeVersion", "")),
        icon=str(about.get("icon", "")),
        changes=str(said.get(f"{_ARTIFACT_HUB}changes", ""))[:5000],
        namespace=namespace,
        needs=_needs(more.get("needs") or {}, problems),
        images=tuple(_images(said.get(f"{_ARTIFACT_HUB}images", ""), problems)),
        ignore=tuple(ignore),
        deprecated=bool(about.get("deprecated", False)),
        required=required,
        terms=terms.read(name, more, problems),
    )


def _needs(said: Any, problems: list[str]) -> Needs:
    known = {"memory_mib", "cpu_millis", "volumes", "balancers"}
    if not isinstance(said, dict) or set(said) - known or not all(type(v) is int and v >= 0 for v in said.values()):
        problems.append(f"navarch.yaml: needs has whole numbers of {', '.join(sorted(known))}, and nothing else")
        return Needs()
    return Needs(**said)


def _images(text: Any, problems: list[str]) -> Iterator[Image]:
    """Of Artifact Hub's list of images each must say its digest: `image: NAME[:TAG]@sha256:...`."""
    try:
        listed = yaml.load(str(text), _Loader) or []  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError):
        listed = None
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        problems.append(f"Chart.yaml: {_ARTIFACT_HUB}images is no list of images")
        return
    for item in listed:
        reference, _, digest = str(item.get("image", "")).partition("@")
        if not reference or not _DIGEST.fullmatch(digest):
            problems.append(f"Chart.yaml: image {str(item.get('image', ''))[:200]!r} has no digest (@sha256:...)")
        else:
            yield Image(reference, digest)


def _schema(text: str, problems: list[str]) -> Mapping[str, Any]:
    if not text:
        problems.append("values.schema.json is missing: forms are made from it, and values checked")
        return {}
    try:
        schema = json.loads(text)
    except (RecursionError, ValueError) as error:
        problems.append(f"values.schema.json: {error}")
        return {}
    if not isinstance(schema, dict) or schema.get("type") != "object":
        problems.append("values.schema.json: it must describe an object")
        return {}
    try:
        problems += [f"values.schema.json: {where} refers to {to}" for where, to in _outside(schema, "#")]
    except RecursionError:
        problems.append("values.schema.json: it is nested too deeply")
    return schema


def _outside(schema: Any, where: str) -> Iterator[tuple[str, str]]:
    """References that lead out of the file."""
    if isinstance(schema, dict):
        to = schema.get("$ref")
        if isinstance(to, str) and not to.startswith("#"):
            yield where, to
        for key, inner in schema.items():
            yield from _outside(inner, f"{where}/{key}")
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from _outside(inner, f"{where}/{index}")


def _mapping(text: str, file: str, problems: list[str]) -> Mapping[str, Any]:
    try:
        read = yaml.load(text, _Loader) if text else None  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problems.append(f"{file}: {error}")
        return {}
    if not isinstance(read, dict):
        problems.append(f"{file} is missing" if not text else f"{file} is no mapping")
        return {}
    return read


def _files(chart: bytes) -> Mapping[str, str]:
    """What the card is made of, by name."""
    found: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_unpacked(chart)), mode="r:") as archive:
            for member in archive:
                _, _, name = member.name.partition("/")
                file = archive.extractfile(member) if _wanted(name) and member.isfile() else None
                if file is not None:
                    found[name] = file.read().decode("utf-8")
    except (tarfile.TarError, OSError, EOFError, UnicodeDecodeError) as error:
        raise NoEntry((f"it is no packed chart: {error}",)) from error
    return found


def _wanted(name: str) -> bool:
    return name in ("Chart.yaml", "navarch.yaml", "values.schema.json", README, ICON) or bool(_TRIAL.fullmatch(name))


def _unpacked(chart: bytes) -> bytes:
    """Bounded: a small archive may hold very much."""
    with gzip.GzipFile(fileobj=io.BytesIO(chart)) as file:
        text = file.read(_MOST_UNPACKED + 1)
    if len(text) > _MOST_UNPACKED:
        raise NoEntry((f"it unpacks to more than {_MOST_UNPACKED >> 20} MiB",))
    return text
