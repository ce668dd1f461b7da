"""Trusts, by which a user lends roles in a project to another; application credentials, by which it lends them to a
program. Keystone speaks of them only to tokens for a project, and not to those that were lent themselves."""

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.keystone import tokens
from navarch.simulator.openstack.keystone.projects import forbidden, wrapped
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request, conflict, not_found
from navarch.simulator.openstack.region import Region


def list_trusts(region: Region, request: Request) -> Answer:
    """Trusts that the caller gave or was given; without saying which, for administrators."""
    _project_token(request, "list_trusts")
    sides = {side: request.one(side) for side in ("trustor_user_id", "trustee_user_id") if side in request.query}
    if not request.scope.is_admin and set(sides.values()) != {request.scope.user_id}:
        raise forbidden("list_trusts")
    trusts = region["trust"].listed("", request.lag)
    found = (t for t in trusts if all(t[side] == user_id for side, user_id in sides.items()))
    return wrapped(region, "trusts", ({k: v for k, v in t.body.items() if k != "roles"} for t in found))


def create_trust(region: Region, request: Request) -> Answer:
    """Lend roles that one has in a project."""
    _project_token(request, "create_trust")
    wanted = request.part("trust")
    if wanted.get("trustor_user_id") != request.scope.user_id:
        raise forbidden("create_trust")
    trustee, project_id = region["user"].get(str(wanted.get("trustee_user_id"))), str(wanted.get("project_id") or "")
    if trustee is None:
        raise not_found(f"Could not find user: {wanted.get('trustee_user_id')}.")
    if not wanted.get("roles"):
        raise Refused(
            403, "You are not authorized to perform the requested action: At least one role should be specified."
        )
    body: Json = {
        "id": region.new_hex_id(),
        "trustor_user_id": request.scope.user_id,
        "trustee_user_id": trustee.id,
        "project_id": project_id,
        "impersonation": bool(wanted.get("impersonation")),
        "expires_at": None,
        "remaining_uses": None,
        "redelegation_count": 0,
        "deleted_at": None,
        "roles": _lent(region, request.scope.user_id, project_id, wanted["roles"]),
    }
    region["trust"].add(body, "")
    return Answer(201, {"trust": body})


def show_trust(region: Region, request: Request, trust_id: str) -> Answer:
    """A trust, to both of its users."""
    return Answer(
        200, {"trust": _trust(region, request, "get_trust", trust_id, "trustor_user_id", "trustee_user_id").body}
    )


def delete_trust(region: Region, request: Request, trust_id: str) -> Answer:
    """End a trust, and the tokens that were got by it."""
    region["trust"].drop(_trust(region, request, "delete_trust", trust_id, "trustor_user_id"))
    tokens.end_where(region, lambda scope: scope.trust_id == trust_id)
    return Answer(204)


def list_credentials(region: Region, request: Request, user_id: str) -> Answer:
    """The caller's application credentials."""
    _own(request, "list_application_credentials", user_id)
    mine = (c.body for c in region["application credential"] if c.hidden["user_id"] == user_id)
    return wrapped(region, "application_credentials", mine)


def create_credential(region: Region, request: Request, user_id: str) -> Answer:
    """An application credential for the project of the token; its secret is shown now and never again."""
    _own(request, "create_application_credential", user_id)
    wanted, name = request.part("application_credential"), str(request.part("application_credential").get("name"))
    theirs = (c for c in region["application credential"] if c.hidden["user_id"] == user_id)
    if any(c.name == name for c in theirs):
        said = "Conflict occurred attempting to store application_credential - Duplicate entry found with name"
        raise conflict(f"{said} {name}.")
    secret = str(wanted.get("secret") or region.new_hex_id())
    roles = wanted.get("roles") or [{"name": role} for role in sorted(request.scope.roles)]
    body = {
        "id": region.new_hex_id(),
        "name": name,
        "description": wanted.get("description"),
        "project_id": request.scope.project_id,
        "roles": _lent(region, user_id, request.scope.project_id, roles),
        "expires_at": None,
        "unrestricted": bool(wanted.get("unrestricted")),
    }
    if wanted.get("access_rules") is not None:
        keys = ("service", "method", "path")
        body["access_rules"] = [{"id": region.new_hex_id(), **{k: r[k] for k in keys}} for r in wanted["access_rules"]]
    region["application credential"].add(body, "", user_id=user_id, secret=secret)
    return Answer(201, {"application_credential": {**body, "secret": secret}})


def delete_credential(region: Region, request: Request, user_id: str, credential_id: str) -> Answer:
    """End one."""
    _own(request, "delete_application_credential", user_id)
    credential = region["application credential"].get(credential_id)
    if credential is None or credential.hidden["user_id"] != user_id:
        raise not_found(f"Could not find Application Credential: {credential_id}.")
    region["application credential"].drop(credential)
    return Answer(204)


def _project_token(request: Request, action: str) -> None:
    if not request.scope.project_id:
        raise forbidden(action)


def _trust(region: Region, request: Request, action: str, trust_id: str, *sides: str) -> Object:
    trust = region["trust"].get(trust_id)
    if trust is None:
        raise not_found(f"Could not find trust: {trust_id}.")
    if not request.scope.project_id or request.scope.user_id not in [trust[side] for side in sides]:
        raise forbidden(action)
    return trust


def _own(request: Request, action: str, user_id: str) -> None:
    if request.scope.user_id != user_id or not request.scope.project_id:
        raise forbidden(action)


def _lent(region: Region, user_id: str, project_id: str, wanted: list[Json]) -> list[Json]:
    held = tokens.roles_of(region, user_id, project_id=project_id)
    lent = []
    for role in wanted:
        found = next((r for r in region["role"] if role.get("id") == r.id or role.get("name") == r.name), None)
        if found is None or found.name not in held:
            raise not_found(f"Could not find role: {role.get('name') or role.get('id')}.")
        lent.append({"id": found.id, "name": found.name})
    return lent


ROUTES = (
    ("GET", "/v3/OS-TRUST/trusts", list_trusts),
    ("POST", "/v3/OS-TRUST/trusts", create_trust),
    ("GET", "/v3/OS-TRUST/trusts/{id}", show_trust),
    ("DELETE", "/v3/OS-TRUST/trusts/{id}", delete_trust),
    ("GET", "/v3/users/{id}/application_credentials", list_credentials),
    ("POST", "/v3/users/{id}/application_credentials", create_credential),
    ("DELETE", "/v3/users/{id}/application_credentials/{id}", delete_credential),
)
