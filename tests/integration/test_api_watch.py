"""Streams of changes from a real HTTP server over a real PostgreSQL."""

import contextlib
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from tests.integration.api_fixtures import OFFER, Api, MakeApi, plenty
from tests.integration.some_values import a_cluster, a_machine, a_report

from navarch.domain.status import Condition, Event, Status
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres
Told = tuple[str, Any, str | None]  # event, data, id


class Watcher:
    """Reads a stream in a thread of its own."""

    def __init__(self, address: str, path: str, *, token: str = "ann", last_event_id: str | None = None) -> None:
        self._told: queue.Queue[Told | None] = queue.Queue()
        headers = {"X-Auth-Token": token} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        self._client = httpx.Client(base_url=address, timeout=30)
        url = f"/kaas/v1{path}{'&' if '?' in path else '?'}watch=true"
        self._request = self._client.build_request("GET", url, headers=headers)
        self.answer = self._client.send(self._request, stream=True)
        assert self.answer.status_code == 200, self.answer.read()
        assert self.answer.headers["content-type"].startswith("text/event-stream")
        self.last_id: str | None = None
        self.progress: list[Any] = []  # told beside the rest
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> Told:
        """What is told next; fails where the stream ends instead."""
        told = self._told.get(timeout=10)
        assert told is not None, "the stream has ended"
        return told

    def ends(self) -> bool:
        """Whether the stream ends before anything more is told."""
        return self._told.get(timeout=10) is None

    def until_synced(self) -> list[tuple[str, Any]]:
        """What is there."""
        found = []
        while (told := self.next())[0] != "synced":
            found.append(told[:2])
        self.resumed = told[1]["resumed"]
        return found

    def silent(self, seconds: float = 0.5) -> bool:
        """Whether nothing is told for a while."""
        time.sleep(seconds)
        return self._told.empty()

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self.answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in self.answer.iter_lines():
                if not line and fields:
                    self.last_id = fields.get("id", self.last_id)
                    if fields["event"] == "progress":
                        self.progress.append(json.loads(fields["data"]))
                    else:
                        self._told.put((fields["event"], json.loads(fields["data"]), fields.get("id")))
                    fields = {}
                elif line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value
        except (httpx.HTTPError, httpx.StreamError, OSError):
            pass
        self._told.put(None)


