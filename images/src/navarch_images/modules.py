"""Versions in go.mod files: what a graph of Go modules asks for, and how it is made to keep to one module's choice.

Programs of one graph are built on the same versions of the same libraries, so Go compiles those once. (Two graphs that
name a version differently, one as required and one as replaced, share nothing: the name is part of the cache's key.)
Kubernetes and what talks to it are such a graph, kept by replacements to the versions that Kubernetes itself is built
with; `substituted` tells what that changed for the others.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

_REQUIRED = re.compile(r"^\s*(?:require\s+)?(?P<module>[^\s=()]+)\s+(?P<version>v\S+)\s*(?://.*)?$")
_REPLACED = re.compile(
    r"^\s*(?:replace\s+)?(?P<module>[^\s=()]+)(?:\s+v\S+)?\s+=>\s+(?P<by>[^\s=()]+)(?:\s+(?P<version>v\S+))?"
    r"\s*(?://.*)?$"
)
_HEADING = "// What Kubernetes itself is built with, where others ask for more: written by `navarch-images pin`."
_BLOCK = re.compile(rf"\n*{re.escape(_HEADING)}\nreplace \(\n.*?\n\)\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Graph:
    """The versions that a go.mod file names."""

    required: Mapping[str, str]
    replaced: Mapping[str, str]

    @staticmethod
    def of(text: str) -> "Graph":
        """The graph that the text of a go.mod file describes; replacements by folders are left out."""
        required, replaced = {}, {}
        for line in text.splitlines():
            if found := _REPLACED.match(line):
                if found["version"]:
                    replaced[found["module"]] = found["version"]
            elif found := _REQUIRED.match(line):
                required[found["module"]] = found["version"]
        return Graph(required, replaced)

    def versions(self) -> dict[str, str]:
        """The version of each module that is built with."""
        return {**self.required, **self.replaced}


def follow(text: str, leader: str) -> str:
    """The go.mod `text` with what the go.mod `leader` requires, too, in the version that `leader` requires it.

    What `text` replaces by itself is left alone.
    """
    plain = _BLOCK.sub("\n", text).rstrip("\n")
    own = Graph.of(plain)
    lines = [
        f"\t{module} => {module} {version}"
        for module, version in sorted(Graph.of(leader).required.items())
        if module not in own.replaced and own.required.get(module, version) != version
    ]
    return "\n".join([plain, "", _HEADING, "replace (", *lines, ")", ""]) if lines else plain + "\n"


def built_with(build_information: str) -> dict[str, str]:
    """Versions of the modules in a program, of the output of `go version -m -json`; of ours, their folders."""
    program = json.loads(build_information)
    versions = {}
    for module in (program["Main"], *program.get("Deps", ())):
        by = module.get("Replace") or module
        versions[module["Path"]] = by["Path"] if by["Path"].startswith(".") else by.get("Version", "(devel)")
    return versions


def substituted(built: Mapping[str, str], upstream: str) -> dict[str, dict[str, str]]:
    """Libraries in a program that are of another version than upstream's go.mod text `upstream` builds with."""
    theirs = Graph.of(upstream).versions()
    return {
        module: {"built": version, "upstream": theirs[module]}
        for module, version in sorted(built.items())
        if module in theirs and theirs[module] not in (version, "v0.0.0")
    }
