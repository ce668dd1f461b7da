from collections.abc import Callable
from pathlib import Path

import pytest

from navarch_images import tree
from navarch_images.debian import EPOCH


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text("localhost\n")
    (tmp_path / "etc/link").symlink_to("hosts")
    (tmp_path / "var/lib/containerd").mkdir(parents=True)
    (tmp_path / "var/lib/containerd/meta.db").write_text("imported at noon")
    return tmp_path


def test_a_digest_is_of_content_and_not_of_times_or_of_when_images_were_imported(root: Path) -> None:
    before = tree.digest(root, ["sha256:a"])
    tree.set_times(root)
    (root / "var/lib/containerd/meta.db").write_text("imported at midnight")
    assert tree.digest(root, ["sha256:a"]) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "etc/hosts").write_text("other\n"),
        lambda root: (root / "etc/hosts").chmod(0o600),
        lambda root: (root / "etc/new").mkdir(),
        lambda root: ((root / "etc/link").unlink(), (root / "etc/link").symlink_to("elsewhere")),
    ],
)
def test_a_digest_changes_with_content_mode_name_and_target(root: Path, change: Callable[[Path], object]) -> None:
    before = tree.digest(root, [])
    change(root)
    assert tree.digest(root, []) != before


def test_a_digest_changes_with_the_container_images(root: Path) -> None:
    assert tree.digest(root, ["sha256:a"]) != tree.digest(root, ["sha256:b"])


def test_times_are_set_without_following_links_out_of_the_tree(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "file"
    outside.write_text("")
    before = outside.stat().st_mtime
    (root / "escape").symlink_to(outside)
    tree.set_times(root)
    assert outside.stat().st_mtime == before
    assert (root / "etc/hosts").stat().st_mtime == EPOCH
