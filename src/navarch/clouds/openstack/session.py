"""Sessions with the cloud: one per customer project, made on first use, all of Navarch's one service user.

Every request is bounded: 5 s to connect, 30 s to be answered. One that only reads is made again within the bound of
`patience`. Nothing else waits, and nothing polls. Safe to call from threads.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from keystoneauth1 import adapter, session
from keystoneauth1.exceptions import (
    ClientException,
    ConnectFailure,
    DiscoveryFailure,
    EndpointNotFound,
    Unauthorized,
)
from keystoneauth1.identity import v3
from requests.adapters import BaseAdapter

from navarch.clouds.openstack import errors
from navarch.clouds.openstack.patience import Patience
from navarch.clouds.openstack.transport import Fenced
from navarch.domain import clocks

Json = dict[str, Any]
_TIMEOUT = (5.0, 30.0)  # seconds to connect, to be answered
_REQUEST_ID = "X-OpenStack-Request-ID"  # asked with: the global id; answered with: the service's own
_HAS_VERSION = re.compile(r"/v[0-9]")
_SERVICES = {  # catalogue type, major version, microversion: the oldest that has what is asked for (Train has them all)
    # tags at creation 2.52, flavor in the answer 2.47, server group policy 2.64, type of a root volume 2.67, whether a
    # volume goes with its server 2.79
    "compute": ("2.1", "2.79"),
    "network": ("2", None),
    "block-storage": ("3", "3.59"),  # filters by metadata 3.22, zones of volume types 3.52
    "load-balancer": ("2", None),
    "image": ("2", None),
    "identity": ("3", None),
}


@dataclass(frozen=True, slots=True)
class OpenStackSettings:
    """How Navarch reaches a cloud. The service user needs the role `member`, inherited, on the domains of the projects
    it works in, a role in `project`, and `manager` on the Keystone domain `cluster_domain`, where clusters get users.

    `ca_file`: PEM of the CA that signs the endpoints; None trusts the system's. `interface` is the catalogue's:
    public, internal or admin. `load_balancer_provider`: Octavia's, ovn or amphora. `owners`: ids of the projects whose
    images and external networks are offered; empty: see `offer.read_offer`. `delegated_roles`: those that clusters' own
    users get in their projects. `volumes_per_machine`: how many Nova lets a machine have; 0: not known.
    """

    auth_url: str
    username: str
    password: str = field(repr=False)
    user_domain_name: str = "Default"
    region: str = "RegionOne"
    ca_file: str | None = None
    cluster_domain: str = "navarch"
    interface: str = "public"
    project: str = "service"
    project_domain_name: str = "Default"
    load_balancer_provider: str = "ovn"
    owners: frozenset[str] = frozenset()
    delegated_roles: frozenset[str] = frozenset({"member", "load-balancer_member"})
    volumes_per_machine: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it went: `status` is HTTP's, 0 where no answer came; `request_id` the service's own, with which its
    log begins the lines about it."""

    service: str
    method: str
    path: str
    status: int
    seconds: float
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """Ties requests to what they are for. `request_id` gives the id of the request that is being served on this thread,
    or an empty text: it goes along, and OpenStack's services log it as the global request id. `asked` is told of every
    request, on the thread that made it."""

    request_id: Callable[[], str] = lambda: ""
    asked: Callable[[Asked], None] = lambda _: None


