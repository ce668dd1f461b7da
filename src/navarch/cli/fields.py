"""The fields of a wish that have an option: one table. `create` and `update` have their options from here, and so has
`--node-group`. To offer one more field, add a line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from navarch.cli.values import number_of, pairs_of, read_ssh_key, taint_of


@dataclass(frozen=True, slots=True)
class Kind:
    """How words become a value. `type`: what Typer makes of them. `read` gets that and the option's name; `part` one
    word of `--node-group`, as `z1+z2` in `name=web,zone=z1+z2`."""

    type: Any
    read: Callable[[Any, str], Any] = lambda value, option: value
    part: Callable[[str, str], Any] = lambda word, option: word


TEXT = Kind(str | None)
NUMBER = Kind(int | None, part=number_of)
SWITCH = Kind(bool | None)
WORDS = Kind(list[str], part=lambda word, option: word.split("+"))
RANGES = Kind(list[str], read=lambda words, option: [] if words == ["any"] else words)
LABELS = Kind(list[str], read=pairs_of, part=lambda word, option: dict([word.partition(":")[::2]]))
NO_LABELS = Kind(list[str], read=lambda words, option: dict.fromkeys(words))
TAINTS = Kind(
    list[str],
    read=lambda words, option: [taint_of(word, option) for word in words],
    part=lambda word, option: [taint_of(word, option)],
)
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
_ALLOWED = Field(
    "spec.network.api_allowed_cidrs", ("--api-allowed-cidr",), RANGES, "CIDR",
    "Who may reach the Kubernetes API; repeat. any, the default: everybody.",
)  # fmt: skip
_SSH_KEYS = Field("spec.ssh_keys", ("--ssh-key",), SSH_KEYS, "FILE", "Public key for the machines; repeat.")
_LABELS = Field("labels", ("--label", "-l"), LABELS, "KEY=VALUE", "Label; repeat.")

NEW_CLUSTER = (
    _VERSION,
    Field("region", ("--region",), TEXT, "REGION", "Region of the cloud. Default: the only one."),
    Field("spec.control_plane.replicas", ("--control-plane-replicas",), NUMBER, "N", "1, 3 or 5. Default: 1."),
    Field("spec.control_plane.flavor", ("--control-plane-flavor",), TEXT, "FLAVOR", "Size of its machines."),
    Field("spec.control_plane.zones", ("--zone",), WORDS, "ZONE", "Zone of all machines; repeat to spread."),
    Field("spec.control_plane.etcd_volume.type", ("--etcd-volume-type",), TEXT, "TYPE", "Type of etcd's own disk."),
    Field("spec.control_plane.etcd_volume.size_gib", ("--etcd-volume-size",), NUMBER, "GIB", "Its size. Default: 10."),
    Field("spec.network.node_cidr", ("--node-cidr",), TEXT, "CIDR", "Range of the machines. Default: 10.0.0.0/24."),
    Field("spec.network.pod_cidr", ("--pod-cidr",), TEXT, "CIDR", "Range of pods. Default: 10.100.0.0/16."),
    Field("spec.network.service_cidr", ("--service-cidr",), TEXT, "CIDR", "Range of services. Default: 10.254.0.0/16."),
    Field("spec.network.external_network", ("--external-network",), TEXT, "NETWORK", "Where addresses come from."),
    Field("spec.network.dns_servers", ("--dns-server",), WORDS, "ADDRESS", "Resolver of the machines; repeat."),
    _ALLOWED,
    _SSH_KEYS,
    _LABELS,
)  # fmt: skip
CLUSTER = (
    _VERSION,
    _ALLOWED,
    _SSH_KEYS,
    _LABELS,
    Field("labels", ("--remove-label",), NO_LABELS, "KEY", "Label to drop; repeat."),
    Field("spec.paused", ("--pause/--resume",), SWITCH, None, "Whether Navarch keeps its hands off."),
)
NEW_NODE_GROUP = (
    Field("spec.replicas", ("--replicas", "-r"), NUMBER, "N", "Number of machines. Default: 2."),
    Field("spec.flavor", ("--flavor",), TEXT, "FLAVOR", "Size of the machines."),
    Field("spec.zones", ("--zone",), WORDS, "ZONE", "Zone of the machines; repeat to spread."),
    Field("spec.labels", ("--label", "-l"), LABELS, "KEY=VALUE", "Label of the nodes; repeat."),
    Field("spec.taints", ("--taint",), TAINTS, "KEY=VALUE:EFFECT", "Taint of the nodes; repeat."),
    Field("spec.max_surge", ("--max-surge",), NUMBER, "N", "Machines more while some are replaced. Default: 1."),
    Field("spec.max_unavailable", ("--max-unavailable",), NUMBER, "N", "Machines fewer meanwhile. Default: 0."),
)
NODE_GROUP = (
    *NEW_NODE_GROUP,
    Field("spec.labels", ("--remove-label",), NO_LABELS, "KEY", "Label to drop; repeat."),
)
