"""python -m proofs.addons [ENTRY...] [--page FILE]

Installs entries of the catalogue (all by default), one after the other, in one cluster of this host's lab, upgrades and
removes each. Needs root, and that no other Navarch listens on the lab's address. What was measured is kept
(/var/lib/navarch-proof); the page has the last of each entry. Exit code 1 where one did not become healthy, left
something behind, or missed a goal.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.tables import table
from demo.steps import StepFailed, Teller, until
from tests.e2e.catalogue import ADDONS, addon, names, of_the_server, push
from tests.e2e.clusters import Cluster

from proofs import kept
from proofs.addons.values import values
from proofs.lifecycle.__main__ import run
from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import FOLDER, NEW, Scene, scene

_KEPT = FOLDER / "addons"
_HEAD = """# Installing add-ons on the lab

Written by `make proof-addons`: one cluster of 1+2 on the one-machine OpenStack (2 cores shared by everything), whose
workers have one vCPU and 2 GiB. Images are in the region's registry and on no node. An entry is healthy once
`navarch addon install` returns: all of its objects have what they are to have. It is upgraded to a version that makes
the pods of all its workloads anew. Times are those of a clock.
"""
_PODS = re.compile(r"^( {6,})containers:\n", re.MULTILINE)
_VERSION = re.compile(r"^version: (\S+)$", re.MULTILINE)
_OF_OTHERS = frozenset({("app.kubernetes.io/managed-by", "prometheus-operator")})
_MOST_MEMORY = {"monitoring": 600.0, "prometheus": 600.0}  # MiB, in all


def main() -> None:
    """Entry point."""
    known = sorted(folder.name for folder in ADDONS.iterdir() if (folder / "Chart.yaml").exists())
    parser = argparse.ArgumentParser(
        prog="python -m proofs.addons", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entries", nargs="*", metavar="ENTRY", help=", ".join(known))
    parser.add_argument("--page", type=Path, help="write the page there")
    options = parser.parse_args()
    if unknown := set(options.entries) - set(known):
        parser.error(f"no such entry: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    tell, bad = Teller(FOLDER / "log"), list[str]()
    tell.title("What is needed")
    try:
        with (
            scene(tell, keep=False, versions=(NEW,)) as made,
            made.cluster("proof-addons", "--workers", "2", "--zone", "z1") as cluster,
        ):
            bad = [name for name in options.entries or known if not _told(tell, made, cluster, name)]
    except StepFailed as error:
        sys.exit(f"proof-addons: {error}")
    finally:
        if options.page:
            options.page.write_text(_page([found for name in known if (found := kept.last(_KEPT, name)) is not None]))
    sys.exit(f"proof-addons: not as it should be: {', '.join(bad)}" if bad else 0)


def _told(tell: Teller, made: Scene, cluster: Cluster, name: str) -> bool:
    """Measure one entry, and tell and keep what was found. Whether all is well."""
    tell.title(name)

    def chapter(_: Scene, results: Results) -> None:
        _measure(cluster, name, results)

    results = run(name, chapter, made)
    kept.told(tell, results)
    kept.keep(_KEPT, results)
    return results.well


def _measure(cluster: Cluster, name: str, results: Results) -> None:
    push(cluster, name)
    _forget_newer(cluster, name)
    of_the_server(cluster, "catalogue", "add", str(ADDONS / name))
    with values(name, cluster) as given:
        try:
            began = monotonic()
            cluster.customer.must("addon", "install", name, "-c", cluster.name, *given, timeout=900)
            results.at_most("from the request to healthy", monotonic() - began, "s")
            results.says("pods", str(len(_pods(cluster, name))))
            memory = until("its memory is measured", lambda: _memory(cluster, name), seconds=180, every=5)
            results.at_most("memory of its pods, in all", memory / 2**20, "MiB", _MOST_MEMORY.get(name))
            _upgrade(cluster, name, results)
        finally:
            began = monotonic()
            cluster.customer.must("addon", "remove", name, "-c", cluster.name, "--with-data", "--yes", timeout=900)
            results.at_most("from the request to its being gone", monotonic() - began, "s")
            _forget_newer(cluster, name)
    left = cluster.kubectl.run("get", "namespace", name, "--ignore-not-found").split()
    results.holds("nothing is left", name not in names(cluster) and not left, left)


def _upgrade(cluster: Cluster, name: str, results: Results) -> None:
    """To a version whose pods say what is so anyway, so that all of them are made anew."""
    before = {pod["metadata"]["uid"] for pod in _of_workloads(cluster, name)}
    with tempfile.TemporaryDirectory() as folder:
        newer = Path(folder) / name
        shutil.copytree(ADDONS / name, newer)
        chart = newer / "Chart.yaml"
        version = _next(chart)
        chart.write_text(_VERSION.sub(f"version: {version}", chart.read_text(), count=1))
        for template in (newer / "templates").rglob("*.yaml"):
            template.write_text(_PODS.sub(r"\1setHostnameAsFQDN: false\n\1containers:\n", template.read_text()))
        of_the_server(cluster, "catalogue", "add", str(newer))
    began = monotonic()
    cluster.customer.must("addon", "upgrade", name, "-c", cluster.name, timeout=900)
    results.at_most("from an upgrade's request to healthy", monotonic() - began, "s")
    shown = addon(cluster, name)
    is_newer = (shown["version"], shown["status"]["phase"]) == (version, "Ready")

    def made_anew() -> bool:
        return not before & {pod["metadata"]["uid"] for pod in _of_workloads(cluster, name)}

    until("the pods of before are gone", made_anew, seconds=120)
    results.holds("upgraded, with all of its pods made anew", is_newer, [version])


def _forget_newer(cluster: Cluster, name: str) -> None:
    """Take the version that was made for an upgrade out of the catalogue, also one of a run that came to no end."""
    version = _next(ADDONS / name / "Chart.yaml")
    listed = cluster.customer.must("addon", "available", "-o", "json").json
    if any(e["name"] == name and version in {v["version"] for v in e["versions"]} for e in listed):
        of_the_server(cluster, "catalogue", "remove", name, version)


def _next(chart: Path) -> str:
    """The next patch version after that of a Chart.yaml."""
    said = _VERSION.search(chart.read_text())
    assert said is not None
    kept, _, patch = said[1].rpartition(".")
    return f"{kept}.{int(patch) + 1}"


def _of_workloads(cluster: Cluster, name: str) -> list[Any]:
    """Pods that its own workloads make. An operator's pods are the operator's, and those of a Job are made once."""
    return [
        pod
        for pod in _pods(cluster, name)
        if not _OF_OTHERS & pod["metadata"]["labels"].items()
        and "batch.kubernetes.io/job-name" not in pod["metadata"]["labels"]
    ]


def _pods(cluster: Cluster, name: str) -> list[Any]:
    found: list[Any] = cluster.kubectl.get("pods", "-n", name, "--field-selector", "status.phase=Running")["items"]
    return found


def _memory(cluster: Cluster, name: str) -> float | None:
    """Bytes that its pods have, as metrics-server says; None while it has not seen all of them."""
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{name}/pods"
    measured = json.loads(cluster.kubectl.run("get", "--raw", path))["items"]
    if {pod["metadata"]["name"] for pod in _pods(cluster, name)} - {pod["metadata"]["name"] for pod in measured}:
        return None
    return sum(_bytes(c["usage"]["memory"]) for pod in measured for c in pod["containers"])


def _bytes(said: str) -> float:
    return float(said.removesuffix("Ki")) * 2**10 if said.endswith("Ki") else float(said)


def _page(found: list[Results]) -> str:
    figures = list(dict.fromkeys(figure.what for results in found for figure in results.figures))
    rows: list[tuple[object, ...]] = [
        (results.chapter, *(_cell(results, what) for what in figures), results.date) for results in found
    ]
    failures = [f"- {results.chapter} came to no end: {results.failure}" for results in found if results.failure]
    return "\n".join([_HEAD, table(("entry", *figures, "when"), rows), *failures]).rstrip() + "\n"


def _cell(results: Results, what: str) -> str:
    figure = next((f for f in results.figures if f.what == what), None)
    if figure is None:
        return ""
    missed = f" (**missed**: {figure.goal})" if figure.met is False else ""
    return f"{figure.measured}{missed}"


if __name__ == "__main__":
    main()
