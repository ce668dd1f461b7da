"""The image cache and the arithmetic of ext4, on real files made by mke2fs; nothing is mounted."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from navarch_lab_plugins import pool
from navarch_lab_plugins.commands import run
from navarch_lab_plugins.rootfs import Images, NotExt4, ext4_size, grow


def _ext4(file: Path, mib: int, *options: str) -> Path:
    run("mke2fs", "-q", "-F", "-t", "ext4", *options, str(file), f"{mib}M")
    return file


def _size_inside(file: Path) -> int:
    with file.open("rb") as handle:
        handle.seek(1024)
        return ext4_size(handle.read(1024))


@pytest.fixture
def images(tmp_path: Path) -> Images:
    source = _ext4(tmp_path / "source", 16)
    cache = Images(tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    cache.image("img", lambda part: shutil.copy(source, part))
    return cache


@pytest.mark.parametrize("options", [(), ("-b", "1024"), ("-b", "4096"), ("-O", "^64bit")])
def test_the_size_inside_is_read_from_the_superblock(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert _size_inside(_ext4(tmp_path / "disk", 16, *options)) == 16 << 20


@pytest.mark.parametrize("block", [b"", b"\0" * 1024, b"hsqs" + b"\0" * 1020])
def test_anything_else_than_ext4_is_refused_with_the_reason(block: bytes) -> None:
    with pytest.raises(NotExt4, match="raw image"):
        ext4_size(block)


def test_an_image_that_is_no_ext4_gives_no_disk(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    cache = Images(tmp_path / "cache")
    cache.image("iso", lambda part: part.write_bytes(b"\0" * 4096))
    with pytest.raises(NotExt4):
        cache.clone("iso", 1, "machine-1")
    assert not cache.disk_of("machine-1").exists()


def test_growing_fills_the_file(tmp_path: Path) -> None:
    disk = _ext4(tmp_path / "disk", 16)
    with disk.open("r+b") as handle:
        handle.truncate(64 << 20)
    grow(str(disk))
    assert _size_inside(disk) == 64 << 20


def test_an_image_is_fetched_once_however_many_ask(tmp_path: Path) -> None:
    fetched = []
    (tmp_path / "cache").mkdir()
    cache = Images(tmp_path / "cache")

    def fetch(part: Path) -> None:
        fetched.append(part)
        part.write_bytes(b"image")

    threads = [threading.Thread(target=cache.image, args=("img", fetch)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fetched) == 1
    assert (tmp_path / "cache" / "img.raw").read_bytes() == b"image"


def test_a_fetch_that_failed_leaves_nothing_that_looks_like_an_image(tmp_path: Path) -> None:
    cache = Images(tmp_path / "cache")

    def broken(part: Path) -> None:
        part.write_bytes(b"half")
        raise ConnectionError("glance went away")

    with pytest.raises(ConnectionError):
        cache.image("img", broken)
    assert not (tmp_path / "cache" / "img.raw").exists()
    cache.image("img", lambda part: part.write_bytes(b"whole"))
    assert (tmp_path / "cache" / "img.raw").read_bytes() == b"whole"


def test_a_clone_has_the_flavors_size_and_is_sparse(images: Images) -> None:
    disk = images.clone("img", 1, "machine-1")
    assert disk.stat().st_size == 1 << 30
    assert _size_inside(disk) == 1 << 30
    assert disk.stat().st_blocks * 512 < 64 << 20


def test_an_image_larger_than_the_flavors_disk_keeps_its_size(images: Images) -> None:
    assert images.clone("img", 0, "machine-1").stat().st_size == 16 << 20


def test_a_clone_that_exists_is_kept_as_the_machine_wrote_it(images: Images) -> None:
    with images.clone("img", 1, "machine-1").open("r+b") as handle:
        handle.write(b"written")
    assert images.clone("img", 1, "machine-1").read_bytes()[:7] == b"written"


def test_machines_do_not_share_a_disk(images: Images) -> None:
    with images.clone("img", 1, "machine-1").open("r+b") as handle:
        handle.write(b"written")
    with images.clone("img", 1, "machine-2").open("rb") as handle:
        assert handle.read(7) == b"\0" * 7


def test_only_the_images_last_used_are_kept_and_machines_keep_their_disks(images: Images, tmp_path: Path) -> None:
    disk = images.clone("img", 1, "machine-1")
    for number, name in enumerate(("img", "b", "c")):
        images.image(name, lambda part: part.write_bytes(b"image"))
        os.utime(tmp_path / "cache" / f"{name}.lock", (number, number))
    images.image("b", lambda part: pytest.fail("it is there"))  # used again, so the newest
    assert images.forget_old(keep=2) == ["img"]
    assert sorted(p.name for p in (tmp_path / "cache").glob("*.raw")) == ["b.raw", "c.raw"]
    assert disk.exists()
    assert images.forget_old(keep=2) == []


def test_the_pool_is_a_file_beside_its_folder(tmp_path: Path) -> None:
    assert pool.file_of(tmp_path / "root-disks") == tmp_path / "root-disks.xfs"
