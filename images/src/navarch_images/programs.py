"""Components from source: Go modules with pinned sums, and one C file.

A component's key covers all that can change its bytes: its folder (go.mod, go.sum, own sources), folders beside it
whose modules its go.mod takes (`replace M => ../F`), its recipe in the release file, the flags, and the compilers.
What has been built under a key is never built again; a change of one component rebuilds one. Go downloads nothing
whose sum is not in go.sum (-mod=readonly).

Beside its programs a component's folder holds libraries.json: the libraries in each that are of another version than
upstream's own (see modules.py).
"""

import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from navarch_images import host, modules
from navarch_images.cache import Cache, file_digest, value_digest
from navarch_images.commands import follow, run
from navarch_images.errors import BuildError, ReleaseError
from navarch_images.progress import Package, Progress, words
from navarch_images.release import Component

_GO_CACHE_LIMIT = 6 << 30  # bytes, checked when all of a release is built; a release needs 4.5 GB
# The same for all components: Go's cache knows a compiled package by its flags, too. Nobody debugs these programs with
# a debugger, and writing its tables is an eighth of the compiler's work; stack traces do not need them.
_FLAGS = ("-trimpath", "-gcflags=all=-dwarf=false")
_LINKER = ("-s", "-w")
_OWN = "navarch.dev/"  # modules whose source is here, not elsewhere
_LIBRARIES = "libraries.json"
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

    def libraries(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """Libraries in the program that are not of upstream's version: {module: {"built": ..., "upstream": ...}}."""
        found: Mapping[str, Mapping[str, Mapping[str, str]]] = json.loads((self.folder / _LIBRARIES).read_text())
        return found[name]


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


def modules_beside(folder: Path) -> dict[str, Path]:
    """Modules that the component of a folder takes from folders beside its own, by their names."""
    text = (folder / "go.mod").read_text() if (folder / "go.mod").is_file() else ""
    found = re.findall(r"^replace (\S+) => (\.\./\S+)$", text, re.MULTILINE)
    return {name: folder.parent / place.removeprefix("../") for name, place in found}


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
        "flags": [*_FLAGS, *_LINKER],
    }
    folder = sources / component.source
    digests = [source_digest(its) for its in (folder, *modules_beside(folder).values())]
    return value_digest([recipe, *digests, versions])


def component_folders(components: Sequence[Component]) -> set[str]:
    """Names of the folders below components/ that these components, as they are now, are kept in."""
    return {_folder_name(component, key) for component, key in _keys(components)}


def missing(components: Sequence[Component], cache: Cache) -> list[Component]:
    """Those that are not built yet. What needs a C compiler is among them where this machine has none yet."""
    known = [component for component in components if not (_needs_c(component) and host.missing())]
    built = {component.name for component, key in _keys(known) if _place(component, key, cache).exists()}
    return [component for component in components if component.name not in built]


def places(components: Sequence[Component], cache: Cache) -> list[Built]:
    """Where these components, as they are now, are kept once they are built."""
    return [Built(component, key, _place(component, key, cache)) for component, key in _keys(components)]


def build_all(components: Sequence[Component], cache: Cache, tell: Callable[[str], None]) -> list[Built]:
    """Build what is not built yet, one component after the other: Go itself fills all cores with one.

    What the later ones need is downloaded while the first is compiled.
    """
    built = places(components, cache)
    todo = [item for item in built if not item.folder.exists()]
    if todo:
        progress = Progress({item.component.name: item.component.cpu_seconds for item in todo}, tell)
        tell(f"components to compile, once: {len(todo)}; {words(progress.remaining)}")
        later = [item.component for item in todo[1:]]
        threading.Thread(target=_fetch, args=(later, source_root(), cache), daemon=True).start()
        for item in todo:
            _build(item, cache, progress)
        trim_go_cache(cache, _GO_CACHE_LIMIT)
    return built


def _build(item: Built, cache: Cache, progress: Progress) -> None:
    component, source = item.component, source_root() / item.component.source
    progress.begin(component.name, f"{component.name} {component.version}", _packages(component, source, cache))
    with cache.scratch(f"component-{component.name}") as scratch:
        made = scratch / "made"
        made.mkdir()
        used = _compile(component, source, made, cache, progress.heard)
        libraries = {name: _libraries(component, made / name, cache) for name in component.binaries}
        (made / _LIBRARIES).write_text(json.dumps(libraries, indent=1, sort_keys=True) + "\n")
        cache.publish(made, "components", item.folder.name)
    progress.end(component.name, used)


def _keys(components: Sequence[Component]) -> list[tuple[Component, str]]:
    sources = source_root()
    versions = {cgo: compilers(cgo) for cgo in {_needs_c(component) for component in components}}
    return [(component, component_key(component, sources, versions[_needs_c(component)])) for component in components]


def _needs_c(component: Component) -> bool:
    return component.cgo or component.compiler == "c"


def _place(component: Component, key: str, cache: Cache) -> Path:
    return cache.root / "components" / _folder_name(component, key)


def _folder_name(component: Component, key: str) -> str:
    return f"{component.name}-{key[:16]}"


def _fetch(components: Sequence[Component], sources: Path, cache: Cache) -> None:
    for component in components:
        try:
            _packages(component, sources / component.source, cache)
        except BuildError:
            return  # the component's own build says what is wrong, in its turn


