"""Settings of `navarch-server`: one TOML file, read once, checked as a whole.

docs/operate/settings.md is made from the docstrings and defaults below.
"""

import tomllib
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from navarch.settings import bounds


class SettingsError(Exception):
    """The settings file cannot be used; the message lists everything wrong with it."""


@dataclass(frozen=True, slots=True)
class Database:
    """`dsn`: any PostgreSQL 14 or later. Empty: Navarch runs a private one in `private_folder`."""

    dsn: str = ""
    private_folder: Path = Path("/var/lib/navarch/postgres")
    pool_size: int = 12


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API listens, with which certificate, and under which URL people reach it.

    `certificate_ca`: PEM of the CA that signed `certificate`; machines pin it. `policy_file`: oslo.policy rules that
    replace the defaults, or empty. `metrics_listen`: where the API answers Prometheus, HOST:PORT over plain HTTP;
    empty: nowhere.

    `machines_listen`, `machines_port`: where clusters' machines join and report, under the same certificate and apart
    from people. `machines_url`: under which URL they reach it; empty: the host of `public_url`, at `machines_port`.

    `username` and `password_file`: the user that validates customers' tokens, in the domain `cloud.user_domain`. It
    needs the role `reader` on the system, and nothing else.

    `kubeconfig_hours`: the longest that a kubeconfig may hold. Nothing takes one back before its end.

    `balancers`: addresses and ranges of balancers that pass on connections under their own address. Connections from
    there are not bounded by address; the balancer has to bound its callers.
    """

    certificate: Path
    key: Path
    certificate_ca: Path
    public_url: str
    password_file: Path
    username: str = "navarch-api"
    listen: str = "0.0.0.0"  # noqa: S104 - a service for the cloud's customers
    port: int = 9443
    policy_file: str = ""
    metrics_listen: str = "127.0.0.1:9445"
    machines_listen: str = "0.0.0.0"  # noqa: S104 - for machines of all clusters
    machines_port: int = 9446
    machines_url: str = ""
    kubeconfig_hours: int = 24
    balancers: tuple[str, ...] = ()

    def where_machines_join(self) -> str:
        """URL of the machines' endpoint."""
        host = urlsplit(self.public_url).hostname or ""
        return self.machines_url or f"https://{f'[{host}]' if ':' in host else host}:{self.machines_port}"


@dataclass(frozen=True, slots=True)
class Cloud:
    """The OpenStack that clusters are made in, and Navarch's service user there.

    Only workers act as this user. It needs the roles `service` in `project`, `member` inherited on the domains whose
    projects may have clusters, and `manager` on `cluster_domain`, where it keeps one user per cluster. `password_file`
    holds the password alone.

    `owners`: ids of the projects whose node images and external networks are offered. Empty: images that are public,
    and every external network that `project` sees, also one that a customer shares with it.

    `delegated_roles`: those that each cluster's own user gets in its project, of those that Navarch's has there. Add
    `creator` where volumes are encrypted with keys of Barbican's, and give it to Navarch's user as `member` is.

    `volumes_per_machine`: how many claims' volumes Nova attaches to a machine, so that no pod is put where its volume
    cannot follow; 0: the scheduler knows no limit. Of the 26 that virtio-blk has room for, or of what Nova's
    `max_disk_devices_to_attach` says, the machine's own disks are to be taken off.

    `simulator`: for trials and measurements with a simulated cloud, whose machines have no Kubernetes of their own:
    where it answers for theirs (`host:port`, or the path of a Unix socket).
    """

    auth_url: str
    password_file: Path
    username: str = "navarch"
    user_domain: str = "Default"
    project: str = "service"
    project_domain: str = "Default"
    cluster_domain: str = "navarch"
    region: str = "RegionOne"
    ca_file: str = ""
    load_balancer_provider: str = "ovn"
    owners: tuple[str, ...] = ()
    delegated_roles: tuple[str, ...] = ("member", "load-balancer_member")
    volumes_per_machine: int = 0
    simulator: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """`sealing_file`: keys that clusters' secrets are sealed with, the current one first (`navarch-server keys rotate`
    seals anew). `worker_file`: the same for what can act in a customer's project, the passwords of clusters' own
    Keystone users: only workers have it. `report_file`: the key that machines' tickets and report tokens are signed
    with."""

    sealing_file: Path
    report_file: Path
    worker_file: Path


@dataclass(frozen=True, slots=True)
class Worker:
    """`threads`: clusters worked on at once; where a cloud answers badly, most of them wait. `calls`: outside calls at
    once. `api_source_cidrs`: addresses from which this Navarch reaches clusters' APIs; always let in, whatever
    `api_allowed_cidrs` says. `metrics_listen`: where the worker answers Prometheus, HOST:PORT over plain HTTP; empty:
    nowhere. `upgrades_spread_minutes`: over how long clusters begin automatic upgrades, once a release is offered or a
    maintenance window opened; not all at once."""

    threads: int = 24
    calls: int = 24
    api_source_cidrs: tuple[str, ...] = ()
    metrics_listen: str = "127.0.0.1:9444"
    upgrades_spread_minutes: int = 30


