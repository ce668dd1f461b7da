"""What a person does in the console, in a real browser. Whatever the browser complains of fails a test."""

from collections.abc import Iterator

import pytest
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from playwright.sync_api import Browser, Page, Route, expect
from tests.browser.stage import PATIENCE_MS, chromium, create, fill, opened, playground, sign_in, signed_in

from navarch.playground.region import Playground

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def region() -> Iterator[Playground]:
    with playground() as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, region: Playground) -> Iterator[Page]:
    with signed_in(browser, region, refusals=True) as made:
        yield made


def test_from_signing_in_to_a_ready_cluster_by_two_clicks_and_a_name(page: Page) -> None:
    page.get_by_role("link", name="Create a cluster").first.click()
    page.get_by_label("Name", exact=True).fill("first")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(lambda url: not url.endswith("/new"))
    page.evaluate("window.notReloaded = true")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    expect(page.locator("#machines .machine.good")).to_have_count(3)
    expect(page.locator("#picture .box.good")).to_have_count(3)
    expect(page.locator("#timeline svg")).to_be_visible()
    assert page.evaluate("window.notReloaded"), "it became Ready on the page that was open"


def test_what_was_opened_and_has_the_focus_survives_what_is_new(page: Page) -> None:
    create(page, "steady")
    page.locator("#do-kubeconfig").focus()
    page.locator("#machines details").first.wait_for()
    page.locator("#machines details summary").first.click()
    opened_one = page.locator("#machines details").first.get_attribute("id")
    page.locator("#do-kubeconfig").focus()
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    assert page.evaluate("document.activeElement.id") == "do-kubeconfig"
    assert page.evaluate("id => document.getElementById(id).open", opened_one)


def test_the_plan_follows_what_is_typed_and_the_change_is_seen_in_the_list(
    page: Page, browser: Browser, region: Playground
) -> None:
    address = create(page, "grows")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    watching = opened(browser, region)
    sign_in(watching, region)
    row = watching.locator("tr", has_text="grows")
    expect(row).to_contain_text("3/3")
    page.goto(f"{address}/groups/default/scale")
    page.locator("#count").fill("4")
    expect(page.locator("#plan")).to_contain_text("Machines created")
    page.get_by_role("button", name="Scale", exact=True).click()
    expect(row).to_contain_text("5/5", timeout=PATIENCE_MS)
    watching.context.close()


def test_a_search_swaps_the_list_and_its_address(page: Page) -> None:
    create(page, "needle")
    create(page, "hay")
    page.goto("/clusters")
    page.locator("#search").press_sequentially("needle", delay=20)
    expect(page.locator("#results tbody tr")).to_have_count(1)
    assert "search=needle" in page.url
    assert page.evaluate("document.activeElement.id") == "search"
    page.reload()
    expect(page.locator("#results tbody tr")).to_have_count(1)


def test_new_clusters_are_offered_and_rows_do_not_move(page: Page, browser: Browser, region: Playground) -> None:
    create(page, "before")
    page.goto("/clusters")
    rows = page.locator("#results tbody tr")
    shown = rows.count()
    other = opened(browser, region)
    sign_in(other, region)
    create(other, "after")
    other.context.close()
    expect(page.locator("#new")).to_be_visible()
    assert rows.count() == shown
    page.locator("#new a").click()
    expect(rows).to_have_count(shown + 1)


def test_every_error_is_told_and_the_summary_has_the_focus(page: Page) -> None:
    page.goto("/clusters/new")
    page.get_by_label("Name", exact=True).fill("Not a name!")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator("#name-error")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "errors"
    expect(page.get_by_label("Name", exact=True)).to_have_value("Not a name!")


def test_signing_out_in_one_tab_takes_the_other_along(page: Page, region: Playground) -> None:
    other = page.context.new_page()
    other.goto("/clusters/new")
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_url("**/sign-in")
    page.bring_to_front()
    page.wait_for_url("**/sign-in**", timeout=PATIENCE_MS)


