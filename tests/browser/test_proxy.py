"""The console behind nginx, set up as docs/operate/console.md says: what lives on a page lives there, too."""

import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.stage import PATIENCE_MS, chromium, create, opened_at, playground, sign_in

from navarch.playground.region import Playground

pytestmark = [pytest.mark.tools, pytest.mark.timeout(300)]
GUIDE = Path(__file__).parents[2] / "docs" / "operate" / "console.md"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
HELD_BACK = "proxy_buffering off;"


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def configuration(region: Playground, folder: Path, port: int, *, buffering: bool) -> str:
    """The guide's server, on a port of its own and before the playground's console. With `buffering` its line about
    that is left out: nginx would hold answers back, but for what the console says in each."""
    (server,) = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    keys = region.settings.parent / "keys"
    said = {
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2; "
        f"ssl_certificate {keys / 'api.crt'}; ssl_certificate_key {keys / 'api.key'};",
        "server_name console.example.org;": "server_name _;",
        "https://127.0.0.1:9447": region.console_url,
    }
    for here, there in said.items():
        assert here in server, f"{GUIDE} has another server than this test knows: no {here}"
        server = server.replace(here, there)
    assert HELD_BACK in server
    if buffering:
        server = server.replace(HELD_BACK, "")
    places = " ".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; worker_processes 1; pid {folder / 'pid'}; error_log stderr warn;\n"
        f"events {{}}\nhttp {{ access_log off; {places}\n{server}}}\n"
    )


@pytest.fixture(params=[False, True], ids=["as the guide says", "with buffering left on"])
def proxied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Playground, str]]:
    """A Navarch whose console is behind nginx, and the address that people use."""
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    with playground() as region:
        region.kill("console")
        settings = region.settings.read_text()
        region.settings.write_text(settings.replace("[console]\n", f'[console]\npublic_url = "{url}"\n'))
        region.start_process("console")
        written = tmp_path / "nginx.conf"
        written.write_text(configuration(region, tmp_path, port, buffering=request.param))
        proxy = subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", str(written)])
        try:
            _wait_for(f"{url}/healthz")
            yield region, url
        finally:
            proxy.terminate()
            proxy.wait(timeout=30)


def _wait_for(url: str) -> None:
    """Until the console answers through the proxy."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    end = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5, context=trusting):
                return
        except OSError:
            assert time.monotonic() < end, f"nothing answers at {url}"
            time.sleep(0.5)


def test_what_lives_on_a_page_lives_behind_the_guides_proxy(proxied: tuple[Playground, str]) -> None:
    region, url = proxied
    with chromium() as browser:
        _from_signing_in_to_ready(browser, region, url)


def _from_signing_in_to_ready(browser: Browser, region: Playground, url: str) -> None:
    page = opened_at(browser, url)
    sign_in(page, region)
    create(page, "behind")
    page.evaluate("window.notReloaded = true")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    expect(page.locator("#notice")).to_be_hidden()
    assert page.evaluate("window.notReloaded"), "it came by the stream"
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
