"""Programs that an entry of the catalogue runs, built as its images' are, and the one that renders its chart."""

from functools import cache
from pathlib import Path

import pytest

from navarch.addons import catalogue
from navarch.addons.contract import Inputs
from navarch.addons.rendering import Rendered, Rendering
from navarch.charts.rendering import Renderer
from navarch_images.cache import Cache
from navarch_images.programs import build_all
from navarch_images.release import offer, trials


def entry_program(name: str) -> Path:
    """The program called `name` of catalogue.toml, or of trials.toml. It is compiled where it is not yet.

    It does not wait for a build that holds the cache's lock, which may take long: what is finished is moved to its
    place at once, whoever was first.
    """
    (component,) = [c for c in (*offer().components, *trials()) if name in c.binaries]
    (built,) = build_all([component], Cache.default(), print)
    return built.binary(name)


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    """The real one."""
    return real_renderer()


def real_renderer() -> Renderer:
    """The real one: `navarch-images tools` builds it."""
    program = Cache.default().root / "tools" / "navarch-render"
    assert program.is_file(), "build it with `navarch-images tools`"
    return Renderer(program)


def rendered_addon(inputs: Inputs, name: str) -> Rendered:
    """An add-on that every cluster has, as it would be applied."""
    return _rendering().rendered(catalogue.package(name), inputs)


@cache
def _rendering() -> Rendering:
    return Rendering(real_renderer())