def test_an_application_credential_opens_its_project(browser: Browser, region: Playground) -> None:
    auth = v3.Password(
        auth_url=region.auth_url, username="alpha", password=region.password(), user_domain_name="Default",
        project_name="alpha", project_domain_name="Default",
    )  # fmt: skip
    session = Session(auth=auth, verify=str(region.keys / "ca.crt"))
    wanted = {"application_credential": {"name": "console", "roles": [{"name": "member"}]}}
    address = f"{region.auth_url}/users/{session.get_user_id()}/application_credentials"
    made = session.post(address, json=wanted).json()["application_credential"]
    page = opened(browser, region)
    page.goto("/sign-in")
    page.get_by_text("With an application credential").click()
    page.get_by_label("Id of the credential").fill(made["id"])
    page.get_by_label("Its secret").fill(made["secret"])
    page.get_by_role("button", name="Sign in").last.click()
    page.wait_for_url("**/clusters")
    expect(page.locator(".project")).to_have_text("Project alpha")
    page.context.close()


def test_a_stream_of_another_projects_cluster_tells_as_little_as_one_of_none(
    page: Page, browser: Browser, region: Playground
) -> None:
    other = opened(browser, region)
    sign_in(other, region, "beta")
    theirs = create(other, "theirs")
    said = [page.request.get(f"{path}/stream") for path in (theirs, "/clusters/00000000-0000-4000-8000-000000000000")]
    assert said[0].status == said[1].status
    assert said[0].text() == said[1].text()
    assert "theirs" not in said[0].text()
    other.context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_screen(page: Page, width: int) -> None:
    address = create(page, f"wide-{width}-and-of-forty-characters-in-all"[:40])
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("/clusters", "/clusters/new", address, f"{address}/delete", f"{address}/kubeconfig"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_an_upgrade_shows_its_plan_and_each_machine_on_its_way(page: Page) -> None:
    address = create(page, "older", version="1.36.9")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    expect(page.locator("#head .strip")).to_contain_text("1.36.9")
    page.goto(f"{address}/upgrade")
    page.get_by_role("link", name="Show the plan").first.click()
    expect(page.locator(".chosen")).to_contain_text("Machines replaced")
    page.get_by_role("button", name="Upgrade to 1.37.2").click()
    page.wait_for_url(lambda url: not url.endswith("/upgrade"))
    expect(page.locator("#machines")).to_contain_text("1.36.9 → 1.37.2")
    page.goto(f"{address}/upgrade")
    expect(page.get_by_role("heading", name="Back to 1.36.9")).to_be_visible()
    page.goto(address)
    expect(page.locator("#machines .machine", has_text="1.36.9")).to_have_count(0, timeout=3 * PATIENCE_MS)
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    expect(page.locator("#head .strip")).to_contain_text("1.37.2")
    page.goto(f"{address}/repairs")
    # The workers, and the place of the control plane, which keeps its name: of it the timeline tells.
    expect(page.locator("tbody tr", has_text="rollout")).to_have_count(3)


def test_what_services_and_claims_have_comes_into_the_picture_and_is_named_before_a_deletion(
    page: Page, browser: Browser, region: Playground
) -> None:
    address = create(page, "full")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    expect(page.locator("#picture")).not_to_contain_text("default/web")
    page.evaluate("window.notReloaded = true")
    other = opened(browser, region)
    sign_in(other, region)
    fill(other, region, address, services=1, claims=1)
    expect(other.locator("tbody tr", has_text="claim default/data")).to_contain_text("goes, unless you keep it")
    expect(other.locator("tbody tr", has_text="Service default/web").first).to_contain_text("goes")
    other.context.close()
    expect(page.locator("#picture .balancer", has_text="default/web")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#picture .claim", has_text="default/data")).to_be_visible()
    expect(page.locator("#objects tbody tr")).to_have_count(3)  # a volume, a balancer, its public address
    assert page.evaluate("window.notReloaded"), "it came into the page that was open"
    page.goto(f"{address}/delete")
    page.get_by_text("Keep the volumes of claims").click()
    page.get_by_label("Type the cluster's name").fill("full")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("#head .badge")).to_have_text("Deleting", timeout=PATIENCE_MS)
    page.wait_for_url("**/clusters", timeout=2 * PATIENCE_MS)  # it is gone, its volume kept


def test_a_plan_says_what_it_costs_and_keeps_open_what_was(page: Page) -> None:
    page.goto("/clusters/new")
    expect(page.locator("#plan")).to_contain_text("EUR a month")
    page.locator("#plan-price summary").click()
    before = page.locator("#plan .price").text_content()
    page.get_by_text("More", exact=True).click()
    page.locator("[id='g0.replicas']").fill("5")  # and no name yet: the plan does not wait for one, nor ask for it
    expect(page.locator("#plan .price")).not_to_have_text(str(before))
    assert page.evaluate("document.activeElement.id") == "g0.replicas"
    expect(page.locator("#plan-price table")).to_be_visible()


def test_limits_are_a_range_whose_handles_move_the_fields_and_the_plan(page: Page) -> None:
    address = create(page, "elastic")
    page.goto(f"{address}/groups/default/autoscaling")
    least, most = (page.locator(f"[id='g0.autoscaling.{end}']") for end in ("min", "max"))
    low, high = (page.get_by_label(f"At {end}, as a slider") for end in ("least", "most"))
    most.fill("4")
    expect(high).to_have_value("4")
    low.focus()
    page.keyboard.press("ArrowRight")
    expect(least).to_have_value("1")
    for _ in range(2):
        high.press("ArrowRight")
    expect(most).to_have_value("6")
    low.fill("9")  # as far as the other one
    expect(least).to_have_value("6")
    low.fill("1")
    expect(page.locator("#plan")).to_contain_text("spec.autoscaling")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.locator("figure.limits")).to_contain_text("between 1 and 6")
    expect(high).to_have_value("6")


