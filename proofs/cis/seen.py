"""What is read of a machine and of a cluster, and how a check is written down."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Generic, TypeVar

import yaml

MANIFESTS = "/etc/kubernetes/manifests"
KUBELET_CONFIG = "/var/lib/kubelet/config.yaml"
KUBELET_DROP_INS = "/etc/kubernetes/kubelet.conf.d"

S = TypeVar("S")


@dataclass(frozen=True)
class File:
    """A file or folder. `content` is read only of configuration, never of keys."""

    mode: int
    owner: str = "root:root"
    content: str = field(default="", repr=False)


@dataclass(frozen=True)
class Machine:
    """One machine: its files by path, and the kubelet's arguments."""

    name: str
    control_plane: bool
    files: Mapping[str, File]
    kubelet: Mapping[str, str]

    def below(self, folder: str, *endings: str) -> dict[str, File]:
        """The files in a folder that end so, at any depth."""
        inside = f"{folder.rstrip('/')}/"
        return {p: f for p, f in self.files.items() if p.startswith(inside) and p.endswith(endings or ("",))}

    def flags(self, component: str) -> dict[str, str]:
        """The arguments of a static pod, without dashes; empty where there is no such pod."""
        file = self.files.get(f"{MANIFESTS}/{component}.yaml")
        if file is None:
            return {}
        (container,) = _parsed(file.content)["spec"]["containers"]
        return flags(container["command"][1:])

    def configuration(self, path: str) -> Any:
        """A file of YAML; None where it is not there."""
        file = self.files.get(path)
        return None if file is None else _parsed(file.content)

    @cached_property
    def kubelet_settings(self) -> Mapping[str, Any]:
        """The kubelet's configuration: its file, and what the drop-ins change of it."""
        documents = [self.configuration(KUBELET_CONFIG) or {}]
        documents += [_parsed(f.content) or {} for _, f in sorted(self.below(KUBELET_DROP_INS).items())]
        return {key: value for document in documents for key, value in document.items()}


@dataclass(frozen=True)
class Cluster:
    """Objects of a cluster by their kind."""

    objects: Mapping[str, Sequence[Mapping[str, Any]]]

    def of(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """All of a kind; none where it was not read."""
        return self.objects.get(kind, ())


@dataclass(frozen=True)
class Check(Generic[S]):
    """One line of the benchmark. `wrong` tells what is not as it should be; empty: it passes. `argued`: why it is not
    followed, where that is meant; `expected`: what `wrong` says then, if not just anything."""

    number: str
    what: str
    wrong: Callable[[S], str]
    argued: str = ""
    expected: str = ""
    control_plane: bool = True
    worker: bool = False

    def concerns(self, machine: Machine) -> bool:
        """Whether it is about such a machine."""
        return self.control_plane if machine.control_plane else self.worker


@cache
def _parsed(content: str) -> Any:
    """YAML, once for each text; not to be changed."""
    return yaml.safe_load(content)


def flags(words: Sequence[str]) -> dict[str, str]:
    """Arguments as a command line has them: `--name=value`, or `--name` for true."""
    pairs = (word.lstrip("-").partition("=") for word in words if word.startswith("-"))
    return {name: value if equals else "true" for name, equals, value in pairs}
