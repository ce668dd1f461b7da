"""Who may do what: oslo.policy rules, which an operator's policy file may replace one by one.

| rule | default |
| --- | --- |
| `navarch:admin` | role `admin`, in the system's scope or in the admin project (any project where none is configured) |
| `navarch:all_projects` | `navarch:admin`: list and act in every project with `?all_projects=true` |
| `navarch:clusters:read`, `navarch:offer:read` | role `reader` in the project |
| `navarch:clusters:figures` | role `reader` in the project: what a cluster's add-on measures, and its alerts |
| `navarch:clusters:workloads` | role `reader` in the project, and no operator: what runs in a cluster is its owners' |
| `navarch:clusters:create`, `:update`, `:delete` | role `member` in the project |
| `navarch:node_groups:write` | role `member` in the project |
| `navarch:addons:write` | role `member` in the project |
| `navarch:machines:delete` | role `member` in the project: a chosen machine goes, or is replaced |
| `navarch:kubeconfigs:revoke` | role `member` in the project: have a cluster refuse a kubeconfig |
| `navarch:credentials:renew` | role `member` in the project: replace the credentials of a cluster's own controllers |
| `navarch:kubeconfigs:create` | role `member` in the project, and no operator: what runs in a cluster is its owners' |

Keystone's role `member` implies `reader`, `admin` implies `member`; the rules also say so themselves.
"""

import os
import time
from collections.abc import Callable
from errno import ENOENT
from pathlib import Path

from oslo_config import cfg
from oslo_policy import policy

from navarch.api.identity import Caller

ADMIN = "navarch:admin"
ALL_PROJECTS = "navarch:all_projects"
READ = "navarch:clusters:read"
FIGURES = "navarch:clusters:figures"
WORKLOADS = "navarch:clusters:workloads"
CREATE = "navarch:clusters:create"
UPDATE = "navarch:clusters:update"
DELETE = "navarch:clusters:delete"
NODE_GROUPS = "navarch:node_groups:write"
ADDONS = "navarch:addons:write"
MACHINES = "navarch:machines:delete"
KUBECONFIGS = "navarch:kubeconfigs:create"
REVOCATIONS = "navarch:kubeconfigs:revoke"
CREDENTIALS = "navarch:credentials:renew"
OFFER = "navarch:offer:read"

_READER = "(role:reader or role:member or role:admin) and project_id:%(project_id)s"
_MEMBER = "(role:member or role:admin) and project_id:%(project_id)s"
_OR_ALL = f" or rule:{ALL_PROJECTS}"
RULES = (
    policy.RuleDefault(ADMIN, "role:admin and (system_scope:all or is_admin_project:True)", "An operator."),
    policy.RuleDefault(ALL_PROJECTS, f"rule:{ADMIN}", "Act in every project."),
    policy.RuleDefault(READ, _READER + _OR_ALL, "List and show clusters and what belongs to them."),
    policy.RuleDefault(FIGURES, _READER + _OR_ALL, "See what a cluster's add-on measures, and its alerts."),
    policy.RuleDefault(WORKLOADS, _READER, "See what runs in a cluster of one's own project."),
    policy.RuleDefault(CREATE, _MEMBER, "Create a cluster in one's own project."),
    policy.RuleDefault(UPDATE, _MEMBER + _OR_ALL, "Change a cluster."),
    policy.RuleDefault(DELETE, _MEMBER + _OR_ALL, "Delete a cluster."),
    policy.RuleDefault(NODE_GROUPS, _MEMBER + _OR_ALL, "Add, change and delete node groups."),
    policy.RuleDefault(ADDONS, _MEMBER + _OR_ALL, "Install, change and remove add-ons."),
    policy.RuleDefault(MACHINES, _MEMBER + _OR_ALL, "Have a chosen machine removed or replaced."),
    policy.RuleDefault(KUBECONFIGS, _MEMBER, "Issue a kubeconfig for a cluster of one's own project."),
    policy.RuleDefault(REVOCATIONS, _MEMBER + _OR_ALL, "Have a cluster refuse a kubeconfig."),
    policy.RuleDefault(CREDENTIALS, _MEMBER + _OR_ALL, "Replace the credentials of a cluster's own controllers."),
    policy.RuleDefault(OFFER, _READER + _OR_ALL, "See versions, flavors, zones, volume types, networks, quotas."),
)

_REMEMBERED, _REMEMBERED_SECONDS = 4096, 10.0
_NONE = "no-policy-file"  # oslo.policy would look for a file of its own choice


class Policy:
    """The rules in force. `policy_file` (empty: none) is read again when it changes, which shows within ten seconds.
    `clock` in seconds. Raises FileNotFoundError, and ValueError where it holds no rules."""

    def __init__(self, policy_file: str = "", *, clock: Callable[[], float] = time.monotonic) -> None:
        if policy_file and not Path(policy_file).is_file():
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), policy_file)
        conf = cfg.ConfigOpts()
        conf([], project="navarch", default_config_files=[], default_config_dirs=[])
        self._enforcer = policy.Enforcer(conf, policy_file=policy_file or _NONE)
        conf.set_override("policy_dirs", [], group="oslo_policy")  # one file, named in the settings, and nothing else
        self._enforcer.register_defaults(list(RULES))
        try:
            self._enforcer.load_rules()
        except (AttributeError, TypeError) as error:  # YAML, but not of rules
            raise ValueError('must hold rules, as in "navarch:clusters:read": "role:reader"') from error
        # oslo.policy looks for its file and into the checks' signatures each time, a third of a request's time.
        self._known: dict[tuple[str, Caller, str | None], bool] = {}
        self._clock, self._known_until = clock, 0.0

    def allows(self, rule: str, caller: Caller, project_id: str | None) -> bool:
        """Whether the rule lets the caller act in that project; None: in every project."""
        if self._clock() >= self._known_until or len(self._known) >= _REMEMBERED:
            self._known, self._known_until = {}, self._clock() + _REMEMBERED_SECONDS
        known, question = self._known, (rule, caller, project_id)
        if question not in known:
            target = {"project_id": project_id or ""}
            known[question] = bool(self._enforcer.authorize(rule, target, caller.credentials()))
        return known[question]