def test_an_answer_that_comes_late_does_not_take_the_place_of_a_newer_one(page: Page) -> None:
    address = create(page, "slowly")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    page.goto(f"{address}/groups/default/scale")
    asked: list[str] = []

    def delay(route: Route) -> None:
        asked.append(str(route.request.post_data))
        answer = route.fetch()
        if len(asked) == 1:
            page.wait_for_timeout(2500)
        route.fulfill(response=answer)

    page.route("**/plan", delay)
    page.locator("#count").fill("4")
    page.wait_for_timeout(700)
    page.locator("#count").fill("6")
    expect(page.locator("#plan")).to_contain_text("default-6", timeout=PATIENCE_MS)
    page.wait_for_timeout(3000)
    expect(page.locator("#plan")).to_contain_text("default-6")
    assert len(asked) == 2


def test_of_two_people_at_once_the_second_sees_what_the_first_did(
    page: Page, browser: Browser, region: Playground
) -> None:
    address = create(page, "shared")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    other = opened(browser, region)
    sign_in(other, region)
    for each in (page, other):
        each.goto(f"{address}/groups/default/scale")
    other.locator("#count").fill("3")
    other.get_by_role("button", name="Scale", exact=True).click()
    other.wait_for_url(lambda url: not url.endswith("/scale"))
    other.context.close()
    page.locator("#count").fill("4")
    page.get_by_role("button", name="Scale", exact=True).click()
    expect(page.locator("#errors")).to_contain_text("Somebody changed it meanwhile")
    expect(page.locator("#errors tbody tr", has_text="replicas").locator("td")).to_have_text(["2", "3", "4"])


def test_a_seventh_tab_opens_where_the_others_are_hidden(page: Page) -> None:
    """Browsers open six connections to a host by HTTP/1.1, and each page holds one while it is seen."""
    hide = """() => {
        Object.defineProperty(document, 'hidden', { value: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    for _ in range(6):
        tab = page.context.new_page()
        with tab.expect_request("**/stream*"):
            tab.goto("/clusters")
        tab.evaluate(hide)
    seventh = page.context.new_page()
    with seventh.expect_response("**/stream*"):
        seventh.goto("/clusters", timeout=PATIENCE_MS)
    expect(seventh.locator("h1")).to_contain_text("Clusters")


def test_a_console_that_starts_anew_has_its_pages_back_by_themselves(page: Page, region: Playground) -> None:
    create(page, "patient")
    page.evaluate("window.notReloaded = true")
    region.kill("console")
    try:
        expect(page.locator("#notice")).to_be_visible(timeout=PATIENCE_MS)
    finally:
        region.start_process("console")
    # The page asks again after one, two, four … thirty seconds at most.
    expect(page.locator("#notice")).to_be_hidden(timeout=3 * PATIENCE_MS)
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    assert page.evaluate("window.notReloaded")


def test_an_api_that_is_away_leaves_the_last_picture_and_says_so(page: Page, region: Playground) -> None:
    create(page, "lasting")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    (name,) = [name for name in region.names if name.startswith("api")]
    region.kill(name)
    try:
        expect(page.locator("#notice")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator("#notice")).to_contain_text("What you see is of")
        expect(page.locator("#notice")).to_contain_text("UTC")
        expect(page.locator("#head .badge")).to_have_text("Ready")
        expect(page.locator("#picture svg.drawing")).to_be_visible()
    finally:
        region.start_process(name)
    expect(page.locator("#notice")).to_be_hidden(timeout=PATIENCE_MS)
