"""A tree as a raw ext4 image."""

import uuid
from pathlib import Path

from navarch_images.commands import run
from navarch_images.debian import EPOCH

_NAMESPACE = uuid.UUID("6d1fe7a5-3f1c-5a55-9b0d-6f2f0c1e4a77")
_BLOCK = 4096
_INODE_RATIO = 16384  # mke2fs' own default: one inode for so many bytes
_SPARE = 96 << 20  # bytes left free: the machine grows the file system to its disk, this is what it needs before


def write_image(tree: Path, target: Path, content_digest: str) -> None:
    """Write the tree into a sparse image of barely its size. Identifiers come from the digest, times from EPOCH."""
    files, blocks = _measure(tree)
    # Inode tables (256 bytes each), group descriptors, the reserved descriptors that let it grow, and the journal.
    inodes = max(files + 8192, blocks * _BLOCK // _INODE_RATIO)
    size = (blocks * _BLOCK + inodes * 256 + _SPARE + (32 << 20)) * 102 // 100
    identity = uuid.uuid5(_NAMESPACE, content_digest)
    argv: list[str | Path] = ["mke2fs", "-q", "-F", "-t", "ext4", "-L", "rootfs", "-m", "1", "-b", str(_BLOCK)]
    argv += ["-N", str(inodes), "-J", "size=16", "-U", str(identity)]
    argv += ["-E", f"hash_seed={identity},root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1"]
    argv += ["-d", tree, target, f"{size // 1024}k"]
    run("ext4 image", argv, env={"E2FSPROGS_FAKE_TIME": str(EPOCH), "SOURCE_DATE_EPOCH": str(EPOCH)})


def _measure(tree: Path) -> tuple[int, int]:
    """Number of files and of blocks their contents need, hard links counted once."""
    seen: set[tuple[int, int]] = set()
    blocks = 0
    for path in tree.rglob("*"):
        status = path.lstat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        blocks += max(1, -(-status.st_size // _BLOCK)) if not path.is_symlink() else 0
    return len(seen), blocks
