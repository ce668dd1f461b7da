"""Tokens: who is let in, for what, for how long; and the catalogue that comes with them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from navarch.simulator.openstack import catalogue
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import NOBODY, Answer, Json, Refused, Request, Scope, bad_request, not_found
from navarch.simulator.openstack.region import Region, Token

_UNAUTHORIZED = "The request you have made requires authentication."
_IMPLIED = {"admin": ("manager",), "manager": ("member",), "member": ("reader",)}
_MANY_TOKENS = 1000
# Who sends it enforces access rules; to others a token that has some is not shown.
_RULES_KNOWN = "OpenStack-Identity-Access-Rules"
SYSTEM = "system"  # what a role is given on, in the place of a project's or a domain's id


def unauthorized() -> Refused:
    """What everybody is told who is not let in, whatever the reason."""
    return Refused(401, _UNAUTHORIZED, headers={"WWW-Authenticate": 'Keystone uri="https://cloud.invalid/identity"'})


def scope_of(region: Region, token: str) -> Scope:
    """Whom a token is for; `NOBODY` where it is not valid (any more)."""
    found = region.tokens.get(token)
    if found is None or found.ends <= region.now():
        return NOBODY
    return found.scope


def end_where(region: Region, meant: Callable[[Scope], bool]) -> None:
    """End the tokens that are meant."""
    for token in [t for t, known in region.tokens.items() if meant(known.scope)]:
        del region.tokens[token]


def roles_of(
    region: Region, user_id: str, *, project_id: str = "", domain_id: str = "", system: bool = False
) -> frozenset[str]:
    """The roles that a user has in a project, on a domain or on the system, with those that they imply."""
    project = region["project"].get(project_id) if project_id else None
    targets = {(SYSTEM, False)} if system else {(domain_id, False)} if domain_id else set()
    if project is not None:
        targets = {(project_id, False), (project["domain_id"], True)}
    held = {
        role for user, target, role, inherited in region.grants if user == user_id and (target, inherited) in targets
    }
    todo = list(held)
    while todo:
        more = [role for role in _IMPLIED.get(todo.pop(), ()) if role not in held]
        held.update(more)
        todo += more
    return frozenset(held)


def still_holds(region: Region, scope: Scope) -> bool:
    """Whether the user would be let in there now."""
    if not scope.project_id and not scope.domain_id and not scope.system:
        return True
    where = {"project_id": scope.project_id, "domain_id": scope.domain_id}
    return bool(roles_of(region, scope.user_id, **where, system=scope.system))


# -- requests


def issue(region: Region, request: Request) -> Answer:
    """Log in: by password, by a token, or by an application credential; for a project, a domain, a trust or nothing."""
    try:
        auth = request.body["auth"]
        identity, scope = auth["identity"], auth.get("scope")
        (method,) = identity["methods"]
        proof = identity[method]
    except (KeyError, TypeError, ValueError) as error:
        raise bad_request(f"Invalid input for field 'identity': {error!r} is a required property") from error
    more: Json = {}
    if method == "application_credential":
        user, credential = _application_credential(region, proof)
        project_id, roles = credential["project_id"], frozenset(role["name"] for role in credential["roles"])
        shown = {"id": credential.id, "name": credential.name, "restricted": True}
        shown |= {key: credential[key] for key in ("access_rules",) if key in credential.body}
        more = {"application_credential": shown}
        asked = Scope(user.id, project_id=project_id, roles=roles & roles_of(region, user.id, project_id=project_id))
    elif method in ("password", "token"):
        user = _by_password(region, proof) if method == "password" else _by_token(region, proof)
        asked, more = _scope(region, user, scope)
    else:
        raise bad_request(f"Unknown authentication method: {method}")
    if (asked.project_id or asked.domain_id or asked.system) and not asked.roles:
        raise unauthorized()
    return _issued(region, user, asked, method, more, "nocatalog" not in request.query)


def validate(region: Region, request: Request) -> Answer:
    """Show a token. Anybody's own, and others' to who has a role for that."""
    token = request.headers.get("X-Subject-Token", "")
    found = region.tokens.get(token)
    limited = found is not None and "access_rules" in found.body.get("application_credential", {})
    if found is None or found.ends <= region.now() or (limited and _RULES_KNOWN not in request.headers):
        raise not_found("Could not find token.")
    if found.scope.user_id != request.scope.user_id and not request.scope.roles & {"admin", "service", "reader"}:
        raise Refused(403, "You are not authorized to perform the requested action: identity:validate_token.")
    shown = {k: v for k, v in found.body.items() if k != "catalog" or "nocatalog" not in request.query}
    return Answer(200, {"token": shown}, {"X-Subject-Token": token})


def revoke(region: Region, request: Request) -> Answer:
    """End a token."""
    if region.tokens.pop(request.headers.get("X-Subject-Token", ""), None) is None:
        raise not_found("Could not find token.")
    return Answer(204)


def show_catalogue(region: Region, request: Request) -> Answer:
    """The catalogue of the token's project."""
    return Answer(200, {"catalog": catalogue.of(region, request.scope.project_id), "links": {}})


# -- details


def _by_password(region: Region, proof: Json) -> Object:
    wanted = proof.get("user") or {}
    user = _find(region, "user", wanted)
    password = str(user.hidden["password"]) if user is not None else ""
    if (
        user is None
        or not user["enabled"]
        or not compare_digest(password.encode(), str(wanted.get("password")).encode())
    ):
        raise unauthorized()
    return user


