"""The catalogue of add-ons: its entries as cards, and each with its README, what is new, images, needs and versions."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from navarch.console.readmes import drawn, news
from navarch.console.visits import InProject

router = APIRouter()
Version = Annotated[str, Query(max_length=60)]
# An icon is a chart author's. Pages show it as an image; opened by itself it is a document in which nothing runs.
_AS_IMAGE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cache-Control": "private, max-age=3600",
}


@router.get("/catalogue")
def show_all(visit: InProject) -> Response:
    """What can be had."""
    return visit.page("catalogue/list.html", entries=visit.navarch.entries())


@router.get("/catalogue/{entry}")
def show(
    visit: InProject,
    entry: str,
    version: Version = "",
    cluster: Annotated[str, Query(alias="for", max_length=63)] = "",
) -> Response:
    """An entry in one version. `for`: the cluster that it is looked at for."""
    found = visit.navarch.cluster(cluster) if cluster else None
    kubernetes = found["spec"]["kubernetes_version"] if found is not None else None
    its = visit.navarch.entry(entry, version=version or None, kubernetes=kubernetes)
    return visit.page(
        "catalogue/show.html",
        cluster=found,
        entry=its,
        kubernetes=next(v["kubernetes"] for v in its["versions"] if v["version"] == its["version"]),
        readme=drawn(its["readme"], its["title"]),
        versions=[(offered, news(offered["changes"])) for offered in its["versions"]],
    )


@router.get("/catalogue/{entry}/icon")
def show_icon(visit: InProject, entry: str, version: Version = "") -> Response:
    """Its icon, an SVG."""
    icon = visit.navarch.entry_icon(entry, version=version or None)
    return Response(icon, media_type="image/svg+xml", headers=_AS_IMAGE)
