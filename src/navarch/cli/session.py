"""From the options before the command to a client."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from navarch.client.clusters import Navarch


@dataclass(frozen=True, slots=True)
class Target:
    """Which cloud, and where Navarch is if the catalogue is not to be asked."""

    cloud: str | None = None
    region: str | None = None
    endpoint: str | None = None
    all_projects: bool = False


def target_of(ctx: typer.Context) -> Target:
    """What the options before the command say."""
    return ctx.find_object(Target) or Target()


def connected(ctx: typer.Context, *, all_projects: bool = False) -> "Navarch":
    """A client for the cloud that the command line and the environment name."""
    from navarch.client import connect

    target = target_of(ctx)
    return connect(
        cloud=target.cloud,
        region=target.region,
        endpoint=target.endpoint,
        all_projects=all_projects or target.all_projects,
        on_wait=_tell,
    )


def _tell(why: str, seconds: float) -> None:
    from navarch.cli.output import note

    note(f"{why}; again in {seconds:.1f} s")


def complete_cluster(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of clusters, for the shell's completion; none where they cannot be had."""
    return _completed(ctx, incomplete, lambda navarch: [c["name"] for c in navarch.clusters()])


def complete_machine(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the machines of the cluster that the words before name, without what all of them begin with unless that
    is begun."""
    from navarch.cli.values import stem_of

    cluster = ctx.params.get("cluster")
    if not cluster:
        return []

    def names(navarch: "Navarch") -> list[str]:
        stem = stem_of(navarch.cluster(cluster))
        whole = [machine["name"] for machine in navarch.machines(cluster)]
        return [name.removeprefix(stem) for name in whole] + (whole if incomplete else [])

    return _completed(ctx, incomplete, names)


def _completed(ctx: typer.Context, incomplete: str, names: "Callable[[Navarch], list[str]]") -> list[str]:
    from navarch.client.errors import ClientError

    root = ctx.find_root().params
    options = ("os_cloud", "os_region_name", "endpoint", "all_projects")
    ctx.obj = Target(*(root.get(name) for name in options))  # type: ignore[arg-type]
    try:
        with connected(ctx) as navarch:
            return [name for name in names(navarch) if name.startswith(incomplete)]
    except ClientError:
        return []
