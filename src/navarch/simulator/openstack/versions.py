"""What each service says of its versions, by which clients find their way."""

from navarch.simulator.openstack.catalogue import SERVICES
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request
from navarch.simulator.openstack.region import Region
from navarch.simulator.openstack.routing import Route

MICROVERSIONS = {"compute": ("2.1", "2.96"), "block-storage": ("3.0", "3.71")}
_HEADERS = {"compute": ("X-OpenStack-Nova-API-Version",)}
_NAMES = {"block-storage": "volume"}  # in OpenStack-API-Version
_VERSIONS = {  # path of the major version, its id
    "identity": ("/v3/", "v3.14"),
    "compute": ("/v2.1/", "v2.1"),
    "network": ("/v2.0/", "v2.0"),
    "block-storage": ("/v3/", "v3.0"),
    "load-balancer": ("/v2", "v2.27"),
    "image": ("/v2/", "v2.17"),
}


def _about(region: Region, service: str) -> Json:
    path, id_ = _VERSIONS[service]
    oldest, newest = MICROVERSIONS.get(service, ("", ""))
    about: Json = {
        "id": id_,
        "status": "stable" if service == "identity" else "CURRENT",
        "updated": "2026-04-01T00:00:00Z",
        "links": [{"rel": "self", "href": region.site.url + SERVICES[service][0] + path}],
    }
    if newest:
        about |= {"min_version": oldest, "version": newest}
    return about


def show_all(region: Region, request: Request) -> Answer:
    """At a service's root."""
    about = _about(region, request.service)
    if request.service == "identity":
        return Answer(300, {"versions": {"values": [about]}})
    return Answer(300 if request.service in ("block-storage", "image") else 200, {"versions": [about]})


def show_one(region: Region, request: Request) -> Answer:
    """At a version's root. Cinder answers as it does at its own; Neutron with its resources, which nobody needs."""
    about = _about(region, request.service)
    if request.service == "block-storage":
        return Answer(200, {"versions": [about]})
    if request.service == "network":
        return Answer(200, {"resources": []})
    return Answer(200, {"version": about})


def routes(service: str) -> tuple[Route, ...]:
    """Those that answer without a token."""
    return ("GET", "/", show_all), ("GET", _VERSIONS[service][0].rstrip("/"), show_one)


def negotiated(request: Request) -> dict[str, str]:
    """The headers that say by which microversion the request is answered. Raises Refused for one that is unknown."""
    known = MICROVERSIONS.get(request.service)
    if known is None:
        return {}
    name = _NAMES.get(request.service, request.service)
    asked = request.headers.get("OpenStack-API-Version", "")
    wanted = next((w.partition(" ")[2] for w in asked.split(",") if w.strip().startswith(f"{name} ")), "") or known[0]
    if wanted == "latest":
        wanted = known[1]
    if not _number(known[0]) <= _number(wanted) <= _number(known[1]):
        words = f"Version {wanted} is not supported by the API. Minimum is {known[0]} and maximum is {known[1]}."
        raise Refused(406, words)
    return {"OpenStack-API-Version": f"{name} {wanted}", **dict.fromkeys(_HEADERS.get(request.service, ()), wanted)}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
