"""In which order an add-on is brought into a cluster, and what of an earlier one goes. Its chart is rendered by a
double."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from tests.unit.addons.sample_inputs import STEM, cluster, holders, inputs, release
from tests.unit.addons.sparse import Sparse

from navarch.addons import applying, catalogue, errors, objects
from navarch.addons.connection import Connection
from navarch.addons.contract import Inputs
from navarch.addons.errors import Absent, Exists
from navarch.addons.observing import _addon
from navarch.addons.rendering import ADDON_LABEL, Rendering
from navarch.domain.errors import Permanent, Temporary

OLD = release("1.36.3")
DAEMON_SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"
OLD_PROXY, PROXY = f"{DAEMON_SETS}/kube-proxy-v1-36-3", f"{DAEMON_SETS}/kube-proxy-v1-37-2"
WORKER = f"{STEM}-default-1"
BOTH = inputs(holders=(*holders(control_plane=1), *holders(workers=2, of=OLD)))


RENDERER = Sparse()
RENDERING = Rendering(RENDERER)


@dataclass
class Api:
    """Objects by path, and what was asked, in order. `breaks_at`: the path that nobody answers for."""

    there: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    breaks_at: str = ""

    def get(self, path: str) -> dict[str, Any]:
        if path not in self.there:
            raise Absent
        return self.there[path]

    def create(self, collection: str, made: dict[str, Any]) -> None:
        path = f"{collection}/{made['metadata']['name']}"
        if path in self.there:
            raise Exists
        self.apply(path, made)

    def apply(self, path: str, made: Mapping[str, Any]) -> None:
        if path == self.breaks_at:
            raise Temporary("no answer")
        self.asked.append(("apply", path))
        self.there[path] = {**made, "metadata": {**made["metadata"], "uid": f"uid-{path}"}}

    def merge(self, path: str, change: Mapping[str, Any]) -> None:
        self.asked.append(("merge", path))
        seen = self.get(path)
        seen.setdefault("data", {}).update(change.get("data", {}))
        seen["metadata"].setdefault("labels", {}).update(change.get("metadata", {}).get("labels", {}))

    def delete(self, path: str, *, uid: str) -> None:
        assert self.there.pop(path)["metadata"]["uid"] == uid
        self.asked.append(("delete", path))

    def list(self, path: str, **_: Any) -> list[Any]:
        return []


def applied(api: Api, of: Inputs, name: str = "kube-proxy") -> list[tuple[str, str]]:
    """What was asked, without the notes."""
    api.asked.clear()
    applying.apply(cast(Connection, api), RENDERING.rendered(catalogue.package(name), of))
    return [asked for asked in api.asked if asked[1] != applying.NOTES_PATH]


def agents(api: Api) -> set[str]:
    return {path for path in api.there if path.startswith(DAEMON_SETS)}


def test_what_is_applied_again_is_not_rendered_again_and_other_values_are() -> None:
    of = inputs(api_address="10.0.0.77")
    before = RENDERER.rendered
    first, second = (RENDERING.rendered(catalogue.package("kube-proxy"), of) for _ in range(2))
    assert RENDERER.rendered == before + 1
    assert first == second and first.objects[1] is not second.objects[1]
    RENDERING.rendered(catalogue.package("kube-proxy"), inputs(api_address="10.0.0.78"))
    assert RENDERER.rendered == before + 2


def test_what_has_secrets_in_it_is_not_kept() -> None:
    before = RENDERER.rendered
    for _ in range(2):
        RENDERING.rendered(catalogue.package("cloud-controller"), inputs())
    assert RENDERER.rendered == before + 2


def test_where_images_are_lacking_nothing_is_rendered() -> None:
    before = RENDERER.rendered
    with pytest.raises(Permanent) as refused:
        RENDERING.rendered(catalogue.package("calico"), inputs(cluster=cluster(of=release(calico=""))))
    assert (refused.value.reason, RENDERER.rendered) == ("ImageIncomplete", before)


def test_without_a_renderer_nothing_is_applied_and_it_is_said_who_must_act() -> None:
    with pytest.raises(Permanent) as refused:
        Rendering(None).rendered(catalogue.package("kube-proxy"), inputs())
    assert refused.value.reason == "RendererMissing"


def test_agents_of_a_release_come_with_it_and_go_with_its_last_machine() -> None:
    api = Api()
    applied(api, inputs(cluster=cluster(of=OLD), holders=holders(control_plane=1, workers=2, of=OLD)))
    assert agents(api) == {OLD_PROXY}
    applied(api, BOTH)
    assert agents(api) == {OLD_PROXY, PROXY}
    asked = applied(api, inputs())
    assert agents(api) == {PROXY}
    assert ("delete", OLD_PROXY) in asked


def test_who_took_our_label_off_an_agent_keeps_it() -> None:
    api = Api()
    applied(api, BOTH)
    del api.there[OLD_PROXY]["metadata"]["labels"][ADDON_LABEL]
    applied(api, inputs())
    assert agents(api) == {OLD_PROXY, PROXY}


def test_two_agents_of_a_kind_never_share_a_machine() -> None:
    """Before agents had versions in their names there was one, for all nodes."""
    former = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "kube-proxy", "namespace": "kube-system"},
    }
    former["metadata"] |= {"labels": {ADDON_LABEL: "kube-proxy"}, "uid": "u"}  # type: ignore[operator]
    path = objects.path(former)
    notes = {"metadata": {}, "data": {"kube-proxy": "d", "kube-proxy.objects": path}}
    node: dict[str, Any] = {"metadata": {"name": WORKER, "labels": {}}}
    api = Api({path: former, applying.NOTES_PATH: notes, f"/api/v1/nodes/{WORKER}": node})
    label = {"component.navarch.io/kubernetes": "v1.37.2"}
    asked = applied(api, inputs(unlabelled={WORKER: label, "gone": label}))
    labelled, gone, made = (
        asked.index(a) for a in (("merge", f"/api/v1/nodes/{WORKER}"), ("delete", path), ("apply", PROXY))
    )
    assert labelled < gone < made
    assert node["metadata"]["labels"] == label


def test_what_was_made_before_it_broke_is_found_again() -> None:
    api = Api(breaks_at=PROXY)
    with pytest.raises(Temporary):
        applied(api, BOTH)
    assert "kube-proxy" not in api.there[applying.NOTES_PATH]["data"]
    assert agents(api) <= {OLD_PROXY}
    api.there[OLD_PROXY] = {"metadata": {"labels": {ADDON_LABEL: "kube-proxy"}, "uid": "u"}}
    api.breaks_at = ""
    applied(api, inputs())
    assert agents(api) == {PROXY}


def test_what_is_as_it_was_is_noted_once() -> None:
    api = Api()
    applied(api, inputs())
    applied(api, inputs())
    assert [asked for asked in api.asked if asked[1] == applying.NOTES_PATH] == [("merge", applying.NOTES_PATH)]


def test_a_look_takes_what_was_applied_for_what_should_be_there() -> None:
    api = Api()
    applied(api, BOTH)
    notes = api.get(applying.NOTES_PATH)["data"]
    status = {"desiredNumberScheduled": 0, "numberReady": 0, "updatedNumberScheduled": 0}
    there = {path: {**api.there[path], "status": status} for path in agents(api)}
    assert _addon("kube-proxy", notes, there, ()).message == "kube-proxy: no node yet"
    status |= {"desiredNumberScheduled": 1, "numberReady": 1, "updatedNumberScheduled": 1}
    assert _addon("kube-proxy", notes, there, ()).available
    del there[OLD_PROXY]
    assert _addon("kube-proxy", notes, there, ()).message == "kube-proxy-v1-36-3: not there"


@pytest.mark.parametrize(
    "part",
    ["metadata.labels", "metadata.generation", "spec", "spec.template", "spec.template.spec.nodeSelector", "status",
     "status.numberReady", "status.observedGeneration"],
)  # fmt: skip
@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, [7], {"a": [1]}, {"spec": 7}], ids=str)
def test_whatever_shape_a_workload_has_it_is_understood_or_told_as_trouble(part: str, odd: Any) -> None:
    made: dict[str, Any] = {
        "metadata": {"name": "kube-proxy-v1-37-2", "labels": {"navarch.io/agent": "kube-proxy"}, "generation": 1},
        "spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 1, "numberReady": 1, "updatedNumberScheduled": 1},
    }
    inner, (*way, last) = made, part.split(".")
    for key in way:
        inner = inner[key]
    inner[last] = odd
    try:
        with errors.understanding("GET"):
            seen = _addon("kube-proxy", {"kube-proxy": "digest", "kube-proxy.objects": PROXY}, {PROXY: made}, ())
    except Temporary:
        return
    assert seen.name == "kube-proxy"
