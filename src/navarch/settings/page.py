"""Makes docs/operate/settings.md from the settings themselves: `python -m navarch.settings.page`."""

import inspect
from dataclasses import MISSING, fields, is_dataclass
from typing import get_type_hints

from navarch.settings import Settings

_EXAMPLE = """\
```toml
[api]
public_url = "https://kaas.example.org:9443"
certificate = "keys/api.crt"
key = "keys/api.key"
certificate_ca = "keys/ca.crt"
password_file = "keys/api.password"

[cloud]
auth_url = "https://keystone.example.org:5000/v3"
password_file = "keys/cloud.password"

[keys]
sealing_file = "keys/sealing.key"
report_file = "keys/report.key"
worker_file = "keys/worker.key"

[database]
dsn = "host=db.example.org dbname=navarch user=navarch sslmode=verify-full"

[worker]
api_source_cidrs = ["198.51.100.10/32"]
```
"""


def page() -> str:
    """The whole page."""
    parts = [
        "# Settings",
        "One TOML file, `/etc/navarch/navarch.toml` unless `--config` names another. Relative paths are relative to "
        "it. A mistake is named, with all others, before anything starts.",
        _EXAMPLE.strip(),
    ]
    for name, section in get_type_hints(Settings).items():
        assert is_dataclass(section)  # noqa: S101 - each section is one
        parts.append(f"## [{name}]")
        parts.append(inspect.cleandoc(section.__doc__ or "").replace("\n", " ").replace("  ", "\n\n"))
        rows = ["| setting | default |", "| --- | --- |"]
        for field in fields(section):
            default = "required" if field.default is MISSING else f"`{_shown(field.default)}`"
            rows.append(f"| `{field.name}` | {default} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _shown(value: object) -> str:
    return '""' if value == "" else "[]" if value == () else "left out" if value is None else str(value)


if __name__ == "__main__":
    print(page(), end="")
