"""The catalogue in a real browser: icons, forms that follow a version, values with a new cluster."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect
from tests.browser.pages import violations
from tests.browser.stage import ENTRIES, PATIENCE_MS, chromium, create, playground, signed_in

from navarch.addons.catalogue import names
from navarch.playground.region import Playground

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

NEWEST = yaml.safe_load((ENTRIES / "headroom" / "Chart.yaml").read_text())["version"]
REQUIRED = len(names())  # cards of what every cluster has


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """With two versions of an entry: what has places has spots in the older one."""
    entries = tmp_path_factory.mktemp("entries")
    for name in ("headroom", "registry"):
        shutil.copytree(ENTRIES / name, entries / name)
    older = entries / "older"
    shutil.copytree(ENTRIES / "headroom", older)
    _change(older / "Chart.yaml", f"version: {NEWEST}", "version: 0.9.0")
    _change(older / "values.schema.json", '"Places"', '"Spots"')
    _change(older / "values.yaml", "cpu: 500m", "cpu: 400m")
    with playground(entries=entries) as made:
        yield made


def _change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, region: Playground) -> Iterator[Page]:
    with signed_in(browser, region) as made:
        yield made


def test_a_card_leads_by_its_page_to_a_form_and_an_upgrade_shows_what_differs(page: Page) -> None:
    cluster = create(page, "shop")
    page.goto(f"{cluster}/addons")
    drawn = page.locator("img.icon").evaluate_all("all => all.map(one => one.naturalWidth > 0)")
    assert drawn == [True] * (2 + REQUIRED)
    page.get_by_role("link", name="Headroom", exact=True).click()
    expect(page.locator(".readme")).to_contain_text("Keeps places free for new pods.")
    page.get_by_role("link", name="0.9.0").click()
    page.get_by_role("link", name="Install Headroom").click()
    expect(page.locator("#version")).to_have_value("0.9.0")
    expect(page.get_by_label("Spots")).to_be_visible()
    page.get_by_label("Spots").fill("3")
    with page.expect_navigation():
        page.locator("#version").select_option(NEWEST)
    expect(page.get_by_label("Places")).to_have_value("3")
    assert violations(page) == []
    with page.expect_navigation():
        page.locator("#version").select_option("0.9.0")
    page.get_by_role("button", name="Install", exact=True).click()
    page.wait_for_url("**/addon/headroom")
    expect(page.locator("#addon .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    expect(page.locator("#addon")).to_contain_text("Healthy yes")
    page.get_by_role("link", name=f"Upgrade to {NEWEST}").click()
    expect(page.locator(".difference del")).to_have_text("400m")
    expect(page.locator(".difference ins")).to_have_text("500m")


def test_values_of_a_new_clusters_add_on_come_with_its_box_and_no_secret_is_kept(page: Page) -> None:
    page.goto("/clusters/new")
    page.get_by_label("Name", exact=True).fill("orders")
    page.locator("input[name=addons][value=headroom]").check()
    page.locator("#addon-headroom summary").first.click()
    page.get_by_label("Places").fill("4")
    page.locator("input[name=addons][value=registry]").check()
    page.locator("[id='addon.registry.values.storage.bucket']").fill("images")
    page.locator("[id='addon.registry.values.storage.secretKey']").fill("hunter2")
    page.locator("[id='addon.registry.values.users']").fill("- {name: ann, password: hunter2hunter2}")
    page.locator("[id='addon.registry.values']").fill("more: hunter2")
    expect(page.locator("#plan .alert")).to_contain_text("registry storage.endpoint")
    assert violations(page) == []
    kept = page.evaluate("JSON.stringify(sessionStorage)")
    assert "addon.headroom.values.replicas=4" in kept
    assert "addon.registry.values.storage.bucket=images" in kept
    assert "hunter2" not in kept
    assert "hunter2" not in (page.locator("#plan").text_content() or "")
    page.locator("input[name=addons][value=registry]").uncheck()
    expect(page.locator("#addon-registry")).to_be_hidden()
    expect(page.locator("#plan")).to_contain_text(f"Headroom {NEWEST}")
    page.reload()
    page.get_by_role("button", name="Go on with it").click()
    expect(page.get_by_label("Places")).to_have_value("4")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(lambda url: not url.endswith("/new"))
    page.goto(f"{page.url}/addon/headroom")
    expect(page.locator("#addon .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    expect(page.locator("#addon .facts")).to_contain_text("4")


def test_for_another_kubernetes_the_values_are_asked_for_anew(page: Page) -> None:
    page.goto("/clusters/new")
    page.locator("input[name=addons][value=headroom]").check()
    page.locator("#addon-headroom summary").first.click()
    page.get_by_label("Places").fill("4")
    page.get_by_text("More", exact=True).click()
    with page.expect_response("**/clusters/new/addon/headroom") as anew:
        page.locator("#version").select_option("1.36.9")
    assert anew.value.ok
    expect(page.get_by_label("Places")).to_have_value("4")
    asked = dict(pair.split("=", 1) for pair in (anew.value.request.post_data or "").split("&"))
    assert asked["version"] == "1.36.9"