def _by_token(region: Region, proof: Json) -> Object:
    user = region["user"].get(scope_of(region, str(proof.get("id"))).user_id)
    if user is None or not user["enabled"]:
        raise unauthorized()
    return user


def _application_credential(region: Region, proof: Json) -> tuple[Object, Object]:
    credential = region["application credential"].get(str(proof.get("id")))
    if credential is None or not compare_digest(str(credential.hidden["secret"]), str(proof.get("secret"))):
        raise unauthorized()
    user = region["user"].get(credential.hidden["user_id"])
    if user is None or not user["enabled"]:
        raise unauthorized()
    return user, credential


def _find(region: Region, kind: str, wanted: Json) -> Object | None:
    """A user or project by its id, or by its name in a domain."""
    if wanted.get("id"):
        return region[kind].get(str(wanted["id"]))
    domain = _domain(region, wanted.get("domain") or {})
    named = (o for o in region[kind] if domain is not None and o.name == wanted.get("name"))
    return next((o for o in named if domain is not None and o["domain_id"] == domain.id), None)


def _domain(region: Region, wanted: Json) -> Object | None:
    if wanted.get("id"):
        return region["domain"].get(str(wanted["id"]))
    return next((d for d in region["domain"] if d.name == wanted.get("name")), None)


def _scope(region: Region, user: Object, scope: Any) -> tuple[Scope, Json]:
    if not isinstance(scope, dict):
        return Scope(user.id), {}
    if "project" in scope:
        project = _find(region, "project", scope["project"])
        if project is None or not project["enabled"]:
            raise unauthorized()
        return Scope(user.id, project_id=project.id, roles=roles_of(region, user.id, project_id=project.id)), {}
    if "domain" in scope:
        domain = _domain(region, scope["domain"])
        if domain is None:
            raise unauthorized()
        return Scope(user.id, domain_id=domain.id, roles=roles_of(region, user.id, domain_id=domain.id)), {}
    if "system" in scope:
        return Scope(user.id, roles=roles_of(region, user.id, system=True), system=True), {"system": {"all": True}}
    if "OS-TRUST:trust" in scope:
        return _by_trust(region, user, str(scope["OS-TRUST:trust"].get("id")))
    return Scope(user.id), {}


def _by_trust(region: Region, user: Object, trust_id: str) -> tuple[Scope, Json]:
    trust = region["trust"].get(trust_id)
    if trust is None:
        raise not_found(f"Could not find trust: {trust_id}.")
    if trust["trustee_user_id"] != user.id:
        raise Refused(403, "You are not authorized to perform the requested action: User is not a trustee..")
    lent = frozenset(role["name"] for role in trust["roles"])
    if not lent <= roles_of(region, trust["trustor_user_id"], project_id=trust["project_id"]):
        raise Refused(403, "You are not authorized to perform the requested action.")
    shown = {
        "id": trust.id,
        "impersonation": trust["impersonation"],
        "trustor_user": {"id": trust["trustor_user_id"]},
        "trustee_user": {"id": trust["trustee_user_id"]},
    }
    scope = Scope(user.id, project_id=trust["project_id"], roles=lent, trust_id=trust.id)
    return scope, {"OS-TRUST:trust": shown}


def _issued(region: Region, user: Object, scope: Scope, method: str, more: Json, with_catalogue: bool) -> Answer:
    now = region.now()
    ends = now + timedelta(seconds=region.site.limits.token_seconds)
    body: Json = {
        "methods": [method],
        "user": {**_reference(region, user), "password_expires_at": None},
        "audit_ids": [region.new_hex_id()[:22]],
        "issued_at": _moment(now),
        "expires_at": _moment(ends),
        **more,
    }
    project, domain = region["project"].get(scope.project_id), region["domain"].get(scope.domain_id)
    if project is not None:
        body |= {"project": _reference(region, project), "is_domain": False}
    if domain is not None:
        body["domain"] = {"id": domain.id, "name": domain.name}
    if scope.roles:
        body["roles"] = [{"id": r.id, "name": r.name} for r in region["role"] if r.name in scope.roles]
        body["catalog"] = catalogue.of(region, scope.project_id)
    if len(region.tokens) > _MANY_TOKENS:
        for ended in [t for t, known in region.tokens.items() if known.ends <= now]:
            del region.tokens[ended]
    token = f"gAAAAAB{region.new_hex_id()}{region.new_hex_id()}"
    region.tokens[token] = Token(scope, ends, body)
    shown = body if with_catalogue else {k: v for k, v in body.items() if k != "catalog"}
    return Answer(201, {"token": shown}, {"X-Subject-Token": token})


def _reference(region: Region, owned: Object) -> Json:
    domain = region["domain"].get(owned["domain_id"])
    return {
        "id": owned.id,
        "name": owned.name,
        "domain": {"id": owned["domain_id"], "name": domain.name if domain else ""},
    }


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


ROUTES = (
    ("POST", "/v3/auth/tokens", issue),
    ("GET", "/v3/auth/tokens", validate),
    ("HEAD", "/v3/auth/tokens", validate),
    ("DELETE", "/v3/auth/tokens", revoke),
    ("GET", "/v3/auth/catalog", show_catalogue),
)
