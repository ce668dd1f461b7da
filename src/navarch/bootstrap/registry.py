"""The region's registry of container images, as a machine's containerd is told of it.

containerd reads `hosts.toml` at each pull, so nothing is restarted. The registry is the only host *and* the `server`:
with the mirror alone, what is not there would be asked for on the internet, where most nodes have no way to, and the
pull would hang. See https://github.com/containerd/containerd/blob/main/docs/hosts.md.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

_FOLDER = "/etc/containerd/certs.d"
_CA_FILE = "/etc/navarch/registry-ca.crt"


@dataclass(frozen=True, slots=True)
class Registry:
    """`url`: https://HOST[:PORT]. `ca`: PEM of the authority it is believed by; empty: those that the image knows.
    `mirrors`: the hosts in names of images whose images come from there, and from nowhere else."""

    url: str
    ca: str
    mirrors: tuple[str, ...]


def registry_files(registry: Registry) -> Iterator[tuple[str, str, str]]:
    """(path, mode, content) of what containerd reads. A registry is asked for images alone: nodes never push."""
    if registry.ca:
        yield _CA_FILE, "0644", registry.ca
    url = json.dumps(registry.url)
    lines = [f"server = {url}", "", f"[host.{url}]", 'capabilities = ["pull", "resolve"]']
    if registry.ca:
        # Of the server and of the host: each is looked at by itself.
        lines = [lines[0], f'ca = "{_CA_FILE}"', *lines[1:], f'ca = "{_CA_FILE}"']
    for mirror in registry.mirrors:
        yield f"{_FOLDER}/{mirror}/hosts.toml", "0644", "\n".join([*lines, ""])
