"""Components from source: Go modules with pinned sums, and one C file.

A component's key covers all that can change its bytes: its folder (go.mod, go.sum, own sources), its recipe in the
release file, and the compilers. What has been built under a key is never built again; a change of one component
rebuilds one. Go downloads nothing whose sum is not in go.sum (-mod=readonly).
"""

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from navarch_images.cache import Cache, file_digest, value_digest
from navarch_images.commands import run
from navarch_images.errors import BuildError, ReleaseError
from navarch_images.release import Component

_GO_CACHE_LIMIT = 5 << 30  # bytes, checked after each component; Kubernetes alone needs 4.2 GB
_OWN = "navarch.dev/"  # modules whose source is here, not elsewhere
_GO_ENVIRONMENT = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}


@dataclass(frozen=True, slots=True)
class Built:
    """A component's programs on disk."""

    component: Component
    key: str
    folder: Path

    def binary(self, name: str) -> Path:
        """The program called `name`."""
        return self.folder / name


def source_root() -> Path:
    """Where go/ and c/ are: inside the package in a wheel, beside src in a checkout."""
    package = Path(__file__).parent
    for root in (package, package.parents[1]):
        if (root / "go").is_dir():
            return root
    raise ReleaseError(f"no sources to compile (go/) in or beside {package}")


def source_digest(folder: Path) -> str:
    """One digest for all files of a component's folder, its tests too: they run before it is built."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return value_digest([[str(path.relative_to(folder)), file_digest(path)] for path in files])


def compilers(cgo: bool) -> dict[str, str]:
    """Versions of what turns source into programs here."""
    versions = {"go": run("go version", ["go", "env", "GOVERSION"], env=_GO_ENVIRONMENT).strip()}
    if cgo:
        query = ["dpkg-query", "-W", "-f", "${Package} ${Version};", "gcc", "libc6-dev", "libseccomp-dev"]
        versions["c"] = run("compiler versions", query)
    return versions


def component_key(component: Component, sources: Path, versions: dict[str, str]) -> str:
    """The key under which a component's programs are kept."""
    recipe = {
        "module": component.module,
        "version": component.version,
        "compiler": component.compiler,
        "binaries": dict(component.binaries),
        "ldflags": list(component.ldflags),
        "tags": list(component.tags),
        "cgo": component.cgo,
    }
    return value_digest([recipe, source_digest(sources / component.source), versions])


def component_folders(components: Sequence[Component]) -> set[str]:
    """Names of the folders below components/ that these components, as they are now, are kept in."""
    return {f"{component.name}-{_key(component)[:16]}" for component in components}


def build_all(components: Sequence[Component], cache: Cache, tell: Callable[[str], None]) -> list[Built]:
    """Build what is not built yet, one component after the other: Go itself fills all cores with one.

    What the later ones need is downloaded while the first is compiled.
    """
    sources = source_root()
    keys = {component.name: _key(component) for component in components}
    folders = {name: cache.root / "components" / f"{name}-{key[:16]}" for name, key in keys.items()}
    missing = [component for component in components if not folders[component.name].exists()]
    threading.Thread(target=_fetch, args=(missing[1:], sources, cache), daemon=True).start()
    built = []
    for component in components:
        key, folder = keys[component.name], folders[component.name]
        if not folder.exists():
            tell(f"{component.name} {component.version}: compiling")
            with cache.scratch(f"component-{component.name}") as scratch:
                made = scratch / "made"
                made.mkdir()
                _compile(component, sources / component.source, made, cache)
                folder = cache.publish(made, "components", folder.name)
            trim_go_cache(cache, _GO_CACHE_LIMIT)
        built.append(Built(component, key, folder))
    return built


def _key(component: Component) -> str:
    return component_key(component, source_root(), compilers(component.cgo or component.compiler == "c"))


def _fetch(components: Sequence[Component], sources: Path, cache: Cache) -> None:
    for component in components:
        if component.compiler != "go":
            continue
        try:
            run(
                f"modules of {component.name}",
                ["go", "list", "-deps", *_tags(component), *component.binaries.values()],
                cwd=sources / component.source,
                env=_environment(component, cache),
            )
        except BuildError:
            return  # the component's own build says what is wrong, in its turn


def _environment(component: Component, cache: Cache) -> dict[str, str]:
    return {
        **_GO_ENVIRONMENT,
        "GOCACHE": os.environ.get("GOCACHE", str(cache.root / "go-build")),
        "GOMODCACHE": os.environ.get("GOMODCACHE", str(cache.root / "go-mod")),
        "CGO_ENABLED": "1" if component.cgo else "0",
    }


def _tags(component: Component) -> list[str]:
    return ["-tags", ",".join(component.tags)] if component.tags else []


def _compile(component: Component, source: Path, target: Path, cache: Cache) -> None:
    if component.compiler == "c":
        for name, file in component.binaries.items():
            run(component.name, ["gcc", "-O2", "-Wall", "-Werror", "-static", "-s", "-o", target / name, source / file])
        return
    # The compiler's own garbage collection costs a tenth of its time; memory is there for two compilers at once.
    environment = {"GOGC": "400", **_environment(component, cache)}
    if component.module.startswith(_OWN):
        run(f"{component.name}'s tests", ["go", "test", "./..."], cwd=source, env=environment)
    flags = ["-trimpath", "-ldflags", " ".join(("-s", "-w", *component.ldflags)), *_tags(component)]
    # Go names a program after its package's folder, which is not always the name wanted (etcd's is "v3"), and one
    # `go build` for all packages compiles what they share once: so the odd names are built singly afterwards.
    plain = [package for name, package in component.binaries.items() if package.rsplit("/", 1)[1] == name]
    if plain:
        run(component.name, ["go", "build", *flags, "-o", f"{target}/", *plain], cwd=source, env=environment)
    for name, package in component.binaries.items():
        if package not in plain:
            run(component.name, ["go", "build", *flags, "-o", target / name, package], cwd=source, env=environment)
    missing = [name for name in component.binaries if not (target / name).is_file()]
    if missing:
        raise BuildError(f"{component.name}: go build made no {', '.join(missing)}")


def pin(component: Component, cache: Cache) -> None:
    """Write go.mod and go.sum of a component anew from its tool and require lines: the maintainer's step."""
    run(
        f"pin {component.name}",
        ["go", "list", "-mod=mod", "-deps", *_tags(component), *component.binaries.values()],
        cwd=source_root() / component.source,
        env={**_environment(component, cache), "GOFLAGS": "-buildvcs=false"},
    )


def trim_go_cache(cache: Cache, limit: int) -> bool:
    """Drop Go's build cache if it is larger than `limit` bytes; says whether it did.

    Components share little but Go's own library, which compiles in half a minute, and all of them together leave 11 GB.
    """
    folder = cache.root / "go-build"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size <= limit:
        return False
    # Renamed first: the modules of later components may be listed meanwhile, which writes to the cache too.
    aside = folder.with_name(f"go-build.{os.getpid()}")
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
    return True
