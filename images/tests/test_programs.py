from dataclasses import replace
from pathlib import Path

import pytest

from navarch_images import host, programs
from navarch_images.cache import Cache, value_digest
from navarch_images.release import Component

COMPONENT = Component(
    "tool", "go/tool", "example.org/tool", "v1", "MIT", {"tool": "example.org/tool"}, cpu_seconds=60.0
)
VERSIONS = {"go": "go1.26"}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "go" / "tool"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module tool\n")
    (folder / "go.sum").write_text("sums\n")
    (folder / "main.go").write_text("package main\n")
    return tmp_path


def without_go(monkeypatch: pytest.MonkeyPatch, sources: Path, compile_: object) -> None:
    substituted = {"example.org/lib": {"built": "v2.0.0", "upstream": "v1.0.0"}}
    monkeypatch.setattr(programs, "source_root", lambda: sources)
    monkeypatch.setattr(programs, "compilers", lambda cgo: VERSIONS)
    monkeypatch.setattr(programs, "_compile", compile_)
    monkeypatch.setattr(programs, "_packages", lambda *_: [])
    monkeypatch.setattr(programs, "_libraries", lambda *_: substituted)
    monkeypatch.setattr("navarch_images.progress.first_pace", lambda: 1.0)


def test_a_key_changes_with_sums_recipe_source_and_compiler_and_with_nothing_else(sources: Path) -> None:
    def key(component: Component = COMPONENT, versions: dict[str, str] = VERSIONS) -> str:
        return programs.component_key(component, sources, versions)

    before = key()
    assert key(replace(COMPONENT, licence="Apache-2.0", cpu_seconds=1.0)) == before
    assert key(replace(COMPONENT, ldflags=("-X a=b",))) != before
    assert key(versions={"go": "go1.27"}) != before
    (sources / "go/tool/go.sum").write_text("other sums\n")
    assert key() != before


def test_a_key_changes_with_modules_that_are_taken_from_beside(sources: Path) -> None:
    shared = sources / "go" / "shared"
    shared.mkdir()
    (shared / "shared.go").write_text("package shared\n")
    keys = {programs.component_key(COMPONENT, sources, VERSIONS)}
    taken = "module m\n\nreplace n => ../shared\n"
    for text in (taken.replace("../shared", "./within"), taken):
        (sources / "go/tool/go.mod").write_text(text)
        keys.add(programs.component_key(COMPONENT, sources, VERSIONS))
    assert programs.modules_beside(sources / "go/tool") == {"n": shared}
    (shared / "shared.go").write_text("package shared // changed\n")
    keys.add(programs.component_key(COMPONENT, sources, VERSIONS))
    assert len(keys) == 4


def test_what_was_built_is_not_built_again(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def compile_(component: Component, _source: Path, target: Path, _cache: Cache, _heard: object) -> float:
        compiled.append(component.name)
        (target / "tool").write_bytes(b"program")
        return 3.0

    without_go(monkeypatch, sources, compile_)
    cache = Cache(tmp_path / "cache")
    said: list[str] = []
    assert programs.missing([COMPONENT], cache) == [COMPONENT]
    first = programs.build_all([COMPONENT], cache, said.append)
    second = programs.build_all([COMPONENT], cache, said.append)
    assert compiled == ["tool"]
    assert programs.missing([COMPONENT], cache) == []
    assert first == second
    assert second[0].binary("tool").read_bytes() == b"program"
    assert second[0].libraries("tool") == {"example.org/lib": {"built": "v2.0.0", "upstream": "v1.0.0"}}
    assert said == [
        "components to compile, once: 1; about 1 min",
        "  0% tool v1: compiling; about 1 min left",
        "tool v1: compiled with 3 s of CPU",
    ]


def test_what_needs_a_c_compiler_is_to_be_built_where_there_is_none(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_go(monkeypatch, sources, lambda *_: pytest.fail("a plan builds nothing"))
    monkeypatch.setattr(host, "missing", lambda: ["libseccomp-dev"])
    asked: list[bool] = []

    def compilers(cgo: bool) -> dict[str, str]:
        asked.append(cgo)
        return {}

    monkeypatch.setattr(programs, "compilers", compilers)
    needs_c = replace(COMPONENT, name="runc", cgo=True)
    assert programs.missing([needs_c, COMPONENT], Cache(tmp_path / "cache")) == [needs_c, COMPONENT]
    assert asked == [False]


def test_a_build_that_fails_leaves_nothing_that_looks_built(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compile_(_component: Component, _source: Path, target: Path, _cache: Cache, _heard: object) -> float:
        (target / "tool").write_bytes(b"half")
        raise RuntimeError("killed")

    without_go(monkeypatch, sources, compile_)
    with pytest.raises(RuntimeError):
        programs.build_all([COMPONENT], Cache(tmp_path / "cache"), lambda text: None)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert value_digest({"a": 1, "b": [2]}) == value_digest({"b": [2], "a": 1})


def test_gos_build_cache_is_dropped_when_it_is_larger_than_its_limit(tmp_path: Path) -> None:
    cached = tmp_path / "go-build" / "00" / "object"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"x" * 100)
    assert not programs.trim_go_cache(Cache(tmp_path), 100)
    assert cached.exists()
    assert programs.trim_go_cache(Cache(tmp_path), 99)
    assert not cached.parent.parent.exists()
    assert not programs.trim_go_cache(Cache(tmp_path), 0)
