"""Users. A manager of a domain may do with those of the domain what an administrator may do with all."""

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.keystone import setup, tokens
from navarch.simulator.openstack.keystone.projects import forbidden, wrapped
from navarch.simulator.openstack.messages import Answer, Json, Request, bad_request, conflict, not_found
from navarch.simulator.openstack.region import Region

_LONGEST_NAME = 255
_OPTIONS = (  # those of Keystone's that are true or false
    "ignore_change_password_upon_first_use",
    "ignore_password_expiry",
    "ignore_lockout_failure_attempts",
    "ignore_user_inactivity",
    "lock_password",
    "multi_factor_auth_enabled",
)


def list_users(region: Region, request: Request) -> Answer:
    """Users by name, of the caller's own domain unless it is an administrator."""
    scope = request.scope
    if not scope.is_admin and not ("reader" in scope.roles and scope.domain_id):
        raise forbidden("list_users")
    domain_id = request.one("domain_id") or ("" if scope.is_admin else scope.domain_id)
    found = (u for u in region["user"].listed("", request.lag) if domain_id in ("", u["domain_id"]))
    name = request.one("name")
    return wrapped(region, "users", [u.body for u in found if not name or u.name == name])


def create_user(region: Region, request: Request) -> Answer:
    """A user; its name is taken once in a domain."""
    wanted = request.part("user")
    domain_id = str(wanted.get("domain_id") or request.scope.domain_id or setup.DEFAULT)
    if not _manages(request, domain_id):
        raise forbidden("create_user")
    name = str(wanted.get("name") or "")
    _checked_name(name)
    if any(u.name == name and u["domain_id"] == domain_id for u in region["user"]):
        said = "Conflict occurred attempting to store user - Duplicate entry found with name"
        raise conflict(f"{said} {name} at domain ID {domain_id}.")
    description = str(wanted.get("description") or "")
    user = setup.add_user(region, name, str(wanted.get("password") or ""), domain_id, description)
    _set_options(user, wanted)
    return Answer(201, {"user": user.body})


def show_user(region: Region, request: Request, user_id: str) -> Answer:
    """A user, to itself and to whoever may read its domain."""
    user = region["user"].get(user_id)
    scope = request.scope
    readable = user is not None and "reader" in scope.roles and (scope.system or scope.domain_id == user["domain_id"])
    if user is None or not (readable or scope.is_admin or user_id == scope.user_id):
        raise _missing(request, "get_user", user_id)
    return Answer(200, {"user": user.body})


def update_user(region: Region, request: Request, user_id: str) -> Answer:
    """Another name, description or password, or a lock. A new password and a lock end the user's tokens."""
    user = _managed(region, request, "update_user", user_id)
    wanted = request.part("user")
    for key in ("name", "description"):
        if key in wanted:
            user[key] = wanted[key]
    _set_options(user, wanted)
    if "password" in wanted:
        user.hidden["password"] = str(wanted["password"])
        tokens.end_where(region, lambda scope: scope.user_id == user_id)
    if "enabled" in wanted:
        setup.enable(region, user_id, bool(wanted["enabled"]))
    return Answer(200, {"user": user.body})


def delete_user(region: Region, request: Request, user_id: str) -> Answer:
    """Remove a user with its roles, its trusts and its tokens."""
    user = _managed(region, request, "delete_user", user_id)
    region["user"].drop(user)
    region.grants = {grant for grant in region.grants if grant[0] != user_id}
    for trust in region["trust"]:
        if user_id in (trust["trustor_user_id"], trust["trustee_user_id"]):
            region["trust"].drop(trust)
    tokens.end_where(region, lambda scope: scope.user_id == user_id)
    return Answer(204)


def _set_options(user: Object, wanted: Json) -> None:
    """Each is true or false, or null to take it away."""
    options = wanted.get("options", {})
    wrong = [name for name, value in options.items() if name not in _OPTIONS or not isinstance(value, bool | None)]
    if wrong:
        raise bad_request(f"Invalid input for field 'options': {wrong[0]!r}")
    kept = {**user["options"], **options}
    user["options"] = {name: value for name, value in kept.items() if value is not None}


def _manages(request: Request, domain_id: str) -> bool:
    return request.scope.is_admin or ("manager" in request.scope.roles and request.scope.domain_id == domain_id)


def _managed(region: Region, request: Request, action: str, user_id: str) -> Object:
    user = region["user"].get(user_id)
    if user is None or not _manages(request, user["domain_id"]):
        raise _missing(request, action, user_id)
    return user


def _missing(request: Request, action: str, user_id: str) -> Exception:
    """Who is no administrator is not told whether a user is in another domain or in none."""
    return not_found(f"Could not find user: {user_id}.") if request.scope.is_admin else forbidden(action)


def _checked_name(name: str) -> None:
    if not name or len(name) > _LONGEST_NAME:
        raise bad_request(f"Invalid input for field 'name': {name!r} is too {'long' if name else 'short'}")


ROUTES = (
    ("GET", "/v3/users", list_users),
    ("POST", "/v3/users", create_user),
    ("GET", "/v3/users/{id}", show_user),
    ("PATCH", "/v3/users/{id}", update_user),
    ("DELETE", "/v3/users/{id}", delete_user),
)
