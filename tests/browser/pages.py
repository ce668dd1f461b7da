"""Every page of the console, and what axe-core says of one."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

# WCAG 2.2, levels A and AA, and what axe-core holds to be good practice.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def addresses(cluster: str, machine: str, revoke: str, addon: str) -> list[str]:
    """Every page that somebody who is signed in can open, of a cluster at `cluster` that has a worker `machine`, a
    kubeconfig that is revoked at `revoke`, and an add-on of the entry `headroom` at `addon`."""
    return [
        "/clusters",
        "/clusters/new",
        "/quota",
        "/account",
        "/projects",
        cluster,
        f"{cluster}/upgrade",
        f"{cluster}/settings",
        f"{cluster}/kubeconfig",
        revoke,
        f"{cluster}/figures",
        f"{cluster}/figures?range=7d",
        f"{cluster}/workloads",
        f"{cluster}/addons",
        f"{cluster}/catalogue/headroom",
        f"{cluster}/catalogue/registry",
        addon,
        f"{addon}/change",
        f"{addon}/upgrade",
        f"{addon}/remove",
        f"{cluster}/repairs",
        f"{cluster}/delete",
        f"{cluster}/groups/new",
        f"{cluster}/groups/default/scale",
        f"{cluster}/groups/default/autoscaling",
        f"{cluster}/groups/default/change",
        f"{cluster}/groups/default/delete",
        f"{cluster}/machines/{machine}/delete",
        f"{cluster}/switch/stop",
        "/catalogue",
        "/catalogue/monitoring",
        f"/catalogue/headroom?for={cluster.rpartition('/')[2]}",
    ]


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page as it is: rule and element."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(_axe())  # by the debugger, whose scripts no policy of the page holds back
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", _RULES
    )
    return [f"{v['id']}: {node['target']} {node['failureSummary']}" for v in found["violations"] for node in v["nodes"]]


def _axe() -> str:
    vendored = sorted((Path(__file__).parent / "vendor").glob("axe-core-*.min.js"))
    if not vendored:
        raise RuntimeError("axe-core is needed: scripts/console-assets")
    return vendored[-1].read_text()
