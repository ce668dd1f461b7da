"""A machine's user-data. Whoever may read the metadata service sees it, so the ticket is all that is secret in it."""

import json

from navarch.bootstrap.yaml_text import yaml_text

JOIN_FILE = "/etc/navarch/join.json"


def user_data(*, endpoint: str, ca: str, ticket: str, machine: str, ssh_keys: tuple[str, ...] = ()) -> str:
    """cloud-config that names the machine and gives it the address of the join endpoint, the PEM of the only authority
    it may believe there, and its ticket. `ssh_keys` may log in as the image's default user."""
    join = {"endpoint": endpoint, "ca": ca, "ticket": ticket, "machine": machine}
    config: dict[str, object] = {
        "hostname": machine,
        "write_files": [
            {"path": JOIN_FILE, "owner": "root:root", "permissions": "0600", "content": json.dumps(join) + "\n"}
        ],
    }
    if ssh_keys:
        config["ssh_authorized_keys"] = list(ssh_keys)
    return "#cloud-config\n" + yaml_text(config, width=10_000)
