"""How the pages look and sound: every one without a violation of WCAG 2.2 AA, in both themes, in Russian, on a phone;
by keyboard alone; on paper."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.browser.pages import addresses, violations
from tests.browser.stage import (
    PATIENCE_MS,
    chromium,
    create,
    fill,
    install,
    issue_kubeconfig,
    opened,
    playground,
    prefer,
    sign_in,
)

from navarch.playground.region import Playground
from navarch.simulator.client import Simulator
from navarch.simulator.pods import Workload

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def region() -> Iterator[Playground]:
    with playground() as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def ready(browser: Browser, region: Playground) -> list[str]:
    """The address of every page, of a cluster that is Ready."""
    page = opened(browser, region)
    sign_in(page, region)
    cluster = create(page, "looked-at", control_plane="3")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    fill(page, region, cluster, services=9, claims=16)
    page.goto(cluster)
    machine = page.locator("#machines .machine.worker .machine-name").first.text_content() or ""
    revoke, addon = issue_kubeconfig(page, cluster), install(page, cluster, "headroom")
    install(page, cluster, "monitoring")
    pods = Workload("big", 2, requests=(("cpu", 64_000),))
    Simulator(str(region.socket)).deploy(cluster.rpartition("/")[2], pods)
    page.context.close()
    return addresses(cluster, machine, revoke, addon)


@pytest.fixture(params=["light", "dark", "ru", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, region: Playground) -> Iterator[Page]:
    """Of somebody who is signed in and likes it like that."""
    made = opened(browser, region, dark=request.param == "dark", width=390 if request.param == "phone" else 1280)
    sign_in(made, region)
    if request.param == "ru":
        prefer(made, language="ru")
    yield made
    prefer(made, language="")
    made.context.close()


def test_no_page_violates_what_wcag_asks_for(page: Page, ready: list[str]) -> None:
    found: dict[str, list[str]] = {}
    for address in ready:
        page.goto(address)
        page.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true })")
        if said := violations(page):
            found[address] = said
        width = page.viewport_size["width"] if page.viewport_size else 0
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.setdefault(address, []).append(f"{wide} pixels wide, of {width}")
    assert found == {}


def test_the_sign_in_page_violates_nothing(browser: Browser, region: Playground) -> None:
    page = opened(browser, region)
    page.goto("/sign-in")
    assert violations(page) == []
    page.context.close()


def test_a_violation_would_be_found(browser: Browser, region: Playground) -> None:
    page = opened(browser, region)
    page.goto("/sign-in")
    page.evaluate("document.querySelector('label[for=name]').remove()")
    assert any(said.startswith("label:") for said in violations(page))
    page.context.close()


def test_a_cluster_is_scaled_by_keyboard_alone(browser: Browser, region: Playground, ready: list[str]) -> None:
    page = opened(browser, region)
    sign_in(page, region)
    page.goto("/clusters")
    page.keyboard.press("/")
    page.keyboard.type("looked")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    press_until(page, "a[id^=link-]")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/clusters/" in url)
    press_until(page, "#scale-default")
    page.keyboard.press("Enter")
    page.wait_for_url("**/scale")
    assert page.evaluate("document.activeElement.id") == "count"
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("3")
    expect(page.locator("#plan")).to_contain_text("Machines created")
    press_until(page, "button[value=scale]")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith("/scale"))
    expect(page.locator("#groups")).to_contain_text("/3")
    page.context.close()


def test_a_cluster_is_made_and_deleted_by_keyboard_alone(browser: Browser, region: Playground) -> None:
    page = opened(browser, region)
    sign_in(page, region)
    press_until(page, "a[href$='/clusters/new']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/clusters/new")
    press_until(page, "#name")
    page.keyboard.type("typed")
    press_until(page, "summary")
    page.keyboard.press("Enter")
    press_until(page, "input[name=control_plane]")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#plan")).to_contain_text("3 × m1.medium")
    press_until(page, "button[value=create]")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/clusters/" in url and not url.endswith("/new"))
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=2 * PATIENCE_MS)
    press_until(page, "#do-delete")
    page.keyboard.press("Enter")
    page.wait_for_url("**/delete")
    press_until(page, "#name")
    page.keyboard.type("typed")
    press_until(page, "button.danger")
    page.keyboard.press("Enter")
    page.wait_for_url("**/clusters", timeout=2 * PATIENCE_MS)
    page.context.close()


def press_until(page: Page, selector: str) -> None:
    """Tab to it; what has the focus is always to be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"{selector} has the focus and does not show it"
            return
    raise AssertionError(f"{selector} cannot be reached by Tab")