class Service:
    """One service of the cloud, spoken to in one scope. `doing` in its methods completes "Cannot ...": it is what a
    person reads when the service refuses. Every method makes one request (`items`: one a page); those that read make it
    again where no answer comes."""

    def __init__(
        self,
        name: str,
        requests_of: adapter.Adapter,
        trace: Trace,
        patience: Patience,
        clock: Callable[[], datetime],
    ) -> None:
        self.name, self._clock = name, clock
        self._ahead = timedelta()  # by how much the service's clock is ahead of ours
        self._adapter, self._trace, self._patience = requests_of, trace, patience
        self._url: str | None = None

    def get(self, path: str, doing: str, **params: Any) -> Json:
        """The answer's body."""
        return self._json(self._read(path, doing, params=params), doing)

    def look_up(self, path: str, doing: str) -> Json | None:
        """The same of one object, or None where it is gone."""
        try:
            return self.get(path, doing)
        except errors.Vanished:
            return None

    def items(self, path: str, key: str, doing: str, **params: Any) -> list[Json]:
        """Everything of a list, whatever the size of the service's pages. Of the next one's address the query counts:
        a service behind a proxy may not know at which address it was asked."""
        body = self.get(path, doing, **params)
        found: list[Json] = list(body[key])
        asked: set[str] = set()
        while (following := _next(body)) is not None:
            if following in asked:
                raise errors.unreadable(self.name, doing, ValueError("a page leads back to itself"))
            asked.add(following)
            body = self._json(self._read(f"{path}?{following}", doing, continues=True), doing)
            found.extend(body[key])
        return found

    def post(self, path: str, body: Mapping[str, Any], doing: str, *, private: bool = False) -> Json:
        """Make something. A `private` body is never logged, nor what a refusal quotes of it."""
        return self._json(self._send("POST", path, doing, private=private, json=body), doing)

    def put(self, path: str, body: Mapping[str, Any], doing: str) -> Json:
        """Replace something."""
        return self._json(self._send("PUT", path, doing, json=body), doing)

    def patch(self, path: str, body: Mapping[str, Any], doing: str, *, private: bool = False) -> Json:
        """Change something. A `private` body is never logged, nor what a refusal quotes of it."""
        return self._json(self._send("PATCH", path, doing, private=private, json=body), doing)

    def delete(self, path: str, doing: str, **params: Any) -> None:
        """Remove something; what is not there counts as removed."""
        self._send("DELETE", path, doing, params=params, absent_is_fine=True)

    def by_our_clock(self, said: str) -> datetime:
        """A moment that the service wrote down by its own clock, as far as that is known. Raises ValueError."""
        return datetime.fromisoformat(said) - self._ahead

    def _read(self, path: str, doing: str, **arguments: Any) -> requests.Response:
        return self._patience.read(self.name, lambda: self._send("GET", path, doing, **arguments))

    def _send(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        absent_is_fine: bool = False,
        continues: bool = False,
        private: bool = False,
        **arguments: Any,
    ) -> requests.Response:
        """`continues`: it is a further page of a list."""
        began, status, answered_as = time.monotonic(), 0, ""
        try:
            response = self._request(method, path, log=not private, **arguments)
            status, answered_as = response.status_code, response.headers.get(_REQUEST_ID, "")
        except (ClientException, requests.RequestException) as error:
            raise errors.from_exception(self.name, doing, error) from error
        finally:
            self._trace.asked(Asked(self.name, method, path, status, time.monotonic() - began, answered_as))
        if response.status_code < 400 or (absent_is_fine and response.status_code == 404):
            return response
        refused = errors.refusal(self.name, method, path, response, private=private)
        if continues and response.status_code in (400, 404):
            raise errors.list_changed(refused, doing)
        raise errors.judge(refused, doing)

    def _request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        if request_id := self._trace.request_id():
            arguments["headers"] = {_REQUEST_ID: request_id}
        arguments |= {"endpoint_override": self._endpoint(), "raise_exc": False}
        asked_at = self._clock()
        try:
            answer: requests.Response = self._adapter.request(path, method, **arguments)
        except ConnectFailure:
            self._url = None
            raise
        self._compare_clocks(answer.headers.get("Date", ""), asked_at)
        return answer

    def _compare_clocks(self, date: str, asked_at: datetime) -> None:
        """What an answer shows of the service's clock: nothing, where it says none that can be read."""
        said = clocks.http_date(date)
        if said is not None:
            self._ahead = clocks.ahead(said, asked_at, self._clock(), known=self._ahead, within=clocks.HTTP_DATE)

    def _endpoint(self) -> str:
        """Where the service is, found out once: keystoneauth would go through the catalogue at every request. Raises
        EndpointNotFound, DiscoveryFailure.

        Where a service does not tell its versions, keystoneauth gives the catalogue's address as it is. Without a
        version in it every path there is a 404, which must not be taken for an object that is gone.
        """
        url = self._url
        if url is None:
            url = self._adapter.get_endpoint()
            if url is None:
                raise EndpointNotFound()
            if not _HAS_VERSION.search(url):
                raise DiscoveryFailure(f"nothing at {url} tells which versions it has")
            self._url = url = url.replace("%", "%%")  # keystoneauth fills in what is between %( and )
        return url

    def _json(self, response: requests.Response, doing: str) -> Json:
        if not response.content:
            return {}
        try:
            body: Json = response.json()
        except ValueError as error:
            raise errors.unreadable(self.name, doing, error) from error
        return body


