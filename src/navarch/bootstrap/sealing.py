"""Encryption of what is secret before it goes into the database.

Envelope encryption with AES-256-GCM: every secret has a data key of its own, which the master key wraps. The master
key never leaves Navarch's process and never touches the database. Each sealed value names the master key that wrapped
it, so that keys can be added and retired one at a time, and is bound to its context (whose secret it is), so that
it cannot be passed off as somebody else's.

Layout, in bytes: magic 4, master key id 8, nonce 12, wrapped data key 48, nonce 12, ciphertext with its tag.
"""

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from navarch.domain.errors import Permanent, Responsible

KEY_LENGTH = 32
_MAGIC = b"nvs1"
_ID, _NONCE, _WRAPPED = 8, 12, KEY_LENGTH + 16
_HEADER = len(_MAGIC) + _ID + _NONCE + _WRAPPED + _NONCE


class Unsealable(Permanent):
    """A sealed secret cannot be opened: altered, of another context, or sealed under a key that is not here."""

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            reason="SecretsUnreadable",
            responsible=Responsible.NAVARCH_OPERATOR,
            remedy="Give Navarch the master key it was sealed with, or the database that belongs to the loaded keys.",
        )


class Sealer:
    """Seals with the first master key, unseals with any of them. Safe to share between threads."""

    def __init__(self, *keys: bytes) -> None:
        if not keys or any(len(key) != KEY_LENGTH for key in keys):
            raise ValueError(f"a Sealer needs at least one key, each of {KEY_LENGTH} bytes")
        self._keys = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])
        self._fingerprints = hmac.digest(keys[0], b"navarch fingerprints", "sha256")

    def seal(self, context: str, content: bytes) -> bytes:
        """Encrypt for storage. Only the same `context` opens it again."""
        data_key = AESGCM.generate_key(bit_length=KEY_LENGTH * 8)
        wrap_nonce, nonce = os.urandom(_NONCE), os.urandom(_NONCE)
        wrapped = self._keys[self._current].encrypt(wrap_nonce, data_key, _bound("key", context))
        sealed = AESGCM(data_key).encrypt(nonce, content, _bound("content", context))
        return _MAGIC + self._current + wrap_nonce + wrapped + nonce + sealed

    def unseal(self, context: str, sealed: bytes) -> bytes:
        """Decrypt what was sealed for this `context`. Raises Unsealable."""
        if len(sealed) < _HEADER + 16 or not sealed.startswith(_MAGIC):
            raise Unsealable(f"what is stored for {context} was not sealed by Navarch")
        parts = _split(sealed[len(_MAGIC) :], _ID, _NONCE, _WRAPPED, _NONCE)
        key_id, wrap_nonce, wrapped, nonce, content = parts
        master = self._keys.get(key_id)
        if master is None:
            raise Unsealable(f"the secret of {context} was sealed with key {key_id.hex()}, which is not loaded")
        try:
            data_key = master.decrypt(wrap_nonce, wrapped, _bound("key", context))
            return AESGCM(data_key).decrypt(nonce, content, _bound("content", context))
        except InvalidTag:
            raise Unsealable(f"the secret of {context} was altered, or is another's") from None

    def fingerprint(self, content: bytes) -> str:
        """By which the same content is known again, in hex, and which tells nobody without the first key what a short
        secret in it may be."""
        return hmac.digest(self._fingerprints, content, "sha256").hex()

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed with the first key. If not, sealing it anew lets the old key be retired."""
        return sealed[len(_MAGIC) : len(_MAGIC) + _ID] == self._current


def load_keys(path: Path | str) -> Sealer:
    """A Sealer with the keys of a file: one base64 of 32 bytes a line, the current one first; `#` begins a comment.

    Raises ValueError for anything else, and where others than the file's owner may read it.
    """
    return Sealer(*(base64.b64decode(line) for line in key_lines(path)))


def key_lines(path: Path | str) -> list[str]:
    """The keys in a file as they stand there. Raises as `load_keys`."""
    path = Path(path)
    if path.stat().st_mode & 0o077:
        raise ValueError(f"{path} holds master keys but others may read it; chmod 600 it")
    keys = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            key = base64.b64decode(text, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_LENGTH:
            raise ValueError(f"{path}, line {number}: expected the base64 of {KEY_LENGTH} bytes")
        keys.append(text)
    if not keys:
        raise ValueError(f"{path} holds no key; make one with: head -c {KEY_LENGTH} /dev/urandom | base64")
    return keys


def new_key() -> str:
    """A fresh line for a file of keys."""
    return base64.b64encode(os.urandom(KEY_LENGTH)).decode()


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"navarch master key id\0" + key).digest()[:_ID]


def _bound(what: str, context: str) -> bytes:
    return f"navarch {what}\0{context}".encode()


def _split(content: bytes, *lengths: int) -> list[bytes]:
    parts = []
    for length in lengths:
        parts.append(content[:length])
        content = content[length:]
    return [*parts, content]