def test_on_paper_there_are_no_buttons_and_nothing_is_folded(
    browser: Browser, region: Playground, ready: list[str]
) -> None:
    page = opened(browser, region, dark=True)
    sign_in(page, region)
    page.goto(next(address for address in ready if address.count("/") == 2 and not address.endswith("/new")))
    page.locator("#picture-fold > summary").click()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator(".actions")).to_be_hidden()
    expect(page.locator("#picture svg.drawing")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("main details:not([open])").count() == 0
    page.context.close()


def test_what_was_typed_for_a_new_cluster_outlives_the_session(browser: Browser, region: Playground) -> None:
    page = opened(browser, region)
    sign_in(page, region)
    page.goto("/clusters/new")
    page.get_by_label("Name", exact=True).fill("half-done")
    page.get_by_text("More", exact=True).click()
    page.locator("[id='g0.replicas']").fill("5")
    page.context.clear_cookies(name="__Host-navarch-session")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url("**/sign-in?next=/clusters/new")
    page.get_by_label("User name").fill("alpha")
    page.get_by_label("Password").fill(region.password())
    page.get_by_role("button", name="Sign in").first.click()
    page.wait_for_url("**/clusters/new")
    page.get_by_role("button", name="Go on with it").click()
    expect(page.locator("#name")).to_have_value("half-done")
    expect(page.locator("[id='g0.replicas']")).to_have_value("5")
    page.context.close()


def test_times_are_in_the_browsers_zone_where_the_account_asks_for_it(browser: Browser, region: Playground) -> None:
    context = browser.new_context(
        base_url=region.console_url, ignore_https_errors=True, timezone_id="Asia/Tokyo", locale="en-GB"
    )
    page = context.new_page()
    sign_in(page, region, "beta")
    page.goto("/account")
    expect(page.locator("time.moment")).to_contain_text("UTC")
    prefer(page, time_zone="local")
    expect(page.locator("time.moment")).not_to_contain_text("UTC")
    expect(page.locator("time.moment")).to_contain_text("GMT+9")
    context.close()


def test_figures_are_drawn_with_their_values_below_and_times_in_the_browsers_zone(
    browser: Browser, region: Playground, ready: list[str]
) -> None:
    context = browser.new_context(
        base_url=region.console_url, ignore_https_errors=True, timezone_id="Asia/Kathmandu", locale="en-GB"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    sign_in(page, region)
    cluster = next(address for address in ready if address.endswith("/figures")).removesuffix("/figures")
    page.goto(cluster)
    page.locator("#do-figures").click()
    expect(page.locator("svg.chart")).to_have_count(11)
    expect(page.locator("#alerts")).to_contain_text("Pod default/big-")
    drawn = page.locator("#chart-cpu path.line").evaluate_all("all => all.map(one => one.getBBox().width)")
    assert len(drawn) == 2 * 3 and all(width > 0 for width in drawn)
    utc = minutes(page.locator("#chart-cpu text[data-time]").first)
    page.locator("#values-cpu summary").click()
    expect(page.locator("#values-cpu tbody tr")).to_have_count(20)
    prefer(page, time_zone="local")
    page.goto(f"{cluster}/figures")
    here = minutes(page.locator("#chart-cpu text[data-time]").first)
    assert 345 <= (here - utc) % 1440 < 350, "five hours and three quarters away"
    page.get_by_role("link", name="7 days").click()
    expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "page")
    page.locator("#do-workloads").click()
    expect(page.locator("main")).to_contain_text("no node takes it")
    page.locator("#namespace").select_option("kube-system")
    page.locator("#show").click()
    expect(page.locator("main")).not_to_contain_text("no node takes it")
    prefer(page, time_zone="")
    context.close()


def minutes(time: Locator) -> int:
    """Of the day, as a text says it."""
    hours, _, rest = (time.text_content() or "").partition(":")
    return 60 * int(hours) + int(rest)


def test_single_keys_do_nothing_where_the_account_says_so(
    browser: Browser, region: Playground, ready: list[str]
) -> None:
    page = opened(browser, region)
    sign_in(page, region)
    searches = "document.activeElement.id === 'search'"
    for chosen, so in (("off", False), ("", True)):
        prefer(page, shortcuts=chosen)
        page.goto("/clusters")
        page.keyboard.press("/")
        assert page.evaluate(searches) is so
    page.context.close()


def test_a_string_cannot_become_a_script(browser: Browser, region: Playground) -> None:
    page = opened(browser, region)
    page.goto("/sign-in")
    tried = """sink => { try { sink() } catch (error) { return error.name } return 'let through' }"""
    for sink in (
        "() => { document.createElement('script').src = 'data:,1' }",
        "() => { document.createElement('script').textContent = '1' }",
        "() => { trustedTypes.createPolicy('other', {}) }",
    ):
        assert page.evaluate(f"({tried})({sink})") == "TypeError", sink
    page.context.close()
