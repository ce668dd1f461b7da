"""The oslo.config dialect of INI, and the sections that nearly every OpenStack service shares."""

from collections.abc import Mapping
from dataclasses import dataclass

from navarch_lab.layout import Installed, Layout
from navarch_lab.topology import APIS, MARIADB_PORT, MEMCACHED_PORT, RABBITMQ_PORT, REGION

Value = str | int | bool
Section = Mapping[str, Value]
Ini = Mapping[str, Section]


def render(ini: Ini) -> str:
    """Text of an oslo.config file."""
    return "\n".join(
        f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
        for section, values in ini.items()
    )


@dataclass(frozen=True, slots=True)
class Context:
    """All that a configuration file is made from."""

    layout: Layout
    installed: Installed
    passwords: Mapping[str, str]

    @property
    def keystone(self) -> str:
        return APIS["keystone"].internal_url

    @property
    def transport_url(self) -> str:
        return f"rabbit://openstack:{self.passwords['rabbitmq']}@127.0.0.1:{RABBITMQ_PORT}/"

    def database(self, name: str) -> Section:
        # Pools stay small: some twenty processes share one MariaDB.
        return {"connection": self.database_url(name), "max_pool_size": 5, "max_overflow": 20}

    def database_url(self, name: str) -> str:
        password = self.passwords["database"]
        return f"mysql+pymysql://openstack:{password}@127.0.0.1:{MARIADB_PORT}/{name}?charset=utf8"

    def user(self, name: str) -> dict[str, Value]:
        """How one service speaks to another: its own user, inside the lab, without TLS."""
        return {
            "auth_type": "password",
            "auth_url": self.keystone,
            "username": name,
            "password": self.passwords[name],
            "project_name": "service",
            "user_domain_id": "default",
            "project_domain_id": "default",
            "region_name": REGION,
            "valid_interfaces": "internal",
        }

    def authtoken(self, name: str) -> dict[str, Value]:
        return self.user(name) | {
            "www_authenticate_uri": APIS["keystone"].public_url,
            "memcached_servers": f"127.0.0.1:{MEMCACHED_PORT}",
            "service_token_roles": "service",
            "service_token_roles_required": True,
            "interface": "internal",
        }

    def shared(self) -> dict[str, Section]:
        return {
            "oslo_concurrency": {"lock_path": str(self.layout.data / "locks")},
            "oslo_messaging_rabbit": {"rabbit_quorum_queue": False, "heartbeat_in_pthread": False},
            "oslo_messaging_notifications": {"driver": "noop"},
            # The TLS end is in front: without this, links in answers would say http.
            "oslo_middleware": {"enable_proxy_headers_parsing": True},
        }

    def privsep(self, *files: str) -> Section:
        """privsep starts its helper through sudo by default; the lab's services are root already."""
        words = " ".join(f"--config-file {file}" for file in files)
        return {"helper_command": f"{self.installed.bin}/privsep-helper {words}"}
