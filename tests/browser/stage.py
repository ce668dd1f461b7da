"""What stories in a browser play on: a Navarch with console before a simulated cloud, and Debian's Chromium."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from navarch.playground.region import Playground, Wanted
from navarch.simulator.client import Simulator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# As root there is no sandbox to be had; what is shown is our own.
_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
ENTRIES = Path(__file__).parents[2] / "addons"
PATIENCE_MS = 60_000.0  # a cluster is made in seconds, on a busy machine in some more


@contextmanager
def playground(*, boot_seconds: float = 2.0, speed: float = 1.0, entries: Path = ENTRIES) -> Iterator[Playground]:
    """A Navarch of its own, with two projects and a catalogue of the add-ons in the folder `entries`."""
    renderer = Path(os.environ.get("NAVARCH_CACHE", "/var/cache/navarch")) / "tools" / "navarch-render"
    if not renderer.is_file():
        raise RuntimeError("build navarch-render with `navarch-images tools`")
    folder = Path(tempfile.mkdtemp(prefix="nv-console-"))  # pytest's own folders are closed to user postgres
    folder.chmod(0o755)
    wanted = Wanted(boot_seconds=boot_seconds, speed=speed, console=True, renderer=renderer, entries=entries)
    made = Playground(folder, wanted)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window."""
    if CHROMIUM is None:
        raise RuntimeError("chromium is needed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Browser, playground: Playground, *, dark: bool = False, width: int = 1280) -> Page:
    """A page of a person of their own, who is not signed in."""
    return opened_at(browser, playground.console_url, dark=dark, width=width)


def opened_at(browser: Browser, url: str, *, dark: bool = False, width: int = 1280) -> Page:
    """The same before any console, whose certificate may be its own."""
    context = browser.new_context(
        base_url=url,
        ignore_https_errors=True,
        color_scheme="dark" if dark else "light",
        viewport={"width": width, "height": 720},
        device_scale_factor=1,
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


@contextmanager
def signed_in(browser: Browser, playground: Playground, *, refusals: bool = False) -> Iterator[Page]:
    """A page of somebody who is signed in. What the browser complains of fails the test; with `refusals` not that an
    answer was 400 or above, which Chromium says of each."""
    page = opened(browser, playground)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(page, playground)
    yield page
    page.context.close()
    assert [text for text in complaints if not (refusals and "Failed to load resource" in text)] == []


def sign_in(page: Page, playground: Playground, project: str = "alpha") -> None:
    """As the user of a project, which has the same name."""
    sign_in_as(page, project, playground.password())


def sign_in_as(page: Page, name: str, password: str) -> None:
    """As somebody who has one project."""
    page.goto("/sign-in")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").first.click()
    page.wait_for_url("**/clusters")


def prefer(page: Page, **chosen: str) -> None:
    """Language, theme or time zone of the account."""
    page.goto("/account")
    for name, value in chosen.items():
        page.locator(f"#{name}").select_option(value)
    with page.expect_navigation():
        page.locator("form[action$='/account'] button").click()


def create(page: Page, name: str, *, version: str = "", control_plane: str = "", count: str = "") -> str:
    """Ask for a cluster by the form; gives the path of its page."""
    page.goto("/clusters/new")
    page.get_by_label("Name", exact=True).fill(name)
    if version or control_plane or count:
        page.get_by_text("More", exact=True).click()
    if version:
        page.locator("#version").select_option(version)
    if control_plane:
        page.locator(f"input[name=control_plane][value='{control_plane}']").check()
    if count:
        page.locator("[id='g0.replicas']").fill(count)
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(lambda url: "/clusters/" in url and not url.endswith("/new"))
    return page.url.removeprefix(page.url.split("/clusters/")[0])


def install(page: Page, cluster: str, entry: str) -> str:
    """Ask for an add-on with nothing filled in; gives the path of its page, once it is Ready."""
    page.goto(f"{cluster}/catalogue/{entry}")
    page.get_by_role("button", name="Install", exact=True).click()
    page.wait_for_url("**/addon/*")
    expect(page.locator("#addon .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    return f"{cluster}/addon/{entry}"


def fill(page: Page, made: Playground, cluster: str, *, services: int = 0, claims: int = 0) -> None:
    """Have a cluster's users make Services with balancers and claims with volumes, as `navarch-play` does; done once
    its page shows them. The page of its deletion has a worker look."""
    inside = Simulator(str(made.socket))
    for number in range(services):
        inside.want(cluster.rpartition("/")[2], service=f"web-{number}" if number else "web")
    for number in range(claims):
        inside.want(cluster.rpartition("/")[2], claim=f"data-{number}" if number else "data")
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        page.goto(f"{cluster}/delete")
        found = page.locator(".objects tbody th").all_text_contents()
        if (
            sum("claim" in text for text in found) == claims
            and sum("Service" in text for text in found) == 2 * services
        ):
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"{services} Services and {claims} claims are not all there")


def issue_kubeconfig(page: Page, cluster: str) -> str:
    """Have a kubeconfig issued; gives the path of the page that revokes it."""
    page.goto(f"{cluster}/kubeconfig")
    with page.expect_download():
        page.get_by_role("button", name="Download").click()
    revoke = page.locator("#issued a.danger-text").first
    expect(revoke).to_be_visible(timeout=PATIENCE_MS)
    return revoke.get_attribute("href") or ""
