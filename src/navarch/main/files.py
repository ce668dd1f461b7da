"""Files that the settings name: what is wrong with one is told with the setting that names it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from navarch.settings import SettingsError


@contextmanager
def file_of(setting: str, path: Path | str) -> Iterator[None]:
    """Within, the file is read. Raises SettingsError for a file that is not there, is not ours to read, or is not what
    it should be (ValueError)."""
    try:
        yield
    except OSError as error:
        raise SettingsError(f"{setting}: {path}: {error.strerror or error}") from error
    except ValueError as error:  # also text that is not UTF-8
        said = str(error).partition("\n")[0]
        raise SettingsError(f"{setting}: {said}" if str(path) in said else f"{setting}: {path}: {said}") from error


def text_of(setting: str, path: Path | str) -> str:
    """What is in it. Raises SettingsError."""
    with file_of(setting, path):
        return Path(path).read_text(encoding="utf-8")


def check_certificate(certificate: Path, key: Path, *, section: str = "api") -> None:
    """They are there and belong together. Raises SettingsError: ssl's own errors name neither file nor setting."""
    text_of(f"{section}.certificate", certificate)
    text_of(f"{section}.key", key)
    with file_of(f"{section}.certificate, {section}.key", f"{certificate} with {key}"):
        # A key under a passphrase would ask for it on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
