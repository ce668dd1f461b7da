"""Signatures over bundles: Ed25519 over the bytes of manifest.json, which holds the SHA-256 of everything else.

Keys are PEM and a signature is its 64 bytes, so that others can check without Navarch:

    openssl pkeyutl -verify -pubin -inkey release.pub -rawin -in manifest.json -sigfile manifest.json.sig
"""

import hashlib
import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from navarch_images.errors import ImagesError

MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"


def make_key(path: Path) -> Path:
    """A new key for its owner alone, and beside it, with the ending .pub, what others check with; gives the latter.
    Raises FileExistsError where there is one."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    public = path.with_suffix(".pub")
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return public


def sign(bundle: Path, key_file: Path) -> Path:
    """Sign the bundle in a folder, after a look whether it is what its manifest says. Raises ImagesError."""
    check_contents(bundle)
    try:
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ImagesError(f"{key_file} is no key without a password: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ImagesError(f"{key_file} is no Ed25519 key")
    made = bundle / SIGNATURE
    made.write_bytes(key.sign((bundle / MANIFEST).read_bytes()))
    return made


def verify(bundle: Path, public_file: Path) -> None:
    """Raises ImagesError where the bundle in a folder is not signed with the key that belongs to this one, or holds
    something else than its manifest says."""
    try:
        key = serialization.load_pem_public_key(public_file.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ImagesError(f"{public_file} is no public key: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ImagesError(f"{public_file} is no Ed25519 key")
    try:
        key.verify((bundle / SIGNATURE).read_bytes(), (bundle / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise ImagesError(f"{bundle} is not signed: there is no {error.filename}") from error
    except InvalidSignature:
        raise ImagesError(f"{bundle / SIGNATURE} is no signature over {MANIFEST} by {public_file}") from None
    check_contents(bundle)


def check_contents(bundle: Path) -> None:
    """Raises ImagesError where a program or an image is not the one that the manifest names."""
    manifest = json.loads((bundle / MANIFEST).read_text())
    for entry in (*manifest["programs"], *manifest["images"]):
        with (bundle / entry["file"]).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != entry["sha256"]:
            raise ImagesError(f"{bundle / entry['file']} is not what {MANIFEST} says: SHA-256 {found}")
