"""The console on the lab, in a real browser. Cluster `three` was asked for there, by the form of a new cluster
(conftest.py)."""

import pytest
from demo.customer import SHOP, Kubectl, Shop
from demo.steps import until
from demo.story import kubectl_program
from playwright.sync_api import expect
from tests.browser.stage import PATIENCE_MS
from tests.e2e.browser import signed_in
from tests.e2e.clusters import Cluster

pytestmark = pytest.mark.timeout(600)


def test_a_cluster_made_in_the_browser_runs_an_application_that_is_seen_there(three: Cluster) -> None:
    cluster = f"/clusters/{three.shown()['id']}"
    file = three.customer.folder / "of-the-browser.kubeconfig"
    with signed_in(three.customer) as page:
        page.goto(cluster)
        expect(page.locator("#head .badge")).to_have_text("Ready", timeout=PATIENCE_MS)
        expect(page.locator("#machines .machine.good")).to_have_count(4)
        expect(page.locator("#picture")).not_to_contain_text("shop/web")
        page.goto(f"{cluster}/kubeconfig")
        with page.expect_download() as downloaded:
            page.get_by_role("button", name="Download").click()
        downloaded.value.save_as(file)
        kubectl = Kubectl(kubectl_program(), file)
        shop = Shop(kubectl)
        try:
            shop.deploy()
            shop.wait()
            address = shop.address()
            shop.write(address, "seen in the browser")

            def named() -> bool:
                """The page of the deletion has a worker look at the cloud."""
                page.goto(f"{cluster}/delete")
                rows = page.locator(".objects tbody tr").all_text_contents()
                claims = [row for row in rows if "claim shop/guest-book" in row and "1 GiB" in row]
                services = [row for row in rows if "Service shop/web" in row]
                return len(claims) == 1 and any(address in row for row in services)

            until("the claim's volume and the Service's balancer stand on the page", named, seconds=60)
            page.goto(cluster)
            expect(page.locator("#picture .balancer", has_text="shop/web")).to_contain_text(address)
            expect(page.locator("#picture .claim", has_text="shop/guest-book")).to_be_visible()
        finally:
            kubectl.run("delete", "-f", str(SHOP), "--ignore-not-found", "--timeout=120s")

        def gone() -> bool:
            page.goto(f"{cluster}/delete")
            return page.locator(".objects tbody tr").count() == 0

        until("what the application had in the cloud is gone, and no longer named", gone, seconds=120)
    file.unlink()
