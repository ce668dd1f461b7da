"""Rendering by Helm's own engine, in a process of its own for each rendering.

A chart is somebody else's program: its templates may loop, grow, or ask for files. `navarch-render` (source:
`images/go/chart-renderer`) bounds its own memory and CPU time and opens neither files nor sockets; here its time by the
clock and the bytes of its answer are bounded. It gets no environment and nothing secret but the values.
"""

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from navarch.charts.places import Crowded, Places
from navarch.domain.errors import FieldError, NavarchError, Permanent, Responsible, Temporary

Object = dict[str, Any]

SECONDS = 30.0
"""Of a rendering, by the clock. A large chart (two hundred objects, ten thousand lines) takes half of one."""
MOST_OBJECTS = 500
_AT_ONCE = 3  # in one process: each may take half a GiB
_WAIT = 8  # of one owner


class Unrenderable(NavarchError):
    """A chart does not render with these values; `problems` are all that was found."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Lookup:
    """What templates ask the cluster for. Without a name: all of the namespace; without one of the cluster."""

    api_version: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a lookup; no objects: there are none."""

    lookup: Lookup
    objects: tuple[Object, ...]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a chart is told of where it goes. `kubernetes`: the cluster's version; `apis`: all that it serves, as
    `group/version` and `group/version/Kind` (none: what Helm takes for granted); `upgrade`: it is there already."""

    name: str
    namespace: str
    kubernetes: str = ""
    apis: tuple[str, ...] = ()
    upgrade: bool = False
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a chart makes. `definitions`: of its folder `crds`. `objects` of its templates, hooks among them. `lookups`:
    what was asked and not found in the circumstances: with answers it may render otherwise."""

    definitions: tuple[Object, ...]
    objects: tuple[Object, ...] = field(repr=False)
    lookups: tuple[Lookup, ...] = ()
    notes: str = ""


class Renderer:
    """The way to the program at this path. Safe to use from threads. `owner` is whose rendering it is, a project's: one
    renders one chart at a time, so that the others' turn comes."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._places = Places(_AT_ONCE, _WAIT)

    def render(
        self, chart: bytes, values: Mapping[str, Any], circumstances: Circumstances, *, owner: str = ""
    ) -> Rendered:
        """Raises Unrenderable with every problem, Temporary where there is no place, Permanent where the program does
        not do its work."""
        said = self._ask(chart, values, circumstances, owner)
        lookups = tuple(
            Lookup(asked["apiVersion"], asked["kind"], asked["namespace"], asked["name"])
            for asked in said["lookups"] or ()
        )
        objects = tuple(item["content"] for item in said["objects"] or ())
        definitions = tuple(said["definitions"] or ())
        if len(objects) + len(definitions) > MOST_OBJECTS:
            raise Unrenderable((f"it has {len(objects) + len(definitions)} objects; {MOST_OBJECTS} are the most",))
        if wrong := tuple(dict.fromkeys(_no_texts((*definitions, *objects)))):
            raise Unrenderable(wrong)
        return Rendered(definitions, objects, lookups, said["notes"])

    def wrong_values(self, chart: bytes, values: Mapping[str, Any], *, owner: str = "") -> tuple[FieldError, ...]:
        """Every value that does not fit the chart's schema."""
        try:
            self._ask(chart, values, Circumstances("release", "default"), owner, values_only=True)
        except Unrenderable as error:
            found = [_field_error(problem, values) for problem in error.problems]
            return tuple(one for one in found if one.detail != _HEADING) or tuple(found)
        return ()

    def _ask(
        self, chart: bytes, values: Mapping[str, Any], at: Circumstances, owner: str, *, values_only: bool = False
    ) -> dict[str, Any]:
        request = {
            "chart": b64encode(chart).decode(),
            "values": values,
            "release": at.name,
            "namespace": at.namespace,
            "kubernetes": at.kubernetes,
            "apis": at.apis,
            "upgrade": at.upgrade,
            "found": [{**_said(answer.lookup), "objects": answer.objects} for answer in at.found],
            "values_only": values_only,
        }
        try:
            with self._places.one_of(owner, SECONDS):
                done = self._run(json.dumps(request).encode())
        except Crowded:
            raise Temporary("too many charts are being rendered", reason="RendererBusy", after=5.0) from None
        if done.returncode < 0 or done.returncode == _GO_GAVE_UP:
            raise Unrenderable(("it takes more memory or CPU time to render than a chart may",))
        try:
            said: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        except ValueError:
            said = {}
        if not said:
            raise _useless(done.stderr[-500:].decode(errors="replace").strip() or f"exit code {done.returncode}")
        if said["problems"]:
            raise Unrenderable(tuple(str(problem)[:1000] for problem in said["problems"][:100]))
        return said

    def _run(self, request: bytes) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(
                [str(self._program)],
                input=request,
                capture_output=True,
                timeout=SECONDS,
                env={},
                cwd="/",
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unrenderable((f"it does not render within {SECONDS:.0f} s",)) from None
        except OSError as error:
            raise _useless(f"{self._program}: {error.strerror}") from error


_WRONG_KEY = re.compile(r": invalid propertyName '(.*)'$")
_HEADING = "validation failed"  # of an object, above what is wrong in it
_GO_GAVE_UP = 2  # of Go's runtime: out of memory, a stack that never ends


def _said(lookup: Lookup) -> dict[str, str]:
    return {
        "apiVersion": lookup.api_version,
        "kind": lookup.kind,
        "namespace": lookup.namespace,
        "name": lookup.name,
    }


def _field_error(problem: str, values: Mapping[str, Any]) -> FieldError:
    """`at '/a/b': got string, want integer`, as the schema's checker says it. Of a key that its object may not have it
    says the key and, as seen with that of Helm 4.3, a wrong place: the key is looked for."""
    if key := _WRONG_KEY.search(problem):
        holder = next(_holders(values, key[1]), ())
        return FieldError(".".join(["values", *holder]), f"must not have the key {key[1]!r}")
    where, found, detail = problem.removeprefix("at ").partition(": ")
    if not found or not where.startswith("'"):
        return FieldError("values", problem)
    return FieldError(".".join(["values", *filter(None, where.strip("'").split("/"))]), detail)


def _holders(values: Any, key: str, *where: str) -> Iterator[tuple[str, ...]]:
    """Where there are objects with such a key."""
    if isinstance(values, Mapping) and key in values:
        yield where
    parts = values.items() if isinstance(values, Mapping) else enumerate(values) if isinstance(values, list) else ()
    for name, inner in parts:
        yield from _holders(inner, key, *where, str(name))


def _no_texts(objects: tuple[Object, ...]) -> Iterator[str]:
    """By what objects are known has to be text: a template that does not quote a name makes true of one that is `y`."""
    for made in objects:
        at = made.get("metadata")
        known = {f"metadata.{k}": at.get(k) for k in ("name", "namespace") if k in at} if isinstance(at, dict) else {}
        for what, value in {"kind": made.get("kind"), "apiVersion": made.get("apiVersion"), **known}.items():
            if not isinstance(value, str):
                yield f"{made.get('kind')}: its {what} is {value!r} and no text: the chart has to quote it"


def _useless(why: str) -> Permanent:
    return Permanent(
        f"charts cannot be rendered: {why}",
        reason="RendererBroken",
        responsible=Responsible.NAVARCH_OPERATOR,
        remedy="Build navarch-render with `navarch-images tools`, and name it in the setting `catalogue.renderer`.",
    )
