"""Words of the command line as values: durations, labels, taints, files. A bad one is a usage error (exit code 2)."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

_STEM_LENGTH = 24  # of a cluster's name in the names of its objects
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(value: str, option: str = "--timeout") -> float:
    """Seconds of `90`, `90s`, `20m`, `1h30m`."""
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    if not re.fullmatch(r"(\d+(\.\d+)?[smhd])+", value):
        raise typer.BadParameter(f"{value!r} is not a duration such as 90s, 20m or 1h30m", param_hint=option)
    return sum(float(number) * _UNITS[unit] for number, _, unit in re.findall(r"(\d+(\.\d+)?)([smhd])", value))


def pairs_of(words: Iterable[str], option: str) -> dict[str, str]:
    """A mapping of `key=value` words."""
    result = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise typer.BadParameter(f"{word!r} is not of the form key=value", param_hint=option)
        result[key] = value
    return result


def taint_of(word: str, option: str = "--taint") -> dict[str, str]:
    """A taint from `key=value:Effect` or `key:Effect`."""
    match = re.fullmatch(r"([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)", word)
    if match is None:
        raise typer.BadParameter(
            f"{word!r} is not of the form key=value:NoSchedule (or PreferNoSchedule, NoExecute)", param_hint=option
        )
    return {"key": match[1], "value": match[2] or "", "effect": match[3]}


def addon_of(word: str, option: str = "--addon") -> dict[str, str]:
    """An add-on from `monitoring` or `monitoring,version=1.0.0,name=m,namespace=n`. Values are a file's to give."""
    entry, *parts = word.split(",")
    asked = {"entry": entry}
    for part in parts:
        key, _, value = part.partition("=")
        if key not in ("name", "version", "namespace") or not value:
            form = "entry,version=1.0.0,name=m,namespace=n"
            raise typer.BadParameter(f"{part!r} in {word!r} is not of the form {form}", param_hint=option)
        asked[key] = value
    return asked


def number_of(word: str, option: str) -> int:
    """A whole number."""
    if not word.isdecimal():
        raise typer.BadParameter(f"must be a whole number, got {word!r}", param_hint=option)
    return int(word)


def whole_seconds_of(word: str, option: str) -> int:
    """Whole seconds of `90`, `5m`."""
    return round(seconds_of(word, option))


def share_of(word: str, option: str) -> int | str:
    """A number, or percent: `2`, `25%`."""
    return word if word.endswith("%") and word[:-1].isdecimal() else number_of(word, option)


def switch_of(word: str, option: str) -> bool:
    """`true` or `false`."""
    if word not in ("true", "false"):
        raise typer.BadParameter(f"must be true or false, got {word!r}", param_hint=option)
    return word == "true"


def volume_of(word: str, option: str) -> dict[str, Any]:
    """A volume from `40` or `ssd:40`: its size in GiB, and its type."""
    type_, colon, size = word.rpartition(":")
    return {"size_gib": number_of(size, option)} | ({"type": type_} if colon else {})


def kept_of(word: str, option: str) -> dict[str, int]:
    """How many machines are kept, and for how many hours, from `1` or `1:48`."""
    count, colon, hours = word.partition(":")
    return {"count": number_of(count, option)} | ({"hours": number_of(hours, option)} if colon else {})


def limits_of(word: str, option: str) -> dict[str, int]:
    """The fewest and the most machines from `1-6`."""
    fewest, dash, most = word.partition("-")
    if not dash:
        raise typer.BadParameter(f"{word!r} is not of the form 1-6", param_hint=option)
    return {"min": number_of(fewest, option), "max": number_of(most, option)}


def spare_of(word: str, option: str) -> dict[str, int]:
    """Room for so many pods that ask for so much, from `2:500m`, `2:1+512Mi` or `0`."""
    count, colon, requests = word.partition(":")
    cpu, plus, memory = requests.partition("+")
    found = re.fullmatch(r"(\d{1,9})(m?)", cpu) if colon else None
    size = re.fullmatch(r"(\d{1,9})([MG])i", memory) if plus else None
    if (colon and found is None) or (plus and size is None):
        raise typer.BadParameter(f"{word!r} is not of the form 2:500m+512Mi", param_hint=option)
    spare = {"replicas": number_of(count, option)}
    if found is not None:
        spare |= {"cpu_millicores": int(found[1]) * (1 if found[2] else 1000), "memory_mib": 0}
    if size is not None:
        spare["memory_mib"] = int(size[1]) * (1024 if size[2] == "G" else 1)
    return spare


def schedule_of(word: str, option: str) -> dict[str, str]:
    """Start and stop from `08:00-20:00`."""
    start, dash, stop = word.partition("-")
    if not dash:
        raise typer.BadParameter(f"{word!r} is not of the form 08:00-20:00", param_hint=option)
    return {"start": start, "stop": stop}


def window_of(word: str, option: str) -> dict[str, Any]:
    """Start and length in hours from `03:00+4`."""
    start, plus, hours = word.partition("+")
    if not plus:
        raise typer.BadParameter(f"{word!r} is not of the form 03:00+4", param_hint=option)
    return {"start": start, "hours": number_of(hours, option)}


def stem_of(cluster: Mapping[str, Any]) -> str:
    """What the names of all objects of this cluster begin with."""
    return f"{cluster['name'][:_STEM_LENGTH].rstrip('-')}-{cluster['id'][:8]}-"


def read_document(path: str, option: str = "-f") -> dict[str, Any]:
    """The mapping in a YAML or JSON file; `-` is standard input."""
    import json
    import sys

    import yaml

    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text()
        value = yaml.safe_load(text)
        json.dumps(value)
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint=option) from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}", param_hint=option) from error
    except yaml.YAMLError as error:
        raise typer.BadParameter(f"{path} is not YAML: {error}", param_hint=option) from error
    except (TypeError, ValueError) as error:  # a date, or what refers to itself
        raise typer.BadParameter(f"{path}: a value is none of JSON, quote it: {error}", param_hint=option) from error
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{path} must hold a mapping", param_hint=option)
    return value


def read_ssh_key(path: str, option: str = "--ssh-key") -> str:
    """A public key from its file."""
    try:
        text = Path(path).expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}", param_hint=option) from error
    if "PRIVATE KEY" in text:
        raise typer.BadParameter(f"{path} is a private key; give the .pub file", param_hint=option)
    if not re.match(r"(ssh-|ecdsa-|sk-)\S+ \S+", text):
        raise typer.BadParameter(f"{path} does not hold a public SSH key", param_hint=option)
    return text