class Project:
    """The cloud as one project sees it (or the domain of the clusters' users: then `id` is empty)."""

    def __init__(
        self,
        project_id: str,
        authenticated: session.Session,
        settings: OpenStackSettings,
        trace: Trace,
        patience: Patience,
        clock: Callable[[], datetime],
    ) -> None:
        self.id = project_id
        self._session = authenticated
        self._remembered: dict[tuple[str, str], str] = {}
        adapters = {
            name: adapter.Adapter(
                authenticated,
                service_type=name,
                version=version,
                default_microversion=microversion,
                interface=settings.interface,
                region_name=settings.region,
                client_name="navarch",
            )
            for name, (version, microversion) in _SERVICES.items()
        }
        self.compute = Service("Nova", adapters["compute"], trace, patience, clock)
        self.network = Service("Neutron", adapters["network"], trace, patience, clock)
        self.volume = Service("Cinder", adapters["block-storage"], trace, patience, clock)
        self.balancer = Service("Octavia", adapters["load-balancer"], trace, patience, clock)
        self.image = Service("Glance", adapters["image"], trace, patience, clock)
        self.identity = Service("Keystone", adapters["identity"], trace, patience, clock)

    def authenticate(self) -> None:
        """Have a token that is valid now; no request while the last one is. Raises Unauthorized, and Temporary or
        Permanent for all else."""
        try:
            self._session.get_token()
        except Unauthorized:
            raise
        except (ClientException, requests.RequestException) as error:
            raise errors.from_exception("Keystone", "authenticate", error) from error

    @property
    def _access(self) -> Any:
        try:
            return self._session.auth.get_access(self._session)
        except (ClientException, requests.RequestException) as error:
            raise errors.from_exception("Keystone", "authenticate", error) from error

    @property
    def domain_id(self) -> str:
        """The domain that the token is for, where it is for one."""
        return str(self._access.domain_id)

    @property
    def user_id(self) -> str:
        """Navarch's service user."""
        return str(self._access.user_id)

    @property
    def roles(self) -> tuple[str, ...]:
        """Names of the roles that the service user has in this scope."""
        return tuple(self._access.role_names)

    def resolve(self, kind: str, name: str, look_up: Callable[[], str]) -> str:
        """The id for a name, looked up once: these names (flavors, external networks) are the operator's and stay."""
        found = self._remembered.get((kind, name))
        if found is None:
            found = self._remembered[(kind, name)] = look_up()
        return found

    def unlearn(self, kind: str, name: str) -> None:
        """Look it up again next time: it did not work."""
        self._remembered.pop((kind, name), None)


class Sessions:
    """Every session of one cloud. They share connections and what was found out about the services' versions."""

    def __init__(
        self,
        settings: OpenStackSettings,
        trace: Trace | None = None,
        transport: BaseAdapter | None = None,
        patience: Patience | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings, self._trace, self._patience = settings, trace or Trace(), patience or Patience()
        self._clock = clock
        self.delegated_roles = frozenset(role.lower() for role in settings.delegated_roles)
        self._http = requests.Session()
        self._http.trust_env = False  # settings come from Navarch's own, not from the environment or ~/.netrc
        for scheme in ("https://", "http://"):
            self._http.mount(scheme, Fenced(transport))
        self._discovered: dict[str, Any] = {}
        self._known: dict[str, Project] = {}
        self._lock = threading.Lock()

    def project(self, project_id: str) -> Project:
        """A customer's project. Raises Permanent if Keystone does not let the service user in."""
        project = self._scope(f"project {project_id}", project_id, project_id=project_id)
        try:
            self._authenticated(project)
        except Unauthorized as error:
            # Keystone says the same for a wrong password and for no role in the project: its own project tells which.
            self.own()
            raise errors.no_role(project_id, self._settings.username) from error
        return project

    def own(self) -> Project:
        """The service user's own project, to read what the cloud offers."""
        names = {"project_name": self._settings.project, "project_domain_name": self._settings.project_domain_name}
        return self._entered(self._scope("own", "", **names))

    def cluster_domain(self) -> Project:
        """The Keystone domain of the clusters' users."""
        return self._entered(self._scope("domain", "", domain_name=self._settings.cluster_domain))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _entered(self, scope: Project) -> Project:
        try:
            self._authenticated(scope)
        except Unauthorized as error:
            raise errors.from_exception("Keystone", "authenticate", error) from error
        return scope

    def _authenticated(self, scope: Project) -> None:
        self._patience.read("Keystone", scope.authenticate)  # a login changes nothing

    def _scope(self, key: str, customer: str, **scope: str) -> Project:
        with self._lock:
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = Project(
                    customer, self._session(**scope), self._settings, self._trace, self._patience, self._clock
                )
            return known

    def _session(self, **scope: str) -> session.Session:
        settings = self._settings
        auth = v3.Password(
            settings.auth_url,
            username=settings.username,
            password=settings.password,
            user_domain_name=settings.user_domain_name,
            **scope,
        )
        made = session.Session(
            auth=auth,
            session=self._http,
            verify=settings.ca_file or True,
            app_name="navarch",
            discovery_cache=self._discovered,
        )
        made.timeout = _TIMEOUT  # its own argument takes one figure for both
        return made


def _next(body: Json) -> str | None:
    """The query that gives the next page: from `servers_links` and the like (Nova, Neutron, Octavia; Cinder, for types
    `volume_type_links`), `next` (Glance) or `links` (Keystone)."""
    links = [link for key, value in body.items() if key.endswith("_links") for link in value]
    following = next((link["href"] for link in links if link.get("rel") == "next"), None)
    following = following or body.get("next") or (body.get("links") or {}).get("next")
    return urlsplit(str(following)).query if following else None


def first(found: list[Json]) -> Json | None:
    """The oldest of several that answer to one name: it is kept, the plan removes the others."""
    return min(found, key=lambda item: (item.get("created_at") or "", item["id"]), default=None)
