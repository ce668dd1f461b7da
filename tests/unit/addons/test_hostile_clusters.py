"""What a cluster's API server may do to Navarch: nothing. Where a bound is missing, these tests hang or run out."""

import gzip
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.addons.hostile_server import NOW, Answer, HostileServer, Visit, hostile
from tests.unit.addons.sample_inputs import inputs
from tests.unit.addons.sparse import Sparse

from navarch.addons import client, connection
from navarch.addons.client import KubernetesClusters
from navarch.addons.contract import Asks
from navarch.addons.targets import LABEL
from navarch.bootstrap.kubeconfig import SERVER_NAME
from navarch.domain.catalogue import ChosenSeen, Item
from navarch.domain.errors import Permanent, Temporary
from navarch.domain.steps import MarkNode
from navarch.domain.terms import EventsRule

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
NODES, NOTES = "/api/v1/nodes", "/api/v1/namespaces/kube-system/configmaps/navarch-addons"
NOTHING_ELSE = Asks()
Serve = Callable[..., HostileServer]


@pytest.fixture
def clusters() -> Iterator[KubernetesClusters]:
    with KubernetesClusters(Sparse()) as made:
        yield made


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers that live as long as the test."""
    running: list[Any] = []

    def start(answer: Answer, **options: Any) -> HostileServer:
        made = hostile(answer, tmp_path, **options)
        running.append(made)
        return made.__enter__()

    yield start
    for made in running:
        made.__exit__(None, None, None)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bounds of time, sooner."""
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 1.0)
    monkeypatch.setattr(client, "_LOOK_SECONDS", 2.0)
    monkeypatch.setattr(client, "_CHANGE_SECONDS", 2.0)


def listed(*items: Any, following: str = "") -> bytes:
    return json.dumps({"metadata": {"continue": following}, "items": items}).encode()


def node(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.7"}],
            "nodeInfo": {"kubeletVersion": "v1.37.2"},
            **changes,
        },
    }


def answering(**bodies: bytes) -> Answer:
    """A well-behaved server, but for what is said here: `version`, `nodes`, `notes`, `workloads`."""
    said = {"version": b'{"gitVersion": "v1.37.2"}', "nodes": listed(node("w1")), "notes": b"{}", **bodies}

    def answer(visit: Visit) -> None:
        part = {"/version": "version", NODES: "nodes", NOTES: "notes"}.get(visit.path, "workloads")
        visit.say(said.get(part, listed()))

    return answer


# -- time


def dripping(text: bytes, *, after: bytes = b"") -> Answer:
    """A server that says `text` again and again, slowly, and `after` at once before."""

    def answer(visit: Visit) -> None:
        visit.connection.sendall(after)
        visit.drip(text)

    return answer


def saying_nothing(visit: Visit) -> None:
    visit.ended.wait()


DRIPS: dict[str, Answer] = {
    "a body": dripping(b"1\r\n \r\n", after=CHUNKED),
    "a body of known length": dripping(b" ", after=HEAD + b"Content-Length: 4000000\r\n\r\n"),
    "headers": dripping(b"X-More: 1\r\n", after=HEAD),
    "one header without end": dripping(b"a", after=HEAD + b"X-More: "),
    "the first line": dripping(b"O", after=b"HTTP/1.1 200 "),
    "promises of an answer": dripping(b"HTTP/1.1 102 Processing\r\n\r\n"),
    "nothing": saying_nothing,
}


@pytest.mark.parametrize("what", DRIPS)
def test_a_cluster_that_drips_is_given_up(what: str, serve: Serve, clusters: KubernetesClusters, short: None) -> None:
    server = serve(DRIPS[what])
    with pytest.raises(Temporary, match="no answer in time"):
        clusters.observe(server.access, NOTHING_ELSE)


def test_a_handshake_that_never_ends_is_given_up(serve: Serve, clusters: KubernetesClusters, short: None) -> None:
    server = serve(answering(), silent_handshake=True)
    with pytest.raises(Temporary, match="no answer in time"):
        clusters.observe(server.access, NOTHING_ELSE)


