"""Programs that an entry of the catalogue runs, built as its images' are."""

from pathlib import Path

from navarch_images.cache import Cache
from navarch_images.programs import build_all, places
from navarch_images.release import offer


def entry_program(name: str) -> Path:
    """The program called `name` of catalogue.toml. It is compiled where it is not yet."""
    (component,) = [c for c in offer().components if name in c.binaries]
    cache = Cache.default()
    (built,) = places([component], cache)
    if not built.folder.exists():
        with cache.alone(print):
            build_all([component], cache, print)
    return built.binary(name)
