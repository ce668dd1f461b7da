"""Versions in go.mod files: what a graph of Go modules asks for, and how one graph is made to follow another's.

Programs that are built on the same versions of the same libraries compile them once: Go's build cache is keyed by
content. So the components that talk to Kubernetes follow the graph of Kubernetes itself, by replacements that
`navarch-images pin` writes, and `substituted` tells what that changed against what upstream builds with.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

_REQUIRED = re.compile(r"^\s*(?:require\s+)?(?P<module>[^\s=()]+)\s+(?P<version>v\S+)\s*(?P<remark>//.*)?$")
_REPLACED = re.compile(
    r"^\s*(?:replace\s+)?(?P<module>[^\s=()]+)(?:\s+v\S+)?\s+=>\s+(?P<by>[^\s=()]+)(?:\s+(?P<version>v\S+))?\s*$"
)
_HEADING = (
    "// Kubernetes' own versions, written by `navarch-images pin`: what is compiled for it is not compiled again."
)
_BLOCK = re.compile(rf"\n*{re.escape(_HEADING)}\nreplace \(\n.*?\n\)\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Graph:
    """The versions that a go.mod file names. `direct` are modules whose packages are named by the component itself."""

    required: Mapping[str, str]
    direct: frozenset[str]
    replaced: Mapping[str, str]

    @staticmethod
    def of(text: str) -> "Graph":
        """The graph that the text of a go.mod file describes; replacements by folders are left out."""
        required, direct, replaced = {}, set(), {}
        for line in text.splitlines():
            if found := _REPLACED.match(line):
                if found["version"]:
                    replaced[found["module"]] = found["version"]
            elif found := _REQUIRED.match(line):
                required[found["module"]] = found["version"]
                if not (found["remark"] or "").startswith("// indirect"):
                    direct.add(found["module"])
        return Graph(required, frozenset(direct), replaced)

    def versions(self) -> dict[str, str]:
        """The version of each module that is built with."""
        return {**self.required, **self.replaced}


def follow(text: str, leader: str) -> str:
    """The go.mod `text` with every module that both name at the version of the go.mod text `leader`.

    What `text` requires directly keeps its own version: that is what the component is about.
    """
    plain = _BLOCK.sub("\n", text).rstrip("\n")
    own, led = Graph.of(plain), Graph.of(leader)
    # Kubernetes asks for its staging modules as v0.0.0 and replaces them: so must whoever uses one of its packages.
    replaced = led.replaced if led.direct & set(own.required) else {}
    lines = [
        f"\t{module} => {module} {version}"
        for module, version in sorted(led.versions().items())
        if module not in own.direct and (module in replaced or own.required.get(module, version) != version)
    ]
    if led.direct & set(own.required):
        lines += [f"\t{module} => {module} {led.required[module]}" for module in sorted(led.direct - own.direct)]
    return "\n".join([plain, "", _HEADING, "replace (", *lines, ")", ""]) if lines else plain + "\n"


def built_with(build_information: str) -> dict[str, str]:
    """Versions of the modules in a program, of the output of `go version -m -json`."""
    program = json.loads(build_information)
    modules = [program["Main"], *program.get("Deps", ())]
    return {module["Path"]: (module.get("Replace") or module)["Version"] for module in modules if "Version" in module}


def substituted(built: Mapping[str, str], upstream: str) -> dict[str, dict[str, str]]:
    """Libraries in a program that are of another version than upstream's go.mod text `upstream` builds with."""
    theirs = Graph.of(upstream).versions()
    return {
        module: {"built": version, "upstream": theirs[module]}
        for module, version in sorted(built.items())
        if module in theirs and theirs[module] not in (version, "v0.0.0")
    }
