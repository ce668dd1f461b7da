"""Puts the console together: its sessions in the database under its own key, the API and Keystone over HTTP."""

import ssl
from urllib.parse import urlsplit

from navarch.bootstrap.sealing import load_keys
from navarch.console.app import create_app
from navarch.console.feed import Feeds
from navarch.console.gateway import Gateway
from navarch.console.keystone import SignIn
from navarch.console.rendering import Templates
from navarch.console.sessions import Sessions, still_there
from navarch.console.visits import Console
from navarch.main.files import check_certificate, file_of, text_of
from navarch.settings import Settings, SettingsError
from navarch.store.contract import Unavailable
from navarch.store.postgres import PostgresStore


def serve_console(settings: Settings, store: PostgresStore) -> None:
    """The pages, until the process is asked to end. Raises SettingsError."""
    from navarch.api.connections import Bounds
    from navarch.api.serving import Listener, serve

    api, own = settings.api, settings.console
    certificate, key = own.certificate or api.certificate, own.key or api.key
    check_certificate(certificate, key, section="console" if own.certificate else "api")
    sealing_file = own.sealing_file or settings.keys.sealing_file
    with file_of("console.sealing_file" if own.sealing_file else "keys.sealing_file", sealing_file):
        sealer = load_keys(sealing_file)
    ca_file = str(own.ca_file or settings.cloud.ca_file)
    public = urlsplit(own.public_url or f"https://{own.listen}:{own.port}")
    root = public.path.rstrip("/")
    sessions = Sessions(store, sealer)
    gateway = Gateway(own.api_url or api.public_url, _trust(ca_file, str(api.certificate_ca)))
    console = Console(
        sessions=sessions,
        sign_in=SignIn(settings.cloud.auth_url, ca_file),
        gateway=gateway,
        feeds=Feeds(gateway.watch, still_there(sessions)),
        templates=Templates(root),
        session_hours=own.session_hours,
        root=root,
        regions=_regions(own.regions),
    )
    app = create_app(console, origin=f"{public.scheme}://{public.netloc}", later=(Unavailable,))
    # Before it stands a proxy, whose address everybody's connections have: it has to bound its callers.
    bounds = Bounds(per_address=Bounds().connections)
    serve(Listener(app, own.listen, own.port, certificate, key, bounds))


def _regions(texts: tuple[str, ...]) -> dict[str, str]:
    """By name. Raises SettingsError for what is no name with an address of the web."""
    found = dict(text.partition("=")[::2] for text in texts)
    wrong = [name for name, address in found.items() if urlsplit(address).scheme not in ("https", "http")]
    if wrong:
        raise SettingsError(f"console.regions: {', '.join(wrong)} must be as NAME=https://console.example.org")
    return found


def _trust(ca_file: str, certificate_ca: str) -> ssl.SSLContext:
    """The system's CAs, those of the cloud, and the one that signed the API's certificate."""
    trust = ssl.create_default_context()
    for setting, path in (("console.ca_file, cloud.ca_file", ca_file), ("api.certificate_ca", certificate_ca)):
        if path:
            text_of(setting, path)
            with file_of(setting, path):
                trust.load_verify_locations(cafile=path)
    return trust
