"""The Keystone user of a cluster's controllers, and the trust by which it may act in the customer's project.

The user lives in the clusters' domain and has no role of its own anywhere. What it may do, it may by a trust: the
service user's own `member`, and what else `delegated_roles` names, on this one project, not to be passed on. Removing
the trust ends it at once. The trust's id is kept in the user's description, because Keystone lists trusts by trustor
only, which would be those of every cluster of the cloud. Keystone answers on trusts only with a token for a project,
any will do; the service user's own is there even when the customer's is gone.
"""

import re
from collections.abc import Collection

from navarch.clouds.openstack.handlers import kept_filter
from navarch.clouds.openstack.session import Json, Project, Sessions
from navarch.domain.errors import Permanent
from navarch.domain.openstack.resources import Identity, Kind
from navarch.domain.spec import Owner

# A cloud's rules for people's passwords: nobody is there to change this one, and a user that is locked out stops its
# cluster. Navarch alone sets it.
_OPTIONS = {
    "ignore_change_password_upon_first_use": True,
    "ignore_password_expiry": True,
    "ignore_user_inactivity": True,
    "ignore_lockout_failure_attempts": True,
    "lock_password": True,
}
_TRUST = re.compile(r"\btrust ([0-9a-f]{32})\b")


def read_identities(sessions: Sessions, owner: Owner) -> tuple[Identity, ...]:
    """The cluster's user, with its trust where that still exists."""
    domain = sessions.cluster_domain()
    user = _user(domain, owner)
    if user is None:
        return ()
    trust = _TRUST.search(user.get("description") or "")
    trust_id = trust[1] if trust and _exists(sessions.own(), trust[1]) else None
    return (Identity(id=user["id"], name=user["name"], trust_id=trust_id),)


def ensure_identity(sessions: Sessions, owner: Owner, password: str) -> Identity:
    """The user with this password, and a trust for the owner's project. What an interrupted call left is taken up."""
    domain, project = sessions.cluster_domain(), sessions.project(owner.project_id)
    article = f"the {Kind.IDENTITY} {owner.cluster_id}"
    user, trust_id = _user(domain, owner), None
    if user is None:
        body = {"name": owner.cluster_id, "domain_id": domain.domain_id, "password": password, "options": _OPTIONS}
        user = domain.identity.post("/users", {"user": body}, f"create {article}", private=True)["user"]
        changed: Json = {}
    else:
        changed = {"password": password, "options": _OPTIONS}
        trust_id = next((t["id"] for t in _trusts(project, user["id"]) if t["project_id"] == owner.project_id), None)
    if trust_id is None:
        trust_id = _delegate(project, owner, user["id"], sessions.delegated_roles)
    changed["description"] = f"Controllers of Kubernetes cluster {owner.stem}; trust {trust_id}"
    domain.identity.patch(f"/users/{user['id']}", {"user": changed}, f"set up {article}", private=True)
    return Identity(id=user["id"], name=user["name"], trust_id=trust_id)


def remove_identity(sessions: Sessions, user_id: str, name: str) -> None:
    """End the trust, then remove the user."""
    domain, own = sessions.cluster_domain(), sessions.own()
    for trust in _trusts(own, user_id):
        own.identity.delete(f"/OS-TRUST/trusts/{trust['id']}", f"end the trust of the {Kind.IDENTITY} {name}")
    try:
        domain.identity.delete(f"/users/{user_id}", f"delete the {Kind.IDENTITY} {name}")
    except Permanent:
        # Keystone tells a domain's manager 403, not 404, for a user that is in no domain at all.
        if any(user["id"] == user_id for user in _users(domain, name)):
            raise


def _user(domain: Project, owner: Owner) -> Json | None:
    return next(iter(_users(domain, owner.cluster_id)), None)  # names are unique in a domain


def _users(domain: Project, name: str) -> list[Json]:
    query, doing = {"domain_id": domain.domain_id, "name": name}, f"look up the {Kind.IDENTITY} {name}"
    found = domain.identity.items("/users", "users", doing, **query)
    return kept_filter(domain.identity, doing, found, lambda body: body["name"] == name)


def _delegate(project: Project, owner: Owner, user_id: str, roles: Collection[str]) -> str:
    body = {
        "trustor_user_id": project.user_id,
        "trustee_user_id": user_id,
        "project_id": owner.project_id,
        "impersonation": False,
        # As Keystone spells them: there may be a `Member` from long ago, which policies take for `member`.
        "roles": [{"name": role} for role in project.roles if role.lower() in roles],
    }
    doing = f"delegate the role member to the {Kind.IDENTITY} {owner.cluster_id}"
    return str(project.identity.post("/OS-TRUST/trusts", {"trust": body}, doing)["trust"]["id"])


def _trusts(scope: Project, trustee_id: str) -> list[Json]:
    query = {"trustor_user_id": scope.user_id}
    found = scope.identity.items("/OS-TRUST/trusts", "trusts", "look up the trusts of Navarch's service user", **query)
    return [trust for trust in found if trust["trustee_user_id"] == trustee_id]


def _exists(own: Project, trust_id: str) -> bool:
    return own.identity.look_up(f"/OS-TRUST/trusts/{trust_id}", f"look up the trust {trust_id}") is not None
