"""Where things lie: the state folder (one lab) and the cache (shared by all labs, survives `destroy`)."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one lab. Nothing is created here."""

    state: Path
    cache: Path

    @classmethod
    def from_environment(cls) -> "Layout":
        """NAVARCH_LAB_STATE and NAVARCH_CACHE, or their defaults."""
        return cls(
            Path(os.environ.get("NAVARCH_LAB_STATE") or "/var/lib/navarch-lab").absolute(),
            Path(os.environ.get("NAVARCH_CACHE") or "/var/cache/navarch").absolute(),
        )

    @property
    def etc(self) -> Path:
        return self.state / "etc"

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def run(self) -> Path:
        """PID records and sockets."""
        return self.state / "run"

    @property
    def data(self) -> Path:
        """What must survive a restart: databases, images, volumes."""
        return self.state / "data"

    @property
    def machines(self) -> Path:
        return self.state / "machines"

    @property
    def root_disks(self) -> Path:
        """Images and the machines' root disks: the compute driver mounts a pool of its own here."""
        return self.state / "root-disks"

    @property
    def home(self) -> Path:
        return self.state / "home"

    @property
    def plugins(self) -> Path:
        """A folder on the services' Python path: our in-process plugins and nothing else."""
        return self.state / "plugins"

    @property
    def secrets_file(self) -> Path:
        return self.state / "secrets.json"

    @property
    def ca_file(self) -> Path:
        return self.state / "ca.crt"

    @property
    def registry_program(self) -> Path:
        """Where `navarch-images tools registry` puts it; the lab has a registry once it is there."""
        return self.cache / "tools" / "navarch-registry"

    @property
    def registry_password_file(self) -> Path:
        """The password of those who push."""
        return self.etc / "registry" / "password"

    @property
    def clouds_file(self) -> Path:
        return self.state / "clouds.yaml"

    @property
    def ovs_socket(self) -> Path:
        return self.run / "ovn" / "db.sock"

    @property
    def nb_socket(self) -> Path:
        return self.run / "ovn" / "nb.sock"

    @property
    def sb_socket(self) -> Path:
        return self.run / "ovn" / "sb.sock"

    @property
    def mariadb_socket(self) -> Path:
        return self.run / "mariadb.sock"

    @property
    def haproxy_socket(self) -> Path:
        return self.run / "haproxy.sock"


@dataclass(frozen=True, slots=True)
class Installed:
    """What `install` made and `up` uses."""

    venv: Path
    ovs_bin: Path
    ovs_share: Path

    @property
    def bin(self) -> Path:
        return self.venv / "bin"
