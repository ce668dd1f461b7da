"""Lists of clusters through the API: search, filters, order, count, pages, and every mistake in one answer."""

from typing import Any

import pytest
from tests.integration.api_fixtures import Api, errors

from navarch.domain.errors import Responsible
from navarch.domain.status import Condition, Phase, Status

pytestmark = pytest.mark.postgres


def judged(api: Api, name: str, status: Status, **spec: Any) -> None:
    """A cluster of which a worker has written this."""
    made = api.create(name, **spec)
    claim = api.claim(made["id"])
    api.store.record(made["id"], claim.token, status, look_again_after=3600)


@pytest.fixture
def three(api: Api) -> Api:
    """shop is Ready, lab is Blocked by its user and older, workshop is being made."""
    condition = Condition("Ready", "False", "QuotaExceeded", "no room", Responsible.USER.value, "raise it")
    judged(api, "shop", Status(Phase.READY, kubernetes_version="1.37.2"))
    judged(api, "lab", Status(Phase.BLOCKED, conditions=(condition,)), kubernetes_version="1.36.9")
    api.post("/clusters", {"name": "workshop", "labels": {"team": "lab"}})
    return api


def listed(api: Api, query: str) -> list[str]:
    answer = api.get(f"/clusters?{query}")
    assert answer.status_code == 200, answer.text
    return [cluster["name"] for cluster in answer.json()["clusters"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["shop", "lab", "workshop"]),
        ("sort=-created", ["workshop", "lab", "shop"]),
        ("sort=name", ["lab", "shop", "workshop"]),
        ("sort=version", ["lab", "shop", "workshop"]),
        ("search=SHOP", ["shop", "workshop"]),
        ("search=lab", ["lab", "workshop"]),
        ("search=shop%20team=lab", ["workshop"]),
        ("phase=Blocked", ["lab"]),
        ("phase=Blocked&phase=Ready&sort=-phase", ["shop", "lab"]),
        ("kubernetes_version=1.36", ["lab"]),
        ("responsible=user", ["lab"]),
        ("responsible=cloud-operator", []),
        ("phase=Progressing&label=team=lab", ["workshop"]),
    ],
)
def test_lists_are_searched_filtered_and_ordered(three: Api, query: str, names: list[str]) -> None:
    assert listed(three, query) == names
    assert three.get(f"/clusters?{query}").json()["total"] == len(names)


def test_pages_keep_what_was_asked_for_and_count_everything(three: Api) -> None:
    first = three.get("/clusters?sort=-name&search=o&limit=1").json()
    assert ([c["name"] for c in first["clusters"]], first["total"]) == (["workshop"], 2)
    second = three.get(first["next"]).json()
    assert ([c["name"] for c in second["clusters"]], second["total"], second["next"]) == (["shop"], 2, None)


def test_a_page_has_fifty_where_nobody_says_how_many(api: Api) -> None:
    for number in range(51):
        api.create(f"c{number}", node_groups=[])
    page = api.get("/clusters").json()
    assert (len(page["clusters"]), page["total"]) == (50, 51)


def test_another_projects_clusters_are_neither_listed_nor_counted(three: Api) -> None:
    answer = three.as_("bea").get("/clusters?search=shop").json()
    assert (answer["clusters"], answer["total"]) == ([], 0)
    assert three.as_("root").get("/clusters?search=shop&all_projects=true").json()["total"] == 2


def test_every_mistake_is_told_in_one_answer(api: Api) -> None:
    query = "sort=size&phase=blocked&phase=Ready&kubernetes_version=new&responsible=me&label=x&search=%00&limit=0"
    answer = api.get(f"/clusters?{query}")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:navarch:problem:malformed")
    assert set(errors(answer)) == {
        "query.sort", "query.phase.0", "query.kubernetes_version.0", "query.responsible.0", "query.label.0",
        "query.search", "query.limit",
    }  # fmt: skip
    assert "'-created'" in errors(answer)["query.sort"]
    assert "'Blocked'" in errors(answer)["query.phase.0"]
    assert errors(answer)["query.label.0"] == "must be key=value"
