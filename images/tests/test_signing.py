import hashlib
import json
import stat
import subprocess
from pathlib import Path

import pytest

from navarch_images.errors import ImagesError
from navarch_images.signing import MANIFEST, SIGNATURE, make_key, sign, verify


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A small one."""
    folder = tmp_path / "bundle"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "kubelet").write_bytes(b"program")
    entry = {"file": "bin/kubelet", "sha256": hashlib.sha256(b"program").hexdigest()}
    (folder / MANIFEST).write_text(json.dumps({"programs": [entry], "images": []}))
    return folder


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "release.key"
    make_key(path)
    return path


def test_what_was_signed_is_verified_by_us_and_by_openssl(bundle: Path, key: Path) -> None:
    signature = sign(bundle, key)
    public = key.with_suffix(".pub")
    verify(bundle, public)
    files = ("-inkey", str(public), "-in", str(bundle / MANIFEST), "-sigfile", str(signature))
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", *files], check=True, capture_output=True)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_bundle_without_a_signature_is_none_of_ours(bundle: Path, key: Path) -> None:
    with pytest.raises(ImagesError, match="is not signed"):
        verify(bundle, key.with_suffix(".pub"))


def test_a_manifest_that_was_changed_is_no_longer_signed(bundle: Path, key: Path) -> None:
    sign(bundle, key)
    (bundle / MANIFEST).write_text((bundle / MANIFEST).read_text() + " ")
    with pytest.raises(ImagesError, match="is no signature"):
        verify(bundle, key.with_suffix(".pub"))


def test_another_key_does_not_do(bundle: Path, key: Path, tmp_path: Path) -> None:
    sign(bundle, key)
    with pytest.raises(ImagesError, match="is no signature"):
        verify(bundle, make_key(tmp_path / "other.key"))


def test_a_program_that_was_changed_is_neither_verified_nor_signed(bundle: Path, key: Path) -> None:
    sign(bundle, key)
    (bundle / "bin" / "kubelet").write_bytes(b"another")
    with pytest.raises(ImagesError, match=r"is not what manifest\.json says"):
        verify(bundle, key.with_suffix(".pub"))
    (bundle / SIGNATURE).unlink()
    with pytest.raises(ImagesError, match=r"is not what manifest\.json says"):
        sign(bundle, key)
    assert not (bundle / SIGNATURE).exists()


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_signs_nothing(bundle: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "k").write_bytes(content)
    with pytest.raises(ImagesError):
        sign(bundle, tmp_path / "k")
    with pytest.raises(ImagesError):
        verify(bundle, tmp_path / "k")


def test_a_key_that_is_there_is_not_written_over(key: Path) -> None:
    with pytest.raises(FileExistsError):
        make_key(key)
