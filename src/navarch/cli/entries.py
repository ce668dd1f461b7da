"""How an entry of the catalogue is printed."""

from collections.abc import Mapping
from typing import Any

from navarch.cli.output import Output, emit_data, emit_facts


def print_entry(entry: Mapping[str, Any], output: Output) -> None:
    """One version of an entry: what it is, needs, brings and leaves, beside what it can be, what is new."""
    if output is Output.NAME:
        print(entry["name"])
        return
    if output is not Output.TABLE:
        emit_data(entry, output)
        return
    its: Mapping[str, Any] = next((v for v in entry["versions"] if v["version"] == entry["version"]), {})
    others = [v["version"] for v in entry["versions"] if v["version"] != entry["version"]]
    emit_facts(
        [
            ("entry", f"{entry['name']} {entry['version']}"),
            ("title", entry["title"]),
            ("what it is", entry["description"]),
            ("required", "every cluster has it" if entry.get("required") else None),
            ("category", entry["category"]),
            ("program", entry["app_version"]),
            ("licence", entry["licence"]),
            ("kubernetes", its.get("kubernetes")),
            ("namespace", entry["namespace"]),
            ("needs", _needs(entry["needs"])),
            ("requires", ", ".join(entry.get("requires") or ())),
            ("not beside", ", ".join(entry.get("conflicts") or ())),
            ("provides", ", ".join(entry.get("provides") or ())),
            ("instances", "a cluster has one at most" if entry.get("instances") == "one" else None),
            ("leaves", "\n".join(entry.get("leaves") or ())),
            ("images", "\n".join(_image(image) for image in entry["images"])),
            ("what is new", (its.get("changes") or "").strip()),
            ("other versions", ", ".join(others)),
            ("deprecated", "yes" if entry.get("deprecated") else None),
            ("README", f"navarch addon show {entry['name']} --readme" if entry.get("readme") else None),
        ]
    )


def _image(image: Mapping[str, str]) -> str:
    """By its digest, which those of the node image do not say."""
    return f"{image['reference']}@{image['digest']}" if image["digest"] else image["reference"]


def _needs(needs: Mapping[str, int]) -> str:
    said = (
        (needs["memory_mib"], f"{needs['memory_mib']} MiB of memory"),
        (needs["cpu_millis"], f"{needs['cpu_millis'] / 1000:g} vCPU"),
        (needs["volumes"], f"{needs['volumes']} volume{'s' * (needs['volumes'] > 1)}"),
        (needs["balancers"], f"{needs['balancers']} balancer{'s' * (needs['balancers'] > 1)}"),
    )
    return ", ".join(words for amount, words in said if amount)