@contextmanager
def served(api: Api) -> Iterator[str]:
    """The service behind the real HTTP server."""
    server = uvicorn.Server(
        uvicorn.Config(api.app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


Watch = Callable[..., Watcher]


@pytest.fixture
def watch(api: Api) -> Iterator[Watch]:
    """Opens streams of the service."""
    watchers: list[Watcher] = []
    with served(api) as address:

        def opened(path: str, **options: Any) -> Watcher:
            watchers.append(Watcher(address, path, **options))
            return watchers[-1]

        yield opened
        for watcher in watchers:
            watcher.close()


def ids(told: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(kind, data["id"]) for kind, data in told]


def test_a_watch_tells_what_is_there_what_changes_and_what_goes(api: Api, watch: Watch) -> None:
    made = api.create()
    watcher = watch("/clusters")
    assert watcher.until_synced() == [("cluster", api.get("/clusters/shop").json())]
    changed = api.patch("/clusters/shop", {"labels": {"a": "b"}}).json()
    assert watcher.next()[:2] == ("cluster", changed)
    other = api.create("other")
    assert ids([watcher.next()[:2]]) == [("cluster", other["id"])]
    api.store.forget(made["id"], api.claim(made["id"]).token)
    assert watcher.next()[:2] == ("deleted", {"id": made["id"]})
    api.as_("bea").post("/clusters", {"name": "shop"})
    assert watcher.silent()


def test_a_watch_is_told_soon(api: Api, watch: Watch) -> None:
    api.create()
    watcher = watch("/clusters")
    watcher.until_synced()
    took = []
    for number in range(5):
        time.sleep(0.3)
        began = time.monotonic()
        api.patch("/clusters/shop", {"labels": {"n": str(number)}})
        watcher.next()
        took.append(time.monotonic() - began)
    assert sorted(took)[2] < 0.9, took  # the feed looks once a second where nothing notifies it


def test_a_watch_of_some_is_told_what_is_no_longer_among_them(api: Api, watch: Watch) -> None:
    api.post("/clusters", {"name": "a", "labels": {"team": "red", "x": "y"}})
    api.post("/clusters", {"name": "b", "labels": {"team": "blue"}})
    red = api.get("/clusters/a").json()["id"]
    watcher, named = watch("/clusters?label=team=red&label=x=y"), watch("/clusters?name=b")
    assert ids(watcher.until_synced()) == [("cluster", red)]
    assert len(named.until_synced()) == 1
    api.patch("/clusters/b", {"labels": {"x": "y"}})
    assert named.next()[0] == "cluster"
    api.patch("/clusters/a", {"labels": {"team": "blue"}})
    assert watcher.next()[:2] == ("deleted", {"id": red})
    api.patch("/clusters/b", {"labels": {"team": "red"}})
    assert watcher.next()[0] == "cluster"
    assert named.next()[0] == "cluster"
    assert named.silent(0.2)


def test_one_cluster_is_watched_with_its_machines_and_the_stream_ends_with_it(api: Api, watch: Watch) -> None:
    made = api.create()
    claim = api.claim(made["id"])
    api.store.record_machine(made["id"], claim.token, a_machine("m0"))
    watcher = watch("/clusters/shop")
    assert watcher.until_synced() == [
        ("cluster", api.get("/clusters/shop").json()),
        ("machine", api.get("/clusters/shop/machines").json()["machines"][0] | {"cluster_id": made["id"]}),
    ]
    api.store.add_report(made["id"], "m0", a_report("StartKubelet"), joined=False)
    kind, machine, _ = watcher.next()
    assert (kind, [step["step"] for step in machine["boot"]]) == ("machine", ["StartKubelet"])
    api.store.record_machine(made["id"], claim.token, a_machine("m1", serial=1))
    assert watcher.next()[1]["name"] == "m1"
    api.store.forget_machine(made["id"], claim.token, "m1")
    assert watcher.next()[1]["removed"]
    api.create("other")
    api.store.forget(made["id"], claim.token)
    assert watcher.next()[:2] == ("deleted", {"id": made["id"]})
    assert watcher.ends()


def test_a_watch_goes_on_where_it_was(api: Api, watch: Watch) -> None:
    for name in ("a", "b", "c"):
        api.create(name)
    by_name = {c["name"]: c["id"] for c in api.get("/clusters").json()["clusters"]}
    watcher = watch("/clusters")
    watcher.until_synced()
    feed = api.app.state.streams._feed
    feed._reached[0] = (feed._reached[0][0] - 60, feed._reached[0][1])  # as if it had been long ago
    api.patch("/clusters/a", {"labels": {"n": "1"}})
    assert watcher.next()[0] == "cluster"
    watcher.close()
    with psycopg.connect(api.store._dsn) as sql:  # so that it is known what went since then
        sql.execute("INSERT INTO gone_clusters (change, cluster_id, project_id) VALUES (0, 'long', 'ago')")
    api.patch("/clusters/b", {"labels": {"n": "1"}})
    api.store.forget(by_name["c"], api.claim(by_name["c"]).token)
    again = watch("/clusters", last_event_id=watcher.last_id)
    told = ids(again.until_synced())
    assert again.resumed
    assert set(told) == {("cluster", by_name["a"]), ("cluster", by_name["b"]), ("deleted", by_name["c"])}
    one = watch("/clusters/b", last_event_id=again.last_id)
    assert ids(one.until_synced()) in ([], [("cluster", by_name["b"])])
    assert one.resumed


@pytest.mark.parametrize("last_event_id", ["999999999999999999", "x", "-1", "1" * 40, "0"])
def test_who_comes_from_nowhere_is_told_everything(api: Api, watch: Watch, last_event_id: str) -> None:
    made, gone = api.create(), api.create("gone")
    api.store.forget(gone["id"], api.claim(gone["id"]).token)
    watcher = watch("/clusters", last_event_id=last_event_id)
    assert ids(watcher.until_synced()) == [("cluster", made["id"])]
    assert not watcher.resumed


def test_a_change_whose_transaction_ends_after_a_later_one_is_told(api: Api, watch: Watch, dsn: str) -> None:
    first, second = api.create("first"), api.create("second")
    watcher = watch("/clusters")
    watcher.until_synced()
    with psycopg.connect(dsn) as slow:
        slow.execute('UPDATE clusters SET labels = \'{"slow": "yes"}\' WHERE id = %s', (first["id"],))
        api.patch("/clusters/second", {"labels": {"a": "b"}})
        assert watcher.next()[1]["id"] == second["id"]
        assert watcher.silent(1.5)
    assert watcher.next()[1]["labels"] == {"slow": "yes"}


def test_what_nothing_notified_is_told_a_little_later(api: Api, watch: Watch, dsn: str) -> None:
    api.create()
    watcher = watch("/clusters")
    watcher.until_synced()
    with psycopg.connect(dsn) as sql:
        sql.execute("ALTER TABLE clusters DISABLE TRIGGER clusters_told")
        sql.execute('UPDATE clusters SET labels = \'{"a": "b"}\'')
    try:
        assert watcher.next()[1]["labels"] == {"a": "b"}
    finally:
        with psycopg.connect(dsn) as sql:
            sql.execute("ALTER TABLE clusters ENABLE TRIGGER clusters_told")


def test_another_process_tells_the_same(api: Api, make_api: MakeApi, watch: Watch) -> None:
    api.create()
    first = watch("/clusters")
    with served(make_api()) as address:
        second = Watcher(address, "/clusters")
        assert first.until_synced() == second.until_synced()
        api.patch("/clusters/shop", {"labels": {"a": "b"}})
        assert first.next()[:2] == second.next()[:2]
        second.close()


def test_a_watch_does_not_call_deleted_what_nobody_can_read(api: Api, watch: Watch, dsn: str) -> None:
    api.create()
    watcher, one = watch("/clusters"), watch("/clusters/shop")
    watcher.until_synced(), one.until_synced()
    with psycopg.connect(dsn) as sql:
        sql.execute("UPDATE clusters SET spec = '{\"network\": 7}'")
    assert watcher.silent(1.5)
    assert one.silent(0)
    assert watch("/clusters").until_synced() == []


def test_a_pause_by_the_operator_is_told(api: Api, watch: Watch) -> None:
    api.create()
    watcher = watch("/clusters")
    watcher.until_synced()
    api.store.pause("alpha", reason="", by="op")
    assert watcher.next()[1]["status"]["conditions"][-1]["reason"] == "PausedByOperator"
    api.store.resume("alpha")
    assert watcher.next()[1]["status"]["conditions"] == []


def test_a_database_that_was_away_costs_no_change(api: Api, watch: Watch, server: Any) -> None:
    api.create()
    watcher = watch("/clusters")
    watcher.until_synced()
    server.stop()
    time.sleep(1.5)
    server.start()
    for _ in range(50):
        if api.patch("/clusters/shop", {"labels": {"a": "b"}}).status_code == 200:
            break
    assert watcher.next()[1]["labels"] == {"a": "b"}


def test_an_operator_watches_every_project(api: Api, watch: Watch) -> None:
    made = api.create()
    assert ids(watch("/clusters?all_projects=true", token="root").until_synced()) == [("cluster", made["id"])]
    one = watch(f"/clusters/{made['id']}?all_projects=true", token="root")
    one.until_synced()
    api.patch("/clusters/shop", {"labels": {"a": "b"}})
    assert one.next()[1]["labels"] == {"a": "b"}


def test_a_stream_ends_with_the_token_and_after_its_time(api: Api, make_api: MakeApi, watch: Watch) -> None:
    api.create()
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    api.tokens.callers["brief"] = replace(api.tokens.callers["ann"], expires_at=soon)
    watcher = watch("/clusters", token="brief")
    watcher.until_synced()
    assert watcher.ends()
    began = time.monotonic()
    watcher = watch("/clusters/shop?timeout_seconds=1")
    watcher.until_synced()
    assert watcher.ends()
    assert time.monotonic() - began > 0.9
    with served(make_api(watch_seconds=0.5)) as address:
        watcher = Watcher(address, "/clusters")
        watcher.until_synced()
        assert watcher.ends()


def open_streams(api: Api) -> int:
    return sum(len(streams) for streams in api.app.state.streams._open.values())


def wait_until(so: Callable[[], bool]) -> None:
    for _ in range(200):
        if so():
            return
        time.sleep(0.05)
    pytest.fail("not so in time")


def test_streams_are_bounded_for_a_project_and_in_all(make_api: MakeApi) -> None:
    api = make_api(watchers=3, watchers_per_project=2)
    api.store.write_offer(OFFER)
    api.create()
    with served(api) as address:
        one, two = Watcher(address, "/clusters"), Watcher(address, "/clusters/shop")
        url, headers = f"{address}/kaas/v1/clusters?watch=true", {"X-Auth-Token": "ann"}
        refused = httpx.get(url, headers=headers)
        assert (refused.status_code, "of this project" in refused.json()["detail"]) == (503, True)
        three = Watcher(address, "/clusters", token="bea")
        refused = httpx.get(url, headers={"X-Auth-Token": "root"})
        assert (refused.status_code, "of this project" in refused.json()["detail"]) == (503, False)
        assert int(refused.headers["Retry-After"]) >= 1
        two.close()
        wait_until(lambda: open_streams(api) == 2)
        again = Watcher(address, "/clusters")
        for watcher in (one, three, again):
            watcher.close()
        wait_until(lambda: open_streams(api) == 0)


def test_a_watcher_that_does_not_read_is_cut_and_holds_up_nobody(
    api: Api, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("navarch.api.watch._UNREAD_SECONDS", 1.0)
    made = api.create()
    reader = watch("/clusters")
    reader.until_synced()
    with served(api) as address:
        host, port = address.removeprefix("http://").split(":")
        idle = socket.create_connection((host, int(port)))
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.sendall(b"GET /kaas/v1/clusters?watch=true HTTP/1.1\r\nHost: a\r\nX-Auth-Token: ann\r\n\r\n")
        wait_until(lambda: open_streams(api) == 2)
        for number in range(20):  # more than any socket's buffer holds
            long = Condition("Ready", "False", "Waiting", f"{number} " + "x" * 1_000_000)
            api.store.record(made["id"], api.claim(made["id"]).token, Status(conditions=(long,)), look_again_after=0)
            reader.next()
        wait_until(lambda: open_streams(api) == 1)
        idle.close()


def test_when_nobody_watches_nothing_is_read(api: Api, store: PostgresStore) -> None:
    feed = api.app.state.streams._feed
    with served(api) as address:
        watcher = Watcher(address, "/clusters")
        watcher.until_synced()
        assert feed._thread is not None
        watcher.close()
        wait_until(lambda: feed._thread is None)
        store.create_cluster(a_cluster())
        again = Watcher(address, "/clusters")
        assert len(again.until_synced()) == 1
        again.close()


def test_many_watchers_cost_one_reader(api: Api, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    api.store.write_quota("alpha", plenty())
    api.create()
    watchers = [watch("/clusters") for _ in range(20)]
    for watcher in watchers:
        watcher.until_synced()
    reads: list[str] = []

    def noting(name: str) -> Callable[..., object]:
        real = getattr(PostgresStore, name)

        def read(*args: object, **options: object) -> object:
            reads.append(name)
            return real(*args, **options)

        return read

    for name in ("changes", "clusters_by_id", "clusters"):
        monkeypatch.setattr(PostgresStore, name, noting(name))
    api.patch("/clusters/shop", {"labels": {"a": "b"}})
    assert all(watcher.next()[1]["labels"] == {"a": "b"} for watcher in watchers)
    assert reads.count("clusters_by_id") == 1
    assert "clusters" not in reads


def test_one_stream_tells_how_far_a_cluster_is(api: Api, watch: Watch) -> None:
    made = api.create()
    claim = api.claim(made["id"])
    api.store.record_machine(made["id"], claim.token, a_machine("m0"))
    watcher = watch("/clusters/shop")
    watcher.until_synced()
    (first,) = watcher.progress
    asked = api.get("/clusters/shop/progress").json()
    assert {row["name"]: row["state"] for row in first["rows"]} == {row["name"]: row["state"] for row in asked["rows"]}
    api.store.add_report(made["id"], "m0", a_report("StartKubelet"), joined=True)
    assert watcher.next()[0] == "machine"
    assert {row["name"]: row["detail"] for row in watcher.progress[-1]["rows"]}["machine m0"] == "joined"
    again = watch("/clusters/shop", last_event_id=watcher.last_id)
    again.until_synced()
    assert again.resumed
    assert again.progress[0]["rows"] == watcher.progress[-1]["rows"], "whoever comes back is told of all machines"


def test_timelines_are_told_in_the_same_stream_to_who_asks_for_them(
    api: Api, make_api: MakeApi, watch: Watch, dsn: str
) -> None:
    made = api.create()
    with psycopg.connect(dsn) as sql:  # so that it is known what went since then
        sql.execute("INSERT INTO gone_clusters (change, cluster_id, project_id) VALUES (0, 'long', 'ago')")
    without, every, one = watch("/clusters"), watch("/clusters?events=true"), watch("/clusters/shop?events=true")
    stranger = watch("/clusters?events=true", token="bea")
    for watcher in (without, every, one, stranger):
        watcher.until_synced()

    def happened(watcher: Watcher, reason: str) -> Any:
        """The next event of that reason; those of a moment before the watcher came may be told, too."""
        while (told := watcher.next())[0] != "event" or told[1]["reason"] != reason:
            pass
        return told[1]

    api.store.add_event(made["id"], Event(datetime.now(UTC), "Tested", "a message", subject="shop"))
    (line,) = [e for e in api.get("/clusters/shop/events").json()["events"] if e["reason"] == "Tested"]
    assert happened(every, "Tested") == happened(one, "Tested") == line | {"cluster_id": made["id"]}
    assert without.silent(0.2)
    assert stranger.silent(0)
    last = every.last_id
    every.close()
    api.store.add_event(made["id"], Event(datetime.now(UTC), "WhileAway", "a message"))
    with served(make_api()) as address:  # another process, as after a restart
        again = Watcher(address, "/clusters?events=true", last_event_id=last)
        told = again.until_synced()
        again.close()
    assert again.resumed
    assert "WhileAway" in [data["reason"] for kind, data in told if kind == "event"]


def test_who_missed_more_events_than_are_told_is_told_everything_anew(
    api: Api, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("navarch.api.watch._EVENTS", 2)
    made = api.create()
    first = watch("/clusters/shop?events=true")
    first.until_synced()
    for number in range(3):
        api.store.add_event(made["id"], Event(datetime.now(UTC), f"Number{number}", "a message"))
    again = watch("/clusters/shop?events=true", last_event_id=first.last_id)
    assert [kind for kind, _ in again.until_synced()] == ["cluster"]
    assert not again.resumed


def test_a_watch_is_of_what_the_list_would_have(api: Api, watch: Watch) -> None:
    shop = api.create()
    api.create("lab")
    watcher = watch("/clusters?search=sho&phase=Ready&events=true")
    assert watcher.until_synced() == []
    lab = api.get("/clusters/lab").json()
    api.make_ready(shop["id"])
    assert watcher.next()[1]["id"] == shop["id"]
    for made, reason in ((lab, "OfAnother"), (shop, "OfIts")):
        api.store.add_event(made["id"], Event(datetime.now(UTC), reason, "a message"))
    assert watcher.next()[1]["reason"] == "OfIts"
    api.store.record(shop["id"], api.claim(shop["id"]).token, Status(), look_again_after=3600)
    assert watcher.next()[:2] == ("deleted", {"id": shop["id"]})


def test_a_list_tells_of_machines_to_who_asks_for_them(api: Api, watch: Watch) -> None:
    made, other = api.create(), api.create("stage")
    without, every = watch("/clusters"), watch("/clusters?machines=true")
    stranger = watch("/clusters?machines=true", token="bea")
    assert "machine" not in [kind for kind, _ in every.until_synced()], "of those that are there it tells nothing"
    for watcher in (without, stranger):
        watcher.until_synced()
    for cluster in (made, other):
        api.store.record_machine(cluster["id"], api.claim(cluster["id"]).token, a_machine(f"m-{cluster['name']}"))
    told = [every.next()[:2] for _ in range(2)]
    assert {kind for kind, _ in told} == {"machine"}
    assert {data["cluster_id"]: data["name"] for _, data in told} == {made["id"]: "m-shop", other["id"]: "m-stage"}
    assert without.silent(0.2)
    assert stranger.silent(0)
    last = every.last_id
    every.close()
    again = watch("/clusters?machines=true", last_event_id=last)
    again.until_synced()
    assert not again.resumed, "who was away does not know which machines changed"
