"""Puts the console together: its sessions in the database under its own key, the API and Keystone over HTTP."""

import ssl

from navarch.bootstrap.sealing import load_keys
from navarch.console.app import create_app
from navarch.console.gateway import Gateway
from navarch.console.keystone import SignIn
from navarch.console.rendering import environment
from navarch.console.sessions import Sessions
from navarch.console.visits import Console
from navarch.main.files import check_certificate, file_of, text_of
from navarch.settings import Settings
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
    console = Console(
        sessions=Sessions(store, sealer),
        sign_in=SignIn(settings.cloud.auth_url, ca_file),
        gateway=Gateway(own.api_url or api.public_url, _trust(ca_file, str(api.certificate_ca))),
        templates=environment(),
        session_hours=own.session_hours,
    )
    origin = own.public_url or f"https://{own.listen}:{own.port}"
    app = create_app(console, origin=origin, later=(Unavailable,))
    # Before it stands a proxy, whose address everybody's connections have: it has to bound its callers.
    bounds = Bounds(per_address=Bounds().connections)
    serve(Listener(app, own.listen, own.port, certificate, key, bounds))


def _trust(ca_file: str, certificate_ca: str) -> ssl.SSLContext:
    """The system's CAs, those of the cloud, and the one that signed the API's certificate."""
    trust = ssl.create_default_context()
    for setting, path in (("console.ca_file, cloud.ca_file", ca_file), ("api.certificate_ca", certificate_ca)):
        if path:
            text_of(setting, path)
            with file_of(setting, path):
                trust.load_verify_locations(cafile=path)
    return trust