def test_a_look_is_bounded_though_each_of_its_requests_is_answered(
    serve: Serve, clusters: KubernetesClusters, short: None
) -> None:
    def slowly(visit: Visit) -> None:
        visit.ended.wait(0.4)
        visit.say(b'{"gitVersion": "v1.37.2"}' if visit.path == "/version" else listed(following="more"))

    server = serve(slowly)
    with pytest.raises(Temporary, match="no answer in time"):
        clusters.observe(server.access, NOTHING_ELSE)


def test_others_do_not_notice(serve: Serve, clusters: KubernetesClusters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 4.0)

    def dripping_behind_the_version(visit: Visit) -> None:
        if visit.path == "/version":
            visit.say(b'{"gitVersion": "v1.37.2"}')
        else:
            DRIPS["a body"](visit)

    bad, good = serve(dripping_behind_the_version), serve(answering())
    with ThreadPoolExecutor(12) as loops:
        waiting = [loops.submit(clusters.observe, bad.access, NOTHING_ELSE) for _ in range(12)]
        while len(bad.asked) < 12:
            pass  # each of them has begun
        seen = clusters.observe(good.access, NOTHING_ELSE)
        assert not any(call.done() for call in waiting)
        assert seen.version == "1.37.2"
    assert all(isinstance(call.exception(), Temporary) for call in waiting)


@pytest.mark.parametrize("headers", ["", "Connection: close\r\n"], ids=["kept", "closed"])
def test_whose_certificate_answered_is_known_and_when_it_ends(
    serve: Serve, clusters: KubernetesClusters, headers: str
) -> None:
    def answer(visit: Visit) -> None:
        said = {"/version": b'{"gitVersion": "v1.37.2"}', NOTES: b"{}"}.get(visit.path, listed())
        visit.say(said, headers=headers)

    serving = clusters.observe(serve(answer).access, NOTHING_ELSE).serving
    assert serving is not None
    assert serving.names == (SERVER_NAME,)
    assert timedelta(minutes=50) < serving.until - NOW <= timedelta(hours=1)


# -- size


