"""The lab's passwords: random, made once per lab, kept in one file only root can read."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from navarch_lab.topology import CUSTOMERS, NAVARCH_USER, READER, SERVICE_USERS

NAMES = ("database", "rabbitmq", "metadata", "registry", "admin", *SERVICE_USERS, NAVARCH_USER, *CUSTOMERS, READER[0])


def write_private(path: Path, text: str) -> bool:
    """Write a file of mode 0600 atomically; False when it already held exactly this text."""
    try:
        if path.read_text() == text:
            return False
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        file.write(text)
    temporary.rename(path)
    return True


def load_or_make(path: Path) -> Mapping[str, str]:
    """All passwords of the lab, made on the first call and the same ever after."""
    try:
        known: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        known = {}
    missing = [name for name in NAMES if name not in known]
    if missing:
        known |= {name: secrets.token_hex(16) for name in missing}
        write_private(path, json.dumps(known, indent=1) + "\n")
    return known
