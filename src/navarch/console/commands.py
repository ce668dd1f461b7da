"""From a request to the command that asks for the same: by the command line's own table of fields. Pure."""

import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from navarch.cli import fields
from navarch.cli.fields import NEW_CLUSTER, NEW_NODE_GROUP, Field

ADDONS_FILE = "addons.yaml"


def creation(body: Mapping[str, Any]) -> str:
    """`navarch cluster create`. SSH keys are files there: each is named as one; so are add-ons with values of their own
    (`addons_file`)."""
    words = ["navarch", "cluster", "create", body["name"] or "NAME"]
    filed = bool(addons_file(body))
    words += ["-f", ADDONS_FILE] if filed else []
    for field in NEW_CLUSTER:
        its = _at(body, field.path)
        if its is None or field.kind is fields.SSH_KEYS or (field.kind is fields.ADDONS and filed):
            continue
        if field.kind is fields.SWITCH:
            words.append(field.options[0].split("/")[0 if its else 1])
            continue
        for word in _words(field, its):
            words += [field.option, word]
    for place, _ in enumerate(body["spec"].get("ssh_keys") or (), start=1):
        words += ["--ssh-key", f"KEY{place}.pub"]
    for group in body["spec"].get("node_groups") or ():
        words += ["--node-group", ",".join([f"name={group['name']}", *_parts(group)])]
    return shlex.join(words)


def addons_file(body: Mapping[str, Any]) -> str:
    """What is in that file: no option has a place for values. Empty where none are set."""
    asked = body["spec"].get("addons") or ()
    if not any("values" in addon for addon in asked):
        return ""
    return str(yaml.safe_dump({"addons": list(asked)}, sort_keys=False, allow_unicode=True))


def _parts(group: Mapping[str, Any]) -> list[str]:
    """Of `--node-group`."""
    parts = []
    for field in NEW_NODE_GROUP:
        its = _at({"spec": group}, field.path)
        if its is None:
            continue
        if field.kind is fields.LABELS:
            parts += [f"{field.name}={key}:{label}" for key, label in its.items()]
        elif field.kind is fields.WORDS:
            parts.append(f"{field.name}={'+'.join(its)}")
        elif field.kind is fields.SWITCH:
            parts.append(f"{field.name}={'true' if its else 'false'}")
        else:
            parts += [f"{field.name}={word}" for word in _words(field, its)]
    return parts


def _words(field: Field, its: Any) -> list[str]:
    """What follows the option, once for each word."""
    kind = field.kind
    if kind is fields.LABELS:
        return [f"{key}={label}" for key, label in its.items()]
    if kind is fields.TAINTS:
        return [f"{t['key']}={t['value']}:{t['effect']}" if t["value"] else f"{t['key']}:{t['effect']}" for t in its]
    if kind is fields.ADDONS:
        named = ("name", "version", "namespace")
        return [",".join([a["entry"], *(f"{key}={a[key]}" for key in named if key in a)]) for a in its]
    if kind is fields.DURATION:
        return [f"{its}s"]
    if kind is fields.VOLUME:
        return [f"{its['type']}:{its['size_gib']}" if its.get("type") else str(its.get("size_gib", ""))]
    if kind is fields.KEPT:
        return [f"{its.get('count', 0)}:{its['hours']}" if "hours" in its else str(its.get("count", 0))]
    if kind is fields.SPARE:
        cpu, memory = its.get("cpu_millicores") or 0, its.get("memory_mib") or 0
        return [f"{its.get('replicas', 0)}:{cpu}m{f'+{memory}Mi' if memory else ''}"]
    if kind is fields.LIMITS:  # its parts are fields of their own
        return []
    if kind is fields.SCHEDULE:
        return [f"{its.get('start', '')}-{its.get('stop', '')}"]
    if kind is fields.WINDOW:
        return [f"{its.get('start', '')}+{its.get('hours', '')}"]
    return [str(one) for one in its] if isinstance(its, list) else [str(its)]


def _at(document: Mapping[str, Any], path: str) -> Any:
    its: Any = document
    for part in path.split("."):
        its = its.get(part) if isinstance(its, Mapping) else None
    return its
