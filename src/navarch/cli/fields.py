"""The fields of a wish that have an option: one table. `create` and `update` have their options from here, and so has
`--node-group`. To offer one more field, add a line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from navarch.cli.values import (
    addon_of,
    kept_of,
    limits_of,
    number_of,
    pairs_of,
    read_ssh_key,
    schedule_of,
    share_of,
    spare_of,
    switch_of,
    taint_of,
    volume_of,
    whole_seconds_of,
    window_of,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """How words become a value. `type`: what Typer makes of them. `read` gets that and the option's name; `part` one
    word of `--node-group`, as `z1+z2` in `name=web,zone=z1+z2`."""

    type: Any
    read: Callable[[Any, str], Any] = lambda value, option: value
    part: Callable[[str, str], Any] = lambda word, option: word


TEXT = Kind(str | None)
NUMBER = Kind(int | None, part=number_of)
SWITCH = Kind(bool | None, part=switch_of)
SHARE = Kind(str | None, read=share_of, part=share_of)
DURATION = Kind(str | None, read=whole_seconds_of, part=whole_seconds_of)
VOLUME = Kind(str | None, read=volume_of, part=volume_of)
KEPT = Kind(str | None, read=kept_of, part=kept_of)
SPARE = Kind(str | None, read=spare_of, part=spare_of)
LIMITS = Kind(str | None, read=limits_of, part=limits_of)
SCHEDULE = Kind(str | None, read=schedule_of)
WINDOW = Kind(str | None, read=window_of)
WORDS = Kind(list[str], part=lambda word, option: word.split("+"))
RANGES = Kind(list[str], read=lambda words, option: [] if words == ["any"] else words)
LABELS = Kind(list[str], read=pairs_of, part=lambda word, option: dict([word.partition(":")[::2]]))
NO_LABELS = Kind(list[str], read=lambda words, option: dict.fromkeys(words))
TAINTS = Kind(
    list[str],
    read=lambda words, option: [taint_of(word, option) for word in words],
    part=lambda word, option: [taint_of(word, option)],
)
ADDONS = Kind(list[str], read=lambda words, option: [addon_of(word, option) for word in words])
SSH_KEYS = Kind(list[str], read=lambda paths, option: [read_ssh_key(path, option) for path in paths])


@dataclass(frozen=True, slots=True)
class Field:
    """`path`: dotted, in the request. `options`: the names on the command line, the long one first. `kind`: how what
    follows them is read."""

    path: str
    options: tuple[str, ...]
    kind: Kind
    metavar: str | None
    help: str

    @property
    def option(self) -> str:
        """The long name."""
        return self.options[0].partition("/")[0]

    @property
    def api_names(self) -> tuple[str, ...]:
        """What the API and its refusals call it, from the whole path to its last part."""
        parts = self.path.split(".")
        return tuple(".".join(parts[start:]) for start in range(len(parts)))

    @property
    def name(self) -> str:
        """Its name as a parameter of a command, and in `--node-group`."""
        return self.option.removeprefix("--").replace("-", "_")


_VERSION = Field("spec.kubernetes_version", ("--version",), TEXT, "VERSION", "Kubernetes version. Default: newest.")
_IMAGE = Field("spec.node_image", ("--node-image",), TEXT, "IMAGE", "Image of that version. Default: built last.")
_ALLOWED = Field(
    "spec.network.api_allowed_cidrs", ("--api-allowed-cidr",), RANGES, "CIDR",
    "Who may reach the Kubernetes API; repeat. any, the default: everybody.",
)  # fmt: skip
_SSH_KEYS = Field("spec.ssh_keys", ("--ssh-key",), SSH_KEYS, "FILE", "Public key for the machines; repeat.")
_LABELS = Field("labels", ("--label", "-l"), LABELS, "KEY=VALUE", "Label; repeat.")
_SIZE = (
    Field("spec.control_plane.replicas", ("--control-plane-replicas",), NUMBER, "N", "1, 3 or 5. Default: 1."),
    Field("spec.control_plane.flavor", ("--control-plane-flavor",), TEXT, "FLAVOR", "Size of its machines."),
    Field("spec.control_plane.root_volume", ("--control-plane-root-volume",), VOLUME, "[TYPE:]GIB",
          "What they start from. Default: their flavor's disk."),
)  # fmt: skip
_LIFE = (
    Field("spec.control_plane.repair_after_seconds", ("--control-plane-repair-after",), DURATION, "DURATION",
          "How long a node of it may be NotReady. Default: 5m."),
    Field("spec.schedule", ("--schedule",), SCHEDULE, "START-STOP", "When it runs, as 08:00-20:00. Default: always."),
    Field("spec.schedule.days", ("--schedule-day",), WORDS, "DAY", "On which it starts, mon to sun; repeat."),
    Field("spec.schedule.timezone", ("--schedule-timezone",), TEXT, "ZONE", "As Europe/Berlin. Default: UTC."),
    Field("spec.remove_stopped_workers", ("--remove-stopped-workers/--keep-stopped-workers",), SWITCH, None,
          "What becomes of workers while it is stopped. Default: kept, shut off."),
    Field("spec.soak_seconds", ("--soak",), DURATION, "DURATION",
          "How long the first new machine is looked at before others are replaced. Default: 0."),
    Field("spec.expander", ("--expander",), TEXT, "WORD",
          "Which group grows: least-waste, priority, most-pods, random. Default: least-waste."),
    Field("spec.groups_at_once", ("--groups-at-once",), NUMBER, "N", "Node groups replaced side by side. Default: 1."),
    Field("spec.maintenance", ("--maintenance",), WINDOW, "START+HOURS",
          "When Navarch may begin what nobody asked for, as 03:00+4. Default: at any time."),
    Field("spec.maintenance.days", ("--maintenance-day",), WORDS, "DAY", "On which, mon to sun; repeat."),
    Field("spec.maintenance.timezone", ("--maintenance-timezone",), TEXT, "ZONE", "As Europe/Berlin. Default: UTC."),
    Field("spec.automatic_upgrades", ("--automatic-upgrades/--no-automatic-upgrades",), SWITCH, None,
          "Whether Navarch gives it newer patches by itself. Default: no."),
)  # fmt: skip

_PROTECTED = Field("spec.protected", ("--protected/--no-protected",), SWITCH, None,
                   "Whether deleting the cluster is refused. Default: no.")  # fmt: skip

NEW_CLUSTER = (
    _VERSION,
    _IMAGE,
    Field("region", ("--region",), TEXT, "REGION", "Region of the cloud. Default: the only one."),
    *_SIZE,
    Field("spec.control_plane.zones", ("--zone",), WORDS, "ZONE", "Zone of all machines; repeat to spread."),
    Field("spec.control_plane.etcd_volume.type", ("--etcd-volume-type",), TEXT, "TYPE", "Type of etcd's own disk."),
    Field("spec.control_plane.etcd_volume.size_gib", ("--etcd-volume-size",), NUMBER, "GIB", "Its size. Default: 10."),
    Field("spec.network.node_cidr", ("--node-cidr",), TEXT, "CIDR", "Range of the machines. Default: 10.0.0.0/24."),
    Field("spec.network.pod_cidr", ("--pod-cidr",), TEXT, "CIDR", "Range of pods. Default: 10.100.0.0/16."),
    Field("spec.network.service_cidr", ("--service-cidr",), TEXT, "CIDR", "Range of services. Default: 10.254.0.0/16."),
    Field("spec.network.external_network", ("--external-network",), TEXT, "NETWORK", "Where addresses come from."),
    Field("spec.network.dns_servers", ("--dns-server",), WORDS, "ADDRESS", "Resolver of the machines; repeat."),
    _ALLOWED,
    *_LIFE,
    _PROTECTED,
    Field("spec.addons", ("--addon",), ADDONS, "ENTRY",
          "Add-on of the catalogue that it begins with, as monitoring, or monitoring,version=1.0.0,name=m; repeat."),
    _SSH_KEYS,
    _LABELS,
)  # fmt: skip
CLUSTER = (
    _VERSION,
    _IMAGE,
    *_SIZE,
    _ALLOWED,
    *_LIFE,
    _PROTECTED,
    _SSH_KEYS,
    _LABELS,
    Field("labels", ("--remove-label",), NO_LABELS, "KEY", "Label to drop; repeat."),
    Field("spec.paused", ("--pause/--resume",), SWITCH, None, "Whether Navarch keeps its hands off."),
    Field("spec.rollout_paused", ("--pause-rollout/--resume-rollout",), SWITCH, None,
          "Whether machines that are not as wanted stay as they are."),
)  # fmt: skip
NEW_NODE_GROUP = (
    Field("spec.replicas", ("--replicas", "-r"), NUMBER, "N", "Number of machines. Default: 2."),
    Field("spec.autoscaling", ("--autoscaling",), LIMITS, "MIN-MAX",
          "Limits within which Navarch moves their number. Default: it does not."),
    Field("spec.autoscaling.min", ("--min",), NUMBER, "N", "The lower one of these limits. Default: 0."),
    Field("spec.autoscaling.max", ("--max",), NUMBER, "N", "The upper one."),
    Field("spec.autoscaling.unneeded_seconds", ("--unneeded",), DURATION, "DURATION",
          "How long a machine must have been hardly used before it goes. Default: 10m."),
    Field("spec.autoscaling.utilization_threshold", ("--utilization-threshold",), NUMBER, "PERCENT",
          "What hardly used means. Default: 50."),
    Field("spec.autoscaling.max_provision_seconds", ("--max-provision",), DURATION, "DURATION",
          "After how long a machine that does not come is given up. Default: 15m."),
    Field("spec.autoscaling.priority", ("--priority",), NUMBER, "N",
          "Where the expander is priority: the highest grows. Default: 0."),
    Field("spec.autoscaling.capacity", ("--capacity",), LABELS, "RESOURCE=N",
          "Extended resource that a machine will have, as nvidia.com/gpu=1; repeat."),
    Field("spec.autoscaling.spare", ("--spare",), SPARE, "N:CPU[+MEMORY]",
          "Room to keep free: for N pods of so much each, as 2:500m+512Mi. Default: none."),
    Field("spec.flavor", ("--flavor",), TEXT, "FLAVOR", "Size of the machines."),
    Field("spec.zones", ("--zone",), WORDS, "ZONE", "Zone of the machines; repeat to spread."),
    Field("spec.labels", ("--label", "-l"), LABELS, "KEY=VALUE", "Label of the nodes; repeat."),
    Field("spec.taints", ("--taint",), TAINTS, "KEY=VALUE:EFFECT", "Taint of the nodes; repeat."),
    Field("spec.kubernetes_version", ("--version",), TEXT, "VERSION", "An older one than the cluster's."),
    Field("spec.root_volume", ("--root-volume",), VOLUME, "[TYPE:]GIB",
          "What they start from. Default: their flavor's disk."),
    Field("spec.max_surge", ("--max-surge",), SHARE, "N|N%", "Machines more while some are replaced. Default: 1."),
    Field("spec.max_unavailable", ("--max-unavailable",), SHARE, "N|N%", "Machines fewer meanwhile. Default: 0."),
    Field("spec.drain_timeout_seconds", ("--drain-timeout",), DURATION, "DURATION",
          "How long pods may refuse to leave a machine. Default: 10m."),
    Field("spec.force_drain", ("--force-drain/--no-force-drain",), SWITCH, None, "Whether they are ended then."),
    Field("spec.repair_after_seconds", ("--repair-after",), DURATION, "DURATION",
          "How long a node may be NotReady before its machine is replaced. Default: 5m."),
    Field("spec.repair_conditions", ("--repair-condition",), WORDS, "TYPE",
          "Condition of a node that counts as NotReady does; repeat."),
    Field("spec.max_unhealthy", ("--max-unhealthy",), SHARE, "N|N%",
          "Nothing that runs is replaced while more, and more than two, are not healthy. Default: 40%."),
    Field("spec.keep_failed_machines", ("--keep-failed",), KEPT, "N[:HOURS]",
          "Machines given up that are kept for a look. Default: 0:24."),
)  # fmt: skip
NODE_GROUP = (
    *NEW_NODE_GROUP,
    Field("spec.labels", ("--remove-label",), NO_LABELS, "KEY", "Label to drop; repeat."),
)
