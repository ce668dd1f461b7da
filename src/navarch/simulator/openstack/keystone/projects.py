"""Domains, projects, roles, and who has which role where."""

from collections.abc import Iterable

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.keystone import tokens
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request, not_found
from navarch.simulator.openstack.region import Region


def forbidden(action: str) -> Refused:
    """What Keystone's policy refuses."""
    return Refused(403, f"You are not authorized to perform the requested action: identity:{action}.")


def wrapped(region: Region, key: str, found: Iterable[Json]) -> Answer:
    """A list as Keystone answers it."""
    links = {"self": f"{region.site.url}/identity/v3/{key}", "next": None, "previous": None}
    return Answer(200, {key: list(found), "links": links})


def _shown(request: Request, objects: Iterable[Object], *filters: str) -> list[Json]:
    wanted = {name: request.one(name) for name in filters if name in request.query}
    return [o.body for o in objects if all(str(o.body.get(name)) == value for name, value in wanted.items())]


def list_own_projects(region: Region, request: Request) -> Answer:
    """The projects that the caller has a role in."""
    user_id = request.scope.user_id
    mine = (p.body for p in region["project"] if tokens.roles_of(region, user_id, project_id=p.id))
    return wrapped(region, "projects", mine)


def list_projects(region: Region, request: Request) -> Answer:
    """All projects: for administrators."""
    if not request.scope.is_admin:
        raise forbidden("list_projects")
    return wrapped(region, "projects", _shown(request, region["project"], "name", "domain_id"))


def show_project(region: Region, request: Request, project_id: str) -> Answer:
    """A project."""
    project = region["project"].get(project_id)
    if project is None or not (request.scope.is_admin or request.scope.project_id == project_id):
        if request.scope.is_admin:
            raise not_found(f"Could not find project: {project_id}.")
        raise forbidden("get_project")
    return Answer(200, {"project": project.body})


def list_domains(region: Region, request: Request) -> Answer:
    """All domains: for administrators."""
    if not request.scope.is_admin:
        raise forbidden("list_domains")
    return wrapped(region, "domains", _shown(request, region["domain"], "name"))


def list_roles(region: Region, request: Request) -> Answer:
    """All roles: for administrators and managers of domains."""
    if not request.scope.roles & {"admin", "manager"}:
        raise forbidden("list_roles")
    return wrapped(region, "roles", _shown(request, region["role"], "name"))


def list_role_assignments(region: Region, request: Request) -> Answer:
    """Who has which role where: for administrators."""
    if not request.scope.is_admin:
        raise forbidden("list_role_assignments")
    roles = {role.name: role for role in region["role"]}
    found = []
    for user_id, target_id, role, inherited in sorted(region.grants):
        if request.one("user.id", user_id) != user_id:
            continue
        kind = "project" if region["project"].get(target_id) is not None else "domain"
        target, user = region[kind].get(target_id), region["user"].get(user_id)
        scope: Json = {kind: {"id": target_id, "name": target.name if target is not None else ""}}
        if inherited:
            scope["OS-INHERIT:inherited_to"] = "projects"
        who = {"id": user_id, "name": user.name if user is not None else ""}
        found.append({"role": {"id": roles[role].id, "name": role}, "user": who, "scope": scope, "links": {}})
    return wrapped(region, "role_assignments", found)


ROUTES = (
    ("GET", "/v3/auth/projects", list_own_projects),
    ("GET", "/v3/projects", list_projects),
    ("GET", "/v3/projects/{id}", show_project),
    ("GET", "/v3/domains", list_domains),
    ("GET", "/v3/roles", list_roles),
    ("GET", "/v3/role_assignments", list_role_assignments),
)
