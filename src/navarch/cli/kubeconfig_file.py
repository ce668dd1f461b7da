"""kubectl's files: writing one that only its owner reads, and merging one into another."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from navarch.cli.exits import Failure

_LISTS, _CA = ("clusters", "users", "contexts"), "certificate-authority-data"


def kubectl_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The file kubectl would write to: the first of $KUBECONFIG that exists, else its first, else ~/.kube/config."""
    named = [Path(word).expanduser() for word in environ.get("KUBECONFIG", "").split(os.pathsep) if word]
    if named:
        return next((path for path in named if path.is_file()), named[0])
    return Path.home() / ".kube" / "config"


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one move: nobody ever sees half of it, or reads it before its mode is set."""
    target = path.resolve() if path.is_symlink() else path
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text if text.endswith("\n") else text + "\n")
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def merge_into(path: Path, text: str, name: str, cluster_id: str) -> str:
    """Put a kubeconfig's cluster, user and context into `path` under names of our own and make the context current.

    What is there already stays, except an earlier merge of the same cluster. Where another cluster of that name was
    merged (of another project, say), the context has a part of the id in its name. Gives the context's name. Raises
    Failure where the file there is not a kubeconfig.
    """
    import yaml

    new: Any = yaml.safe_load(text)
    old: Any = {}
    if path.is_file():
        try:
            old = yaml.safe_load(path.read_text()) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise Failure(f"{path} is not YAML, so nothing was merged: {error}") from error
        if not isinstance(old, dict):
            raise Failure(f"{path} is not a kubeconfig, so nothing was merged")
    cluster, context = new["clusters"][0]["cluster"], f"navarch-{name}"
    if _is_anothers(old, context, cluster):
        context = f"{context}-{cluster_id[:8]}"
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "preferences": {}, **old}
    additions = {
        "clusters": {"name": context, "cluster": cluster},
        "users": {"name": context, "user": new["users"][0]["user"]},
        "contexts": {"name": context, "context": {"cluster": context, "user": context}},
    }
    for kind in _LISTS:
        others = [entry for entry in merged.get(kind) or [] if entry.get("name") != context]
        merged[kind] = [*others, additions[kind]]
    merged["current-context"] = context
    write_private(path, yaml.safe_dump(merged, sort_keys=False))
    return context


def _is_anothers(kubeconfig: Mapping[str, Any], name: str, cluster: Mapping[str, Any]) -> bool:
    """Whether an entry of that name leads to another cluster: each has a CA of its own."""
    named = [entry.get("cluster") or {} for entry in kubeconfig.get("clusters") or [] if entry.get("name") == name]
    return any(entry.get(_CA) != cluster.get(_CA) for entry in named)
