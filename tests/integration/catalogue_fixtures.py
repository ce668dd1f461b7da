"""Entries of a catalogue whose charts need no program to be rendered."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from navarch.charts.rendering import Circumstances, Rendered, Renderer
from navarch.domain.catalogue import Card, Image
from navarch.domain.errors import FieldError
from navarch.domain.terms import NONE, Terms
from navarch.store.catalogue_side import CatalogueSide
from navarch.store.contract import StoredEntry

ICON = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M3 3h18"/></svg>'
SCHEMA = {
    "type": "object",
    "properties": {"size": {"type": "integer"}, "password": {"type": "string", "writeOnly": True}},
}


class Unchanging(Renderer):
    """Renders a ConfigMap and a Secret of whatever values, a claim of `disk` and a balancer where `balancer` is set;
    `size` must be a number. Entry `boats` defines a kind,
    `hooked` has a test and what runs before its removal."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))

    def render(
        self, chart: bytes, values: Mapping[str, Any], circumstances: Circumstances, *, owner: str = ""
    ) -> Rendered:
        settings = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": circumstances.name},
            "data": {"size": str(values.get("size", 1)), "chart": chart.decode(errors="replace")},
        }
        password = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": circumstances.name},
            "stringData": {"password": values.get("password", "none")},
        }
        kinds = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
        defined = ({**kinds, "metadata": {"name": "boats.example.org"}},) if chart.startswith(b"boats ") else ()
        hooks = (
            [_job(*of) for of in (("speaks", "test"), ("drain", "pre-delete"))] if chart.startswith(b"hooked ") else ()
        )
        return Rendered(defined, (settings, password, *hooks, *_taking(values)))

    def wrong_values(self, chart: bytes, values: Mapping[str, Any], *, owner: str = "") -> tuple[FieldError, ...]:
        size, password = values.get("size", 1), values.get("password", "none")
        wrong = [] if isinstance(size, int) else [FieldError("values.size", "got string, want integer")]
        if password.startswith("unfit"):
            wrong.append(FieldError("values.password", f"{password!r} does not match a pattern"))
            wrong.append(FieldError("values", f"not so: {password!r}"))
        return tuple(wrong)


def _taking(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "disk" in values:
        spec = {"resources": {"requests": {"storage": values["disk"]}}}
        yield {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}
    if values.get("balancer"):
        yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "door"}, "spec": {"type": "LoadBalancer"}}


def _job(name: str, when: str) -> dict[str, Any]:
    metadata = {"name": name, "annotations": {"helm.sh/hook": when}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {}}


def add_entry(
    store: CatalogueSide,
    name: str,
    version: str,
    kubernetes: str = ">=1.30.0-0",
    schema: Mapping[str, Any] = SCHEMA,
    terms: Terms = NONE,
    files: Mapping[str, str] | None = None,
) -> None:
    """Put a version of an entry into the catalogue. `files`: its chart has them, as README.md and icon.svg."""
    chart = f"{name} {version}".encode() if files is None else packed(files)
    card = Card(
        name, version, name.title(), "An entry.", "database", "Apache-2.0", kubernetes, namespace=name,
        changes=f"What is new in {version}.",
        icon="file:icon.svg" if files and "icon.svg" in files else "",
        images=(Image("registry.example.org/x:1", "sha256:" + "0" * 64),), terms=terms,
    )  # fmt: skip
    store.add_entry(StoredEntry(card, dict(schema), sha256(chart).hexdigest()), chart)


def packed(files: Mapping[str, str]) -> bytes:
    """A chart of these files alone: enough to be read, and not to be rendered by Helm."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"chart/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return made.getvalue()
