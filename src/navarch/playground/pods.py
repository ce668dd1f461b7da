"""`navarch-play`: what users do inside the clusters of `make play`, which no `kubectl` can talk to.

navarch-play deploy web 6 -c shop --cpu 800m
navarch-play pods -c shop
navarch-play service web -c shop
navarch-play claim data -c shop
navarch-play complain external-dns "bad return code: NOTAUTH" -c shop
"""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from navarch.addons import requests
from navarch.cli.exits import Exit, Failure, carry_out, report
from navarch.cli.options import ClusterOption, OutputOption, new_app
from navarch.cli.output import Column, Output, emit_list
from navarch.client import connect
from navarch.domain.errors import NavarchError, Permanent
from navarch.playground.folder import default_folder
from navarch.simulator.client import Simulator
from navarch.simulator.pods import Workload

_MOST_PODS = 1000
_LONGEST_TEXT = 300  # of what a program says
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
app = new_app("Put load on a cluster of `make play`: its pods are simulated, as all that runs in it.")


@app.command()
def deploy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the Deployment.")],
    replicas: Annotated[int, typer.Argument(metavar="REPLICAS", min=0, max=_MOST_PODS, help="Pods; 0: it goes.")],
    cluster: ClusterOption,
    cpu: Annotated[str, typer.Option(metavar="QUANTITY", help="What each pod asks for: 1, 800m.")] = "",
    memory: Annotated[str, typer.Option(metavar="QUANTITY", help="What each pod asks for: 256Mi, 1Gi.")] = "",
    gpu: Annotated[int, typer.Option(min=0, metavar="N", help="What each pod asks for of nvidia.com/gpu.")] = 0,
    at_least: Annotated[int, typer.Option(min=0, help="Pods that its PodDisruptionBudget keeps; 0: it has none.")] = 0,
    claim: Annotated[
        str, typer.Option(metavar="NAME", help="Claim of all pods: its volume is made where the first runs, and stays.")
    ] = "",
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A node has to have it (nodeSelector); repeat.")
    ] = None,
) -> None:
    """Make a Deployment, or change the number of its pods."""
    quantities = {"cpu": cpu, "memory": memory, "nvidia.com/gpu": str(gpu or "")}
    wanted = _workload(Workload(name, replicas, at_least, claim=claim and _name(claim)), quantities, label or [])
    with connect() as navarch:
        found = navarch.cluster(cluster)
    _simulator().deploy(found["id"], wanted)
    print(f"{name} is to have {replicas} {'pod' if replicas == 1 else 'pods'}.")


@app.command("pods")
def list_pods(cluster: ClusterOption, output: OutputOption = Output.TABLE) -> None:
    """List the pods: on which machine each is, and what it was told last."""
    with connect() as navarch:
        found = navarch.cluster(cluster)
    pods = [{"name": p.name, "node": p.node, "told": p.told} for p in _simulator().pods(found["id"])]
    columns = (
        Column("POD", lambda p: p["name"], keep=True),
        Column("NODE", lambda p: p["node"] or "Pending"),
        Column("LAST EVENT", lambda p: p["told"]),
    )
    emit_list(pods, output, columns)


@app.command()
def service(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the Service.")], cluster: ClusterOption
) -> None:
    """Make a Service of type LoadBalancer, in the namespace default: a balancer with a public address."""
    with connect() as navarch:
        found = navarch.cluster(cluster)
    _simulator().want(found["id"], service=_name(name))
    print(f"Service default/{name} is to have a balancer.")


@app.command()
def claim(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the PersistentVolumeClaim.")],
    cluster: ClusterOption,
) -> None:
    """Make a PersistentVolumeClaim of one GiB, in the namespace default: a volume."""
    with connect() as navarch:
        found = navarch.cluster(cluster)
    _simulator().want(found["id"], claim=_name(name))
    print(f"Claim default/{name} is to have a volume.")


@app.command()
def complain(
    addon: Annotated[str, typer.Argument(metavar="ADDON", help="Name of an add-on whose entry has a rule for it.")],
    cluster: ClusterOption,
    said: Annotated[str, typer.Argument(metavar="TEXT", help="What its program says; none: it is well again.")] = "",
) -> None:
    """Have an add-on's program say, by events, that it cannot work."""
    with connect() as navarch:
        found = navarch.cluster(cluster)
        name = navarch.addon(found["id"], addon)["name"]
    _simulator().complain(found["id"], name, said[:_LONGEST_TEXT])
    print(
        f"{name} {'complains' if said else 'is well again'}: seen within two minutes, if its entry has a rule for it."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (without the program's name) and give its exit code: those of `navarch`."""
    try:
        return carry_out(app, arguments, "navarch-play")
    except NavarchError as error:
        remedy = f"\n  remedy: {error.remedy}" if isinstance(error, Permanent) else ""
        return report(Failure(f"{error}{remedy}"))


def run() -> None:
    """The console script."""
    sys.exit(main())


def _simulator() -> Simulator:
    """The one of the playground that runs in `$NAVARCH_PLAY`, or where `make play` puts it."""
    return Simulator(str(default_folder() / "simulator.sock"))


def _name(name: str) -> str:
    """Raises Failure where no Service is called so."""
    if not _NAME.fullmatch(name):
        raise Failure(
            f"{name!r} is no name: lower-case letters, digits and dashes, up to 63, a letter first", Exit.USAGE
        )
    return name


def _workload(plain: Workload, quantities: Mapping[str, str], labels: Sequence[str]) -> Workload:
    """With what the options say. Raises Failure, with all that is wrong."""
    said = {name: quantity for name, quantity in quantities.items() if quantity}
    asked, pairs = requests.amounts(said), [text.partition("=") for text in labels]
    wrong = [f"--{name}: {said[name]!r} is no quantity" for name, amount in asked if not amount]
    wrong += [f"--label: {''.join(pair)!r} is not KEY=VALUE" for pair in pairs if not pair[0] or not pair[1]]
    if wrong:
        raise Failure("; ".join(wrong), Exit.USAGE)
    return replace(plain, requests=asked, node_selector=tuple(sorted((key, value) for key, _, value in pairs)))