def test_an_answer_without_end_is_not_read(serve: Serve, clusters: KubernetesClusters) -> None:
    def endless(visit: Visit) -> None:
        visit.connection.sendall(CHUNKED)
        visit.pour(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

    server = serve(endless)
    with pytest.raises(Temporary, match="longer than 4 MiB") as refused:
        clusters.observe(server.access, NOTHING_ELSE)
    assert refused.value.reason == "KubernetesAnswersTooMuch"


def test_a_refusal_without_end_is_not_read_either(serve: Serve, clusters: KubernetesClusters) -> None:
    def endless(visit: Visit) -> None:
        visit.connection.sendall(CHUNKED.replace(b"200 OK", b"403 No"))
        visit.pour(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    with pytest.raises(Temporary, match="longer than 4 MiB"):
        clusters.observe(serve(endless).access, NOTHING_ELSE)


def test_what_is_compressed_is_no_answer(serve: Serve, clusters: KubernetesClusters) -> None:
    bomb = gzip.compress(b'{"gitVersion": "' + b"1" * (64 << 20) + b'"}')
    server = serve(lambda visit: visit.say(bomb, headers="Content-Encoding: gzip\r\n"))
    with pytest.raises(Temporary, match="no Kubernetes API"):
        clusters.observe(server.access, NOTHING_ELSE)


VALUES = {
    "lists": b"[" + b"[]," * 1_000_000 + b"0]",
    "objects": b"[" + b"{}," * 1_000_000 + b"0]",
    "numbers": b"[" + b"0," * 1_500_000 + b"0]",
}


@pytest.mark.parametrize("what", VALUES)
def test_an_answer_that_swells_in_memory_is_not_understood(
    what: str, serve: Serve, clusters: KubernetesClusters
) -> None:
    with pytest.raises(Temporary, match="holds more than 100000 values"):
        clusters.observe(serve(answering(nodes=VALUES[what])).access, NOTHING_ELSE)


def test_lists_come_in_pages_and_end(serve: Serve, clusters: KubernetesClusters) -> None:
    server = serve(answering(nodes=listed(*(node(f"w{n}") for n in range(50)), following="more")))
    with pytest.raises(Temporary, match="more than 1000 entries"):
        clusters.observe(server.access, NOTHING_ELSE)
    asked = [line for line in server.asked if NODES in line]
    assert len(asked) == 20
    assert "limit=50" in asked[0]
    assert "continue=more" in asked[1]


def test_requests_for_certificates_are_looked_at_fifty_at_a_time(serve: Serve, clusters: KubernetesClusters) -> None:
    def request(number: int) -> dict[str, Any]:
        return {"metadata": {"name": f"csr-{number}"}, "spec": {"username": "u", "request": "A" * 100_000}}

    server = serve(lambda visit: visit.say(listed(*map(request, range(30)), following="more")))
    found = clusters.serving_requests(server.access)
    assert len(found) == 50
    assert len(server.asked) == 2
    assert all(len(each.request) <= 16 * 1024 for each in found)


# -- lies


SHAPES = [
    b"", b"null", b"[]", b"7", b'"text"', b"{}", b"<html>", b'{"items": null}', b'{"items": 7}', b'{"items": [7]}',
    b'{"items": [{}]}', b'{"items": [{"metadata": []}]}', b'{"items": [{"metadata": {"name": "a"}, "status": 7}]}',
    b'{"items": [{"metadata": {"name": "a"}, "status": {"conditions": {"a": 1}}}]}', b"\xff\xfe", b"[" * 50_000,
    b'{"items": [], "metadata": 7}', b'{"items": [{"metadata": {"name": "a"}, "status": {"addresses": [7]}}]}',
    b"1" * 10_000,
]  # fmt: skip


STATUSES = [201, 204, 301, 302, 304, 400, 401, 403, 404, 409, 410, 418, 422, 429, 500, 599]


def told(call: Callable[[], Any]) -> Any:
    """What it gives; fails where a cluster causes anything but trouble that can be shown."""
    try:
        return call()
    except Temporary as trouble:
        assert len(trouble.message) < 500
        assert trouble.message.isprintable()
        return None


@pytest.mark.parametrize("part", ["version", "nodes", "notes", "workloads"])
def test_whatever_shape_an_answer_has_it_is_understood_or_told_as_trouble(
    part: str, serve: Serve, clusters: KubernetesClusters
) -> None:
    said: dict[str, bytes] = {}
    access = serve(lambda visit: answering(**said)(visit)).access
    for said[part] in SHAPES:
        seen = told(lambda: clusters.observe(access, NOTHING_ELSE))
        assert seen is None or seen.version == "1.37.2"


def test_a_survey_of_whatever_is_answered_says_what_could_not_be_read(
    serve: Serve, clusters: KubernetesClusters
) -> None:
    said: list[bytes] = []

    def answer(visit: Visit) -> None:
        surveyed = any(word in visit.path for word in ("admission", "definitions", "metrics", "dryRun"))
        visit.say(said[-1]) if surveyed else answering()(visit)

    access = serve(answer).access
    for body in SHAPES:
        said.append(body)
        seen = told(lambda: clusters.observe(access, Asks(survey=True)))
        assert seen is not None and seen.obstacles is not None
        assert all(o.reason in ("NotKnown", "StoredVersionNotServed") and not o.blocks for o in seen.obstacles)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_whose_events_cannot_be_read_is_unknown_and_no_other_add_on(
    status: int, serve: Serve, clusters: KubernetesClusters
) -> None:
    def answer(visit: Visit) -> None:
        visit.say(b"{}", status=status) if visit.path == "/api/v1/events" else answering()(visit)

    rule = EventsRule(("RecordError",), "dns", "NamesNotWritten", "user", "Give it the key.")
    asks = Asks(chosen=(("dns", ()), ("web", ())), complaints=(("dns", (rule,)),))
    assert clusters.observe(serve(answer).access, asks).chosen == (ChosenSeen("web"),)


CLAIMS = {
    "nameless": listed({"metadata": {"labels": {"app": "db"}}}),
    "without a uid": listed({"metadata": {"name": "data-db-0", "namespace": "db", "labels": {"app": "db"}}}),
    "labels that are none": listed({"metadata": {"name": "data-db-0", "labels": ["app"]}}),
}


@pytest.mark.parametrize(("body", "status"), [*((body, 200) for body in CLAIMS.values()), (b"{}", 404)])
def test_whose_claims_are_not_understood_is_looked_at_all_the_same(
    body: bytes, status: int, serve: Serve, clusters: KubernetesClusters
) -> None:
    made = {
        "metadata": {"name": "db", "namespace": "db", "uid": "u", "labels": {LABEL: "db"}},
        "spec": {"selector": {"matchLabels": {"app": "db"}}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
        "status": {"observedGeneration": 1, "readyReplicas": 1},
    }

    def answer(visit: Visit) -> None:
        if visit.path == "/apis/apps/v1/statefulsets":
            visit.say(listed(made))
        elif visit.path.endswith("/persistentvolumeclaims"):
            visit.say(body, status=status)
        else:
            answering()(visit)

    items = (Item("apps", "StatefulSet", "db", "db", "v1", "statefulsets", uid="u"),)
    asks = Asks(chosen=(("db", items),), beside=("db",))
    assert clusters.observe(serve(answer).access, asks).chosen == (ChosenSeen("db"),)


def test_the_same_of_whatever_else_is_asked(serve: Serve, clusters: KubernetesClusters) -> None:
    said: list[bytes] = []
    access = serve(lambda visit: visit.say(said[-1])).access
    for body in SHAPES:
        said.append(body)
        told(lambda: clusters.observe(access, Asks(etcd=True, evictions=True, survey=True)))
        told(lambda: clusters.drain(access, "w1", evict=True))
        told(lambda: clusters.drain(access, "w1", evict=False))
        told(lambda: clusters.give_up_node(access, "w1"))
        told(lambda: clusters.note_drained(access, "w1", datetime.now(UTC), withdraw=True))
        told(lambda: clusters.uncordon(access, "w1"))
        told(lambda: clusters.mark_node(access, MarkNode("w1", (("a", "b"),), ())))
        told(lambda: clusters.remove_member(access, "1f"))
        told(lambda: clusters.serving_requests(access))
        told(lambda: clusters.pods_wait(access))
        told(lambda: clusters.count_pods(access))
        told(lambda: clusters.apply(access, inputs(), "kube-proxy"))


def test_every_status_has_its_word(serve: Serve, clusters: KubernetesClusters) -> None:
    said: list[int] = []
    elsewhere = "Location: https://10.0.0.1/\r\n"
    access = serve(lambda visit: visit.say(b"{}", status=said[-1], headers=elsewhere)).access
    for status in STATUSES:
        said.append(status)
        with pytest.raises((Temporary, Permanent)):
            clusters.observe(access, NOTHING_ELSE)


def test_texts_of_a_cluster_are_cut_and_do_nothing(serve: Serve, clusters: KubernetesClusters) -> None:
    evil = "\x1b]0;owned\x07\x1b[31mred\u202egnp.exe\x9b\n" + "a" * 100_000
    body = json.dumps({"kind": "Status", "reason": evil, "message": evil}).encode()
    server = serve(lambda visit: visit.say(body, status=403))
    with pytest.raises(Permanent) as refused:
        clusters.observe(server.access, NOTHING_ELSE)
    said = refused.value.message
    assert len(said) < 700
    assert said.isprintable()
    assert "red" in said


def test_what_a_node_says_of_itself_is_what_it_may_be_or_nothing(serve: Serve, clusters: KubernetesClusters) -> None:
    odd = node(
        "w2",
        nodeInfo={"kubeletVersion": "v1.37.2\x1b[2J"},
        addresses=[{"type": "InternalIP", "address": "10.0.0.7\r\nX: y"}],
    )
    names = ["../../secrets", "a\nb", "", "x" * 300, 7]
    nodes = listed(odd, *(node(name) for name in names))  # type: ignore[arg-type]
    (seen,) = clusters.observe(serve(answering(nodes=nodes)).access, NOTHING_ELSE).nodes
    assert (seen.name, seen.version, seen.address, seen.ready) == ("w2", "", "", True)


MOMENTS = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00", "now", "", 7, {"a": 1}]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_can_be_reckoned_with_or_is_none(moment: Any, serve: Serve, clusters: KubernetesClusters) -> None:
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": moment} for kind in ("Ready", "DiskPressure")]
    access = serve(answering(nodes=listed(node("w1", conditions=conditions)))).access
    (seen,) = clusters.observe(access, NOTHING_ELSE).nodes
    assert (seen.since, seen.troubles) == (None, (("DiskPressure", None),))


def test_of_a_nodes_labels_and_taints_so_much_is_kept(serve: Serve, clusters: KubernetesClusters) -> None:
    boast = node("w1")
    boast["metadata"]["labels"] = {f"l{n}": "x" * 1000 for n in range(1000)}
    boast["spec"] = {"taints": [{"key": f"t{n}", "effect": "NoSchedule"} for n in range(1000)]}
    (seen,) = clusters.observe(serve(answering(nodes=listed(boast))).access, NOTHING_ELSE).nodes
    assert (len(seen.labels), len(seen.taints)) == (200, 200)
    assert max(len(value) for _, value in seen.labels) == 500


def test_more_pods_than_can_be_counted_are_not_counted(serve: Serve, clusters: KubernetesClusters) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "w1"}, "status": {}}
    said = {"following": "more"}

    def answer(visit: Visit) -> None:
        if visit.path == "/api/v1/pods":
            visit.say(listed(pod, **said))
        else:
            answering()(visit)

    access = serve(answer).access
    (seen,) = clusters.observe(access, Asks(evictions=True)).nodes
    assert seen.evictions is None
    said.clear()
    (seen,) = clusters.observe(access, Asks(evictions=True)).nodes
    assert seen.evictions == 1


@pytest.mark.parametrize(
    ("metadata", "count"),
    [
        ({"continue": "more", "remainingItemCount": 41}, 42),
        ({}, 1),  # it is all there is
        ({"continue": "more"}, None),
        *(({"continue": "more", "remainingItemCount": lie}, None) for lie in (10**400, -5, True, "7", 1.5)),
    ],
)
def test_pods_are_counted_by_one_request_for_one_of_them(
    metadata: dict[str, Any], count: int | None, serve: Serve, clusters: KubernetesClusters
) -> None:
    body = json.dumps({"metadata": metadata, "items": [{"metadata": {"name": "p"}}]}).encode()
    server = serve(lambda visit: visit.say(body))
    assert clusters.count_pods(server.access) == count
    (asked,) = server.asked
    assert "/api/v1/pods?limit=1 " in asked


@pytest.mark.parametrize("version", ["", "v1", "1.37.2; rm", "v1.37.2\n", "x" * 1000, "v99999.1.1", None, {"a": 1}])
def test_a_version_is_one_or_this_is_no_kubernetes(version: Any, serve: Serve, clusters: KubernetesClusters) -> None:
    body = json.dumps({"gitVersion": version}).encode()
    with pytest.raises(Temporary, match="names no version"):
        clusters.observe(serve(answering(version=body)).access, NOTHING_ELSE)


def test_names_of_pods_lead_nowhere_else(serve: Serve, clusters: KubernetesClusters) -> None:
    pod = {"metadata": {"name": "../../nodes/w1?x=", "namespace": "a\r\nHost: b", "uid": "u"}, "status": {}}
    server = serve(lambda visit: visit.say(listed(pod) if visit.path == "/api/v1/pods" else b"{}"))
    clusters.drain(server.access, "w1", evict=True)
    (eviction,) = [line for line in server.asked if line.startswith("POST")]
    assert eviction == "POST /api/v1/namespaces/a%0D%0AHost:%20b/pods/../../nodes/w1%3Fx%3D/eviction HTTP/1.1"


def test_only_paths_of_kinds_that_addons_are_made_of_are_looked_up(serve: Serve, clusters: KubernetesClusters) -> None:
    noted = ["/api/v1/namespaces/shop/pods/web", "/api/v1/nodes/w1", "/version", "/api/v1/namespaces/../nodes/x", ""]
    noted += [f"/api/v1/namespaces/kube-system/configmaps/old-{n}" for n in range(5000)]
    notes = json.dumps({"data": {"kube-proxy.objects": "\n".join(noted)}}).encode()
    server = serve(lambda visit: visit.say(notes if visit.path == NOTES else b'{"metadata": {}}'))
    clusters.apply(server.access, inputs(), "kube-proxy")
    read = [line.split(" ")[1] for line in server.asked if line.startswith("GET") and NOTES not in line]
    assert len(read) == 500 - 5
    assert all("/configmaps/old-" in path for path in read)
