"""Where built things are kept: content-addressed, complete or absent.

    <root>/components/<name>-<key>/   programs of one component
    <root>/tools/<name>               a program that Navarch's own hosts run: a link to its newest build
    <root>/debian/<key>.tar           Debian trees
    <root>/bundles/<digest>/          manifest.json, bin/, images/
    <root>/images/<digest>/           node.raw, node.json
    <root>/catalogue/<name>-<key>/    a container image that an entry of the catalogue names
    <root>/index/<kind>-<key>         the digest that these inputs gave
    <root>/go-build, go-mod           Go's own caches: of builds, and of module sources

A folder is made under another name and renamed when it is whole, so a killed build leaves nothing that looks done.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache below `root`."""

    root: Path

    @staticmethod
    def default() -> "Cache":
        """$NAVARCH_CACHE, else /var/cache/navarch."""
        return Cache(Path(os.environ.get("NAVARCH_CACHE", "/var/cache/navarch")))

    @contextmanager
    def alone(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Hold the cache's lock: of two builds at once the second waits and then finds everything built."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "images.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell("another build is running; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """An empty folder on the cache's file system, removed afterwards."""
        path = self.root / "work" / f"{name}.{os.getpid()}"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def publish(self, made: Path, *where: str) -> Path:
        """Move a finished file or folder to its place; if another run was first, its result stands."""
        target = self.root.joinpath(*where)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            return target
        made.rename(target)
        return target

    def link(self, program: Path) -> Path:
        """Give a program its name below tools/, in place of an earlier build of it."""
        link = self.root / "tools" / program.name
        link.parent.mkdir(parents=True, exist_ok=True)
        partial = link.with_name(f".{link.name}.{os.getpid()}")
        partial.symlink_to(program)
        partial.rename(link)
        return link

    def recall(self, kind: str, key: str) -> str | None:
        """The digest that inputs with this key gave earlier."""
        path = self.root / "index" / f"{kind}-{key}"
        return path.read_text().strip() if path.exists() else None

    def sweep(self, keep: Mapping[str, set[str]]) -> int:
        """Remove what is not to be kept: `keep` names folders to stay, by the folder that they are in.

        Also removes what killed builds left in work/. Returns how many folders went. Call it with the lock held.
        """
        removed = 0
        for kind, names in keep.items():
            for folder in (self.root / kind).glob("*"):
                if folder.name not in names:
                    shutil.rmtree(folder)
                    removed += 1
        shutil.rmtree(self.root / "work", ignore_errors=True)
        return removed

    def remember(self, kind: str, key: str, digest: str) -> None:
        """Note what inputs gave."""
        path = self.root / "index" / f"{kind}-{key}"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(digest + "\n")
        partial.rename(path)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def value_digest(value: Any) -> str:
    """SHA-256 of a JSON value in its one canonical spelling, in hex."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
