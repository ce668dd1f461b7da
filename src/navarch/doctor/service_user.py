"""The doctor's look at the cloud, as Navarch's service user sees it."""

from collections.abc import Callable, Iterator

from navarch.client.credentials import Credentials
from navarch.client.errors import ClientError
from navarch.client.keystone import Keystone
from navarch.doctor import customer
from navarch.doctor.cloud import Cloud, Refused
from navarch.doctor.customer import read_flavors
from navarch.doctor.finding import Finding, fail, ok, warn
from navarch.doctor.needs import first_cluster, least
from navarch.settings import Settings

_VALIDATES = {"service", "admin", "reader"}  # Keystone's policy lets each of these validate other people's tokens
_MANAGES = {"manager", "admin"}
_WORKS = {"member", "admin"}


def examine_cloud(settings: Settings) -> Iterator[Finding]:
    """Login, roles, services, and all that a cluster is made of. Raises OSError where the password is not to be had."""
    try:
        cloud = Cloud(Keystone(_credentials(settings, project_name=settings.cloud.project)))
        token = cloud.token()
    except ClientError as error:
        fix = "Check the section [cloud], the password file, and ca_file; docs/operate/install.md makes the user."
        yield fail("Keystone login", error.message, fix)
        return
    yield ok("Keystone login", f"{token.user_name} at {settings.cloud.auth_url}")
    ahead = cloud.clock_ahead()
    if ahead is not None and abs(ahead) > 30:
        yield warn("cloud's clock", f"{ahead:.0f} s ahead of this host's", "Set this host's clock (NTP).")
    yield _own_roles(set(token.roles), settings)
    if settings.api.password_file.exists():
        yield _api_user(settings)
    yield _cluster_domain(settings)
    yield from _guarded("customers' projects", lambda: _projects(cloud, token.project_id, settings))
    broken = []
    for finding in customer.services(cloud):
        yield finding
        if finding.level.value == "fail":
            broken.append(finding.subject)
    if broken:
        yield warn("cloud's offer", f"not looked at: {', '.join(broken)}", "Make these services work first.")
        return
    for subject, check in (
        ("node image", lambda: iter([customer.image(cloud)[0]])),
        ("flavors", lambda: iter([_flavors(cloud)])),
        ("networks", lambda: customer.networking(cloud)),
        ("zones", lambda: customer.zones(cloud)),
        ("balancer provider", lambda: iter([customer.balancers(cloud, settings.cloud.load_balancer_provider)])),
    ):
        yield from _guarded(subject, check)


def _credentials(settings: Settings, **changes: str) -> Credentials:
    cloud = settings.cloud
    auth = {
        "auth_url": cloud.auth_url,
        "username": cloud.username,
        "user_domain_name": cloud.user_domain,
        "password": changes.get("password") or cloud.password_file.read_text().strip(),
        **changes,
    }
    if "project_name" in changes:
        auth["project_domain_name"] = cloud.project_domain
    return Credentials(
        "password", auth, source="the settings", region=cloud.region, cacert=cloud.ca_file or None
    )  # fmt: skip


def _own_roles(roles: set[str], settings: Settings) -> Finding:
    cloud = settings.cloud
    detail = f"{', '.join(sorted(roles))} in project {cloud.project}"
    if roles & _VALIDATES:
        return ok("roles", detail)
    fix = f"openstack role add service --user {cloud.username} --project {cloud.project}"
    return fail("roles", f"{detail}: customers' tokens cannot be validated", fix)


def _api_user(settings: Settings) -> Finding:
    """The user of the API may validate tokens, and has no other role on the system."""
    subject, name = "the API's user", settings.api.username
    fix = f"openstack role add reader --user {name} --system all, and no other role anywhere"
    try:
        password = settings.api.password_file.read_text().strip()
        keystone = Keystone(_credentials(settings, username=name, password=password, system_scope="all"))
        keystone.headers()
        roles = set(keystone.session.auth.get_access(keystone.session).role_names or ())
    except (ClientError, OSError) as error:
        return fail(subject, f"{name}: {error}", fix)
    detail = f"{name}: {', '.join(sorted(roles))} on the system"
    if roles - {"reader"}:
        return warn(subject, detail, f"It faces the network: {fix}.")
    return ok(subject, detail)


def _cluster_domain(settings: Settings) -> Finding:
    cloud, subject = settings.cloud, "cluster domain"
    fix = (
        f"openstack domain create {cloud.cluster_domain}; "
        f"openstack role add manager --user {cloud.username} --domain {cloud.cluster_domain}"
    )
    try:
        keystone = Keystone(_credentials(settings, domain_name=cloud.cluster_domain))
        keystone.headers()
        roles = set(keystone.session.auth.get_access(keystone.session).role_names or ())
    except ClientError as error:
        return fail(subject, f"{cloud.cluster_domain}: {error.message}", fix)
    detail = f"{', '.join(sorted(roles))} on {cloud.cluster_domain}"
    if roles & _MANAGES:
        return ok(subject, detail)
    return fail(subject, f"{detail}: the clusters' users cannot be made", fix)


def _projects(cloud: Cloud, own: str, settings: Settings) -> Iterator[Finding]:
    """The projects that the service user is let into, and whether it may work in the first of them."""
    subject = "customers' projects"
    fix = f"openstack role add member --user {settings.cloud.username} --domain DOMAIN --inherited, for each domain"
    others = [p for p in cloud.items("identity", "/auth/projects", "projects") if p["id"] != own and p.get("enabled")]
    if not others:
        yield fail(subject, "the service user is let into none", fix)
        return
    project = others[0]
    try:
        token = Cloud(Keystone(_credentials(settings, project_id=project["id"]))).token()
    except ClientError as error:
        yield fail(subject, f"{project['name']}: {error.message}", fix)
        return
    detail = f"{len(others)}; in the first, {project['name']}: {', '.join(sorted(token.roles))}"
    yield ok(subject, detail) if _WORKS & set(token.roles) else fail(subject, f"{detail}, not member", fix)


def _flavors(cloud: Cloud) -> Finding:
    found = read_flavors(cloud)
    first = first_cluster(found, 0)
    if first is None:
        fix = "openstack flavor create --vcpus 2 --ram 2048 --disk 20 c1.small"
        return fail("flavors", f"none of the {len(found)} has {least(0)}", fix)
    return ok("flavors", f"{len(found)}; control plane from {first.control_plane}, workers from {first.worker}")


def _guarded(subject: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except (Refused, ClientError) as error:
        yield fail(subject, error.message, "This request was refused: look at the service's policy and its log.")
    except (KeyError, TypeError, IndexError) as error:  # a service answered in a shape we do not know
        yield fail(subject, f"an answer was not understood ({error!r})", "Please report this with the cloud's version.")
