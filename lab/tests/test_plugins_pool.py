"""The pool of root disks is given back to the host, however long the last machine takes to let go of it."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from navarch_lab_plugins.pool import close_pool, open_pool


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "root-disks"
    assert open_pool(folder)
    yield folder
    close_pool(folder, remove=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_pool_that_is_busy_for_a_moment_is_closed_after_it(pool: Path) -> None:
    user = subprocess.Popen(["sleep", "1"], cwd=pool)
    began = time.monotonic()
    close_pool(pool)
    assert not os.path.ismount(pool)
    assert time.monotonic() - began > 0.5, "it was busy"
    user.wait()