def _packages(component: Component, source: Path, cache: Cache) -> list[Package]:
    """The packages of a component's programs, without Go's own library; downloads their modules."""
    if component.compiler != "go":
        return []
    form = '{{if not .Standard}}{{.ImportPath}}\t{{.Dir}}\t{{join .GoFiles "\t"}}{{end}}'
    argv = ["go", "list", "-deps", "-f", form, *_tags(component), *component.binaries.values()]
    text = run(f"modules of {component.name}", argv, cwd=source, env=_environment(component, cache))
    lines = [line.split("\t") for line in text.splitlines() if line]
    return [
        Package(path, folder, sum(Path(folder, file).stat().st_size for file in files))
        for path, folder, *files in lines
    ]


def _environment(component: Component, cache: Cache) -> dict[str, str]:
    return {
        **_GO_ENVIRONMENT,
        "GOCACHE": os.environ.get("GOCACHE", str(cache.root / "go-build")),
        "GOMODCACHE": os.environ.get("GOMODCACHE", str(cache.root / "go-mod")),
        "CGO_ENABLED": "1" if component.cgo else "0",
    }


def _tags(component: Component) -> list[str]:
    return ["-tags", ",".join(component.tags)] if component.tags else []


def _compile(component: Component, source: Path, target: Path, cache: Cache, heard: Callable[[str], None]) -> float:
    """Put the component's programs into `target`; returns the CPU seconds it took."""
    if component.compiler == "c":
        flags = ["-O2", "-Wall", "-Werror", "-static", "-s"]
        return sum(
            follow(component.name, ["gcc", *flags, "-o", target / name, source / file], heard)
            for name, file in component.binaries.items()
        )
    environment = {**_compiler_memory(), **_environment(component, cache)}
    used = 0.0
    if any(source.rglob("*_test.go")):  # what is written here; of modules elsewhere no source is in the folder
        tested = ["./...", *(f"{name}/..." for name in modules_beside(source))]
        test = ["go", "test", *_FLAGS, *tested]
        used += follow(f"{component.name}'s tests", test, heard, cwd=source, env=environment)
    build = ["go", "build", "-v", *_FLAGS, "-ldflags", " ".join((*_LINKER, *component.ldflags)), *_tags(component)]
    # Go names a program after its package's folder, which is not always the name wanted (etcd's is "v3"), and one
    # `go build` for all packages compiles what they share once: so the odd names are built singly afterwards.
    plain = [package for name, package in component.binaries.items() if package.rsplit("/", 1)[1] == name]
    if plain:
        used += follow(component.name, [*build, "-o", f"{target}/", *plain], heard, cwd=source, env=environment)
    for name, package in component.binaries.items():
        if package not in plain:
            used += follow(component.name, [*build, "-o", target / name, package], heard, cwd=source, env=environment)
    absent = [name for name in component.binaries if not (target / name).is_file()]
    if absent:
        raise BuildError(f"{component.name}: go build made no {', '.join(absent)}")
    return used


def _compiler_memory() -> dict[str, str]:
    """Settings of the garbage collector in Go's compiler and linker, of which as many run at once as there are cores.

    Collecting costs a fifth of their time. With 2 GiB for each there is next to none; the largest package needs 1.5.
    """
    share = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 // (os.cpu_count() or 1)
    return {"GOGC": "off", "GOMEMLIMIT": str(min(share, 4 << 30))} if share >= 2 << 30 else {"GOGC": "400"}


def _libraries(component: Component, program: Path, cache: Cache) -> dict[str, dict[str, str]]:
    if component.compiler != "go" or component.module.startswith(_OWN):
        return {}
    environment = _environment(component, cache)
    built = modules.built_with(run("libraries", ["go", "version", "-m", "-json", program], env=environment))
    version = built.get(component.module, component.version)
    return modules.substituted(built, _upstream(component.module, version, environment))


def _upstream(module: str, version: str, environment: Mapping[str, str]) -> str:
    """The go.mod of a module that was downloaded."""
    # Go's cache of modules spells capital letters with a "!" before them.
    name = re.sub("[A-Z]", lambda letter: f"!{letter[0].lower()}", module)
    return Path(environment["GOMODCACHE"], "cache/download", name, "@v", f"{version}.mod").read_text()


def pin(component: Component, cache: Cache) -> None:
    """Write go.mod and go.sum of a component anew from its tool and require lines: the maintainer's step."""
    source = source_root() / component.source
    _resolve(component, source, cache)
    if component.follows:
        file = source / "go.mod"
        version = modules.Graph.of(file.read_text()).required[component.follows]
        leader = _upstream(component.follows, version, _environment(component, cache))
        file.write_text(modules.follow(file.read_text(), leader))
        (source / "go.sum").unlink()  # sums of what is replaced now would stay
        _resolve(component, source, cache)


def _resolve(component: Component, source: Path, cache: Cache) -> None:
    # A folder may hold several components: all its tools, or the others' sums would go.
    run(
        f"pin {component.name}",
        ["go", "list", "-mod=mod", "-deps", *_tags(component), "tool", *component.binaries.values()],
        cwd=source,
        env={**_environment(component, cache), "GOFLAGS": "-buildvcs=false"},
    )


def trim_go_cache(cache: Cache, limit: int) -> bool:
    """Drop Go's build cache if it is larger than `limit` bytes; says whether it did.

    Programs that are built already need it no more; the next release shares little of it but Go's own library.
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