@dataclass(frozen=True, slots=True)
class Console:
    """The web pages. `sealing_file`: keys that sessions are sealed with, of the same form as `keys.sealing_file` and
    best not the same; left out: those of `keys.sealing_file`. `public_url`: the address that people's browsers have,
    with the prefix where the console is not at the root of its host; empty: `https://` with `listen` and `port`.
    `regions`: the consoles of the cloud's regions, this one's among them, each as `NAME=ADDRESS`; each page offers
    them. `api_url`: where the console reaches the API; empty: `api.public_url`. `certificate`, `key`: what it is served
    with; left out: the API's. `ca_file`: CAs that the console trusts for the API and Keystone beside the system's; left
    out: `cloud.ca_file`. `session_hours`: how long people stay signed in at most; no longer than their Keystone token
    is valid."""

    listen: str = "127.0.0.1"
    port: int = 9447
    public_url: str = ""
    api_url: str = ""
    certificate: Path | None = None
    key: Path | None = None
    ca_file: Path | None = None
    sealing_file: Path | None = None
    session_hours: int = 8
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The catalogue of add-ons (docs/operate/catalogue.md). `renderer`: the program `navarch-render`, by which API and
    workers render charts; left out: the one in the PATH. Without one no worker starts, and no add-on can be asked
    for."""

    renderer: Path | None = None


@dataclass(frozen=True, slots=True)
class Prices:
    """What things cost, for the estimate that people see before they ask for something. Navarch bills nobody. Each
    price is a text such as `"0.042"`; what has none is named as such beside the estimate.

    `currency`: what the prices are in, such as `EUR`; empty: no estimate is shown. `flavor_hour`: an hour of a machine,
    each as `FLAVOR=PRICE`, by the flavor's name or id. `volume_gib_month`: a GiB of a volume for a month of 730 hours,
    each as `TYPE=PRICE`. `*` is every flavor, or type, that has no price of its own. `balancer_hour`,
    `floating_address_hour`: an hour of one; empty: not said."""

    currency: str = ""
    flavor_hour: tuple[str, ...] = ()
    volume_gib_month: tuple[str, ...] = ()
    balancer_hour: str = ""
    floating_address_hour: str = ""


@dataclass(frozen=True, slots=True)
class Images:
    """Where clusters' machines pull container images from (docs/operate/images.md). `registry`: https://HOST[:PORT] of
    the region's registry; empty: images are pulled from wherever their names say. `ca_file`: PEM of the CA that its
    certificate is of; left out: those that the node image knows. `mirrors`: hosts in names of images whose images come
    from that registry, and from nowhere else."""

    registry: str = ""
    ca_file: Path | None = None
    mirrors: tuple[str, ...] = ("registry.navarch.internal",)


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file."""

    api: Api
    cloud: Cloud
    keys: Keys
    database: Database = field(default_factory=Database)
    worker: Worker = field(default_factory=Worker)
    console: Console = field(default_factory=Console)
    catalogue: Catalogue = field(default_factory=Catalogue)
    prices: Prices = field(default_factory=Prices)
    images: Images = field(default_factory=Images)


def read_settings(path: Path) -> Settings:
    """The settings in a TOML file; relative paths in it are relative to the file. Raises SettingsError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error
    problems: list[str] = []
    settings = _section(Settings, document, "", path.parent.resolve(), problems)
    if problems:
        raise SettingsError(f"{path}:\n  " + "\n  ".join(problems))
    assert isinstance(settings, Settings)  # noqa: S101 - problems would not be empty
    return settings


def _section(type_: type, document: dict[str, Any], where: str, folder: Path, problems: list[str]) -> object | None:
    hints = get_type_hints(type_)
    known = {f.name: f for f in fields(type_)}
    values: dict[str, Any] = {}
    for name in document:
        if name not in known:
            near = get_close_matches(name, known, 1)
            problems.append(f"{where}{name}: not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    before = len(problems)
    for name, definition in known.items():
        if name not in document:
            if definition.default is MISSING and definition.default_factory is MISSING:
                problems.append(f"{where}{name}: missing")
            continue
        value, wanted = document[name], hints[name]
        if is_dataclass(wanted) and isinstance(wanted, type):
            if isinstance(value, dict):
                values[name] = _section(wanted, value, f"{where}{name}.", folder, problems)
            else:
                problems.append(f"{where}{name}: must be a table")
        elif wanted in (Path, Path | None) and isinstance(value, str) and value:
            values[name] = folder / value
        elif (wanted is int and type(value) is int) or (wanted is str and isinstance(value, str)):
            values[name] = value
        elif wanted == tuple[str, ...] and isinstance(value, list) and all(isinstance(v, str) for v in value):
            values[name] = tuple(value)
        else:
            problems.append(f"{where}{name}: must be {_word(wanted)}, got {value!r}")
            continue
        out_of_bounds = bounds.wrong(f"{where}{name}", values[name])
        if out_of_bounds is not None:
            problems.append(f"{where}{name}: {out_of_bounds}")
    return type_(**values) if len(problems) == before else None


def _word(wanted: object) -> str:
    words: dict[object, str] = {
        Path: "a path",
        Path | None: "a path",
        int: "a whole number",
        str: "a text",
        tuple[str, ...]: "a list of texts",
    }
    return words.get(wanted, str(wanted))
