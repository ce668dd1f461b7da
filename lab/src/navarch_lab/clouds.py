"""clouds.yaml for everybody who uses the lab."""

from typing import Any

import yaml

from navarch_lab.credentials import load_or_make, write_private
from navarch_lab.layout import Layout
from navarch_lab.topology import APIS, CUSTOMERS, NAVARCH_USER, READER, REGION, REGISTRY_URL


def clouds(layout: Layout) -> dict[str, Any]:
    """Cloud name -> entry, as openstacksdk reads it."""
    passwords = load_or_make(layout.secrets_file)
    users = {"admin": "admin", NAVARCH_USER: "service", **{name: name for name in CUSTOMERS}, READER[0]: READER[1]}
    return {
        user: {
            "auth": {
                "auth_url": APIS["keystone"].public_url,
                "username": user,
                "password": passwords[user],
                "project_name": project,
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            "region_name": REGION,
            "cacert": str(layout.ca_file),
            "interface": "public",
            "identity_api_version": 3,
        }
        for user, project in users.items()
    }


def write(layout: Layout) -> None:
    """Write clouds.yaml, readable by root alone."""
    write_private(layout.clouds_file, yaml.safe_dump({"clouds": clouds(layout)}, sort_keys=False))


def exports(layout: Layout) -> str:
    """Shell lines that point OpenStack's tools at it, and `navarch-images push` at its registry where it has one."""
    lines: dict[str, object] = {"OS_CLIENT_CONFIG_FILE": layout.clouds_file, "OS_CACERT": layout.ca_file}
    if layout.registry_program.exists():
        lines |= {"NAVARCH_REGISTRY": REGISTRY_URL, "NAVARCH_REGISTRY_PASSWORD_FILE": layout.registry_password_file}
    return "".join(f"export {name}={value}\n" for name, value in lines.items())
