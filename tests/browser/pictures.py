"""The pictures of docs/guide/console.md: `make console-pictures`."""

import argparse
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
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

from navarch.bootstrap.kubelet import NODE_GROUP_LABEL
from navarch.playground.region import Playground
from navarch.simulator.client import Simulator
from navarch.simulator.pods import Workload

_FOLDER = Path(__file__).parents[2] / "docs" / "guide" / "images"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=_FOLDER)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with playground() as made, chromium() as browser:
        shop, older = _world(browser, made)
        for dark in (False, True):
            page = opened(browser, made, dark=dark)
            _take(page, made, folder, (shop, older), "dark" if dark else "light")
            page.context.close()
        page = opened(browser, made, width=390)
        sign_in(page, made)
        _picture(page, folder / "console-phone.png", "/clusters")
        page.set_viewport_size({"width": 390, "height": 2200})  # what is below are lists, as the ones above
        _picture(page, folder / "console-phone-cluster.png", shop, whole=False)
        page.context.close()
        page = opened(browser, made)
        sign_in(page, made)
        prefer(page, language="ru")
        _picture(page, folder / "console-cluster-ru.png", shop, whole=False)
        prefer(page, language="")


def _world(browser: Browser, made: Playground) -> tuple[str, str]:
    """Some clusters; gives the pages of the one that is shown, and of one that can be upgraded."""
    page = opened(browser, made)
    sign_in(page, made)
    shop = create(page, "shop", control_plane="3", count="4")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    fill(page, made, shop, services=2, claims=3)
    issue_kubeconfig(page, shop)
    install(page, shop, "headroom")
    install(page, shop, "monitoring")
    _replace_machines(page, shop)
    create(page, "staging")
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    page.locator("#do-pause").click()
    page.get_by_role("button", name="Pause").click()
    page.wait_for_url("**/clusters/*")
    _want_more_machines_than_there_may_be(page, made, _scaled(shop))
    older = create(page, "reports", version="1.36.9")
    page.context.close()
    return shop, older


def _scaled(cluster: str) -> str:
    """The page of autoscaling of the group that has it."""
    return f"{cluster}/groups/jobs/autoscaling"


def _want_more_machines_than_there_may_be(page: Page, made: Playground, address: str) -> None:
    """A group that grew to its limit, with pods that still wait."""
    cluster = address.partition("/groups/")[0]
    page.goto(f"{cluster}/groups/new")
    page.locator("[id='g0.name']").fill("jobs")
    page.locator("[id='g0.replicas']").fill("1")
    page.locator("[id='g0.autoscaling.min']").fill("0")
    page.locator("[id='g0.autoscaling.max']").fill("2")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url(f"**{cluster}")
    pods = Workload("render", 9, requests=(("cpu", 800),), node_selector=((NODE_GROUP_LABEL, "jobs"),))
    Simulator(str(made.socket)).deploy(cluster.rpartition("/")[2], pods)
    page.goto(address)
    expect(page.locator("#thoughts")).to_contain_text("default/render", timeout=2 * PATIENCE_MS)
    page.goto(cluster)
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=2 * PATIENCE_MS)


def _replace_machines(page: Page, cluster: str) -> None:
    """One of each kind by somebody's wish: the page of machines that went has something to tell."""
    for kind in ("control", "worker"):
        page.goto(cluster)
        machine = page.locator(f"#machines .machine.{kind} .machine-name").first.text_content() or ""
        page.goto(f"{cluster}/machines/{machine}/delete")
        page.locator("input[name=then][value=another]").check()
        page.get_by_role("button", name="Remove", exact=True).click()
        page.wait_for_url(cluster)
        expect(page.locator("#head .badge")).not_to_have_text("Ready", timeout=PATIENCE_MS)
        expect(page.locator("#head .badge")).to_have_text("Ready", timeout=2 * PATIENCE_MS)


def _take(page: Page, made: Playground, folder: Path, clusters: tuple[str, str], theme: str) -> None:
    shop, older = clusters
    page.goto("/sign-in")
    page.screenshot(path=folder / f"console-sign-in-{theme}.png")
    sign_in(page, made)
    _picture(page, folder / f"console-list-{theme}.png", "/clusters")
    page.goto("/clusters/new")
    page.get_by_label("Name", exact=True).fill("orders")
    page.get_by_text("More", exact=True).click()
    page.locator("input[name=control_plane][value='3']").check()
    page.locator("[id='g0.replicas']").fill("6")
    page.locator("input[name=addons][value=headroom]").check()
    page.locator("#addon-headroom summary").first.click()
    page.get_by_label("Places").fill("4")
    expect(page.locator("#plan")).to_contain_text("6 × m1.small")
    expect(page.locator("#plan")).to_contain_text("Headroom")
    page.screenshot(path=folder / f"console-create-{theme}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 1080})
    _picture(page, folder / f"console-cluster-{theme}.png", shop, whole=False)
    if not page.locator("#timeline svg").is_visible():
        page.locator("#timeline summary").click()
    page.locator("#timeline").screenshot(path=folder / f"console-timeline-{theme}.png")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{shop}/groups/default/scale")
    page.locator("#count").fill("8")
    expect(page.locator("#plan")).to_contain_text("Machines created")
    page.screenshot(path=folder / f"console-scale-{theme}.png")
    page.goto(older)
    expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
    _picture(page, folder / f"console-upgrade-{theme}.png", f"{older}/upgrade?to=1.37.2")
    _picture(page, folder / f"console-delete-{theme}.png", f"{shop}/delete")
    _picture(page, folder / f"console-kubeconfig-{theme}.png", f"{shop}/kubeconfig")
    _picture(page, folder / f"console-repairs-{theme}.png", f"{shop}/repairs")
    _picture(page, folder / f"console-figures-{theme}.png", f"{shop}/figures?range=24h", whole=False)
    _picture(page, folder / f"console-workloads-{theme}.png", f"{shop}/workloads")
    page.goto(f"{shop}/groups/default/change")
    page.locator("[id='g0.autoscaling.min']").fill("2")
    page.locator("[id='g0.autoscaling.max']").fill("8")
    expect(page.locator("#plan")).to_contain_text("spec.autoscaling")
    page.screenshot(path=folder / f"console-group-{theme}.png", full_page=True)
    _picture(page, folder / f"console-autoscaling-{theme}.png", _scaled(shop))
    _picture(page, folder / f"console-catalogue-{theme}.png", "/catalogue")
    _picture(page, folder / f"console-entry-{theme}.png", f"/catalogue/monitoring?for={shop.rpartition('/')[2]}")
    _picture(page, folder / f"console-addons-{theme}.png", f"{shop}/addons")
    _picture(page, folder / f"console-addon-{theme}.png", f"{shop}/addon/headroom")
    page.goto(f"{shop}/addon/headroom/change")
    page.locator("[id='values.replicas']").fill("3")
    expect(page.locator("#plan")).to_contain_text("spec.replicas")
    page.screenshot(path=folder / f"console-addon-change-{theme}.png", full_page=True)
    _picture(page, folder / f"console-settings-{theme}.png", f"{shop}/settings")
    _picture(page, folder / f"console-quota-{theme}.png", "/quota")
    _picture(page, folder / f"console-account-{theme}.png", "/account")


def _picture(page: Page, path: Path, address: str, *, whole: bool = True) -> None:
    page.goto(address)
    page.wait_for_timeout(700)  # until the stream has brought its first pictures
    page.screenshot(path=path, full_page=whole)


if __name__ == "__main__":
    main()
