"""The pure parts of `make proof-lifecycle`, and its prober before a server that misbehaves."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from demo.steps import StepFailed
from proofs.lifecycle import asked, nodes, probing
from proofs.lifecycle.__main__ import run
from proofs.lifecycle.asked import Asked
from proofs.lifecycle.page import page, table
from proofs.lifecycle.results import Results

WELL = Asked(0, "page", 100.0, 0.1, True)


def requests(*, silent: range = range(0)) -> tuple[Asked, ...]:
    """A hundred requests, ten a second, those of `silent` in vain: 4 s each."""
    return tuple(
        Asked(n, "page", 100 + n / 10, 4.0 if n in silent else 0.02, n not in silent, ("refused",) * 2 * (n in silent))
        for n in range(100)
    )


def test_all_answered_at_once_leaves_a_gap_of_the_pace_alone() -> None:
    told = asked.summary(requests())
    assert (told.requests, told.retried, told.failed, told.errors) == (100, 0, 0, {})
    assert told.longest_gap == 0.1


def test_a_silence_is_counted_and_measured_from_answer_to_answer() -> None:
    told = asked.summary(requests(silent=range(40, 70)))
    assert (told.failed, told.errors) == (30, {"refused": 30})
    assert told.longest_gap == 3.1
    assert told.slowest == 0.02


def test_a_silence_that_does_not_end_is_a_gap_as_well() -> None:
    last_answer, given_up = 100 + 8.9 + 0.02, 100 + 9.9 + 4
    assert asked.longest_gap(requests(silent=range(90, 100))) == given_up - last_answer
    assert asked.longest_gap(requests(silent=range(100))) == pytest.approx(100 + 9.9 + 4 - 100)
    assert asked.longest_gap(()) == 0


def test_an_answer_at_the_second_attempt_is_retried_and_not_failed() -> None:
    told = asked.summary([WELL, Asked(1, "page", 100.1, 2.6, True, ("ConnectTimeout",))])
    assert (told.requests, told.retried, told.failed, told.slowest) == (2, 1, 0, 2.6)


def test_a_log_is_read_back_in_the_order_of_asking_without_a_line_that_was_cut_off() -> None:
    second = Asked(1, "dns", 100.1, 2.6, False, ("a", "b"), 2)
    assert asked.read(f"{second.line()}\n{WELL.line()}\n" + WELL.line()[:20]) == (WELL, second)
    assert asked.read("") == ()


def test_of_ten_requests_one_writes_and_one_counts_the_endpoints() -> None:
    kinds = [asked.api_kind(number) for number in range(10)]
    assert (kinds.count("write"), kinds.count("dns"), kinds.count("readyz"), kinds.count("nodes")) == (1, 1, 4, 4)


def test_only_an_acknowledged_write_can_be_lost() -> None:
    writes = [Asked(n, "write", 100 + n, 0.1, n != 20) for n in (0, 10, 20)]
    assert asked.lost_writes([*writes, WELL], ["w10"]) == (0,)
    assert asked.fewest_seen([WELL, Asked(5, "dns", 100.5, 0.1, True, (), 1)], "dns") == 1
    assert asked.fewest_seen([WELL], "dns") is None


def node(name: str, ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "addresses": [{"type": "InternalIP", "address": f"10.0.0.{name[-1]}"}],
            "nodeInfo": {"kubeletVersion": "v1.37.2"},
        },
    }


def test_a_node_is_alive_only_if_it_has_spoken_since() -> None:
    leases = [
        {"metadata": {"name": name}, "spec": {"renewTime": f"2026-11-24T10:00:{second}.000000Z"}}
        for name, second in (("n1", "40"), ("n2", "20"), ("n3", "40"))
    ]
    leases.append({"metadata": {"name": "n4"}, "spec": {}})
    there = [node("n1"), node("n2"), node("n3", "Unknown"), node("n4"), node("n5")]
    assert nodes.alive(there, leases, datetime(2026, 11, 24, 10, 0, 30, tzinfo=UTC)) == {"n1"}
    assert nodes.kubelets(there[:1]) == {"n1": "1.37.2"}


def test_the_leader_is_the_node_of_the_member_that_names_itself() -> None:
    said: list[dict[str, Any]] = [
        {"Endpoint": f"https://10.0.0.{n}:2379", "Status": {"header": {"member_id": n}, "leader": 2}} for n in (1, 2, 3)
    ]
    assert nodes.leader(said, map(node, ("n1", "n2", "n3"))) == "n2"
    nobody = {"Endpoint": "https://10.0.0.1:2379", "Status": {"header": {"member_id": 1}}}
    assert nodes.leader([nobody], [node("n1")]) is None


def test_a_boot_lasts_until_the_machine_has_said_its_last() -> None:
    boot = [{"step": s, "at": f"2026-11-24T10:00:{at}+00:00"} for s, at in (("Booted", "08"), ("Joined", "21"))]
    assert nodes.boot_seconds({"created_at": "2026-11-24T09:59:59+00:00", "boot": boot}) == 22


def results() -> Results:
    made = Results("upgrade-3", "A cluster of 3 + 3 goes from 1.36 to 1.37.", "2026-11-24 10:00", "abcdef0", 600.0)
    made.at_most("seconds a machine", 42.25, "s", 60)
    made.at_most("start / bare boot", 1.25, "×", 1.2)
    made.at_most("the API's gap", 31.0, "s")
    made.at_least("ready endpoints", None, "", 2)
    made.holds("every node has 1.37.2", False, {"n1": "1.36.3"})
    made.says("what was done", "it was replaced")
    made.probed("the upgrade", "API", (WELL, Asked(5, "dns", 100.5, 9.0, False, ("a | b",) * 2)))
    return made


def test_a_figure_is_met_up_to_its_goal_and_not_beyond() -> None:
    assert [(f.measured, f.goal, f.met) for f in results().figures] == [
        ("42.2 s", "≤ 60 s", True),
        ("1.25 ×", "≤ 1.20 ×", False),
        ("31 s", "", None),
        ("not seen", "≥ 2", False),
        ("no: {'n1': '1.36.3'}", "yes", False),
        ("it was replaced", "", None),
    ]
    at_the_goal = Results("x", "y")
    at_the_goal.at_most("failed requests", 0, "", 0)
    at_the_goal.at_least("ready endpoints", 2, "", 2)
    assert at_the_goal.well
    at_the_goal.failure = "it broke"
    assert not at_the_goal.well


def test_results_survive_being_kept() -> None:
    made = results()
    assert Results.from_json(json.loads(json.dumps(made.as_json()))) == made


def test_the_page_says_first_what_was_missed() -> None:
    broken = Results("repair", "Machines break.", failure="StepFailed: not within 1200 s")
    text = page([results(), broken], "2 cores")
    head = text.split("## ")[0]
    assert "4 figures have a goal; 3 miss it:" in head
    assert "- repair: it came to no end\n- upgrade-3: start / bare boot\n" in head
    assert "| seconds a machine | 42.2 s | ≤ 60 s | met |" in text
    assert "| start / bare boot | 1.25 × | ≤ 1.20 × | **missed** |" in text
    assert "| the upgrade | API | 2 | 0 | 1 | 9.4 s | 0.1 s |" in text
    assert "| the upgrade | API, dns | 1 | 0 | 1 | 9.0 s | 0.0 s |" in text
    assert "| the upgrade | API | 1 | `a \\| b` |" in text
    assert "StepFailed: not within 1200 s" in text
    assert table(("a",), [("b|c",)]) == "| a |\n| --- |\n| b\\|c |"


def test_chapters_that_were_not_run_anew_stay_as_they_are_on_the_page() -> None:
    broken = Results("repair", "Machines break.", failure="StepFailed: not within 1200 s")
    order = ("upgrade-3", "repair")
    before = page([broken, results()], "2 cores")
    assert page([], "2 cores", before, order) == page([results(), broken], "2 cores")
    mended = Results("repair", "Machines break.")
    mended.at_most("seconds", 3, "s", 5)
    after = page([mended], "2 cores", before, order)
    assert after == page([results(), mended], "2 cores")
    assert "no end" not in after and "5 figures have a goal; 3 miss it:" in after


def test_what_a_chapter_measured_before_it_failed_is_told() -> None:
    def chapter(_: Any, results: Results) -> None:
        """Something
        happens."""
        results.at_most("seconds", 3, "s")
        raise StepFailed("not within 3 s")

    told = run("x", chapter, None)  # type: ignore[arg-type]
    assert (told.about, [f.what for f in told.figures], told.well) == ("Something happens.", ["seconds"], False)
    assert told.failure.startswith("StepFailed: not within 3 s\n(test_lifecycle.py:")


class Odd(BaseHTTPRequestHandler):
    """Answers the first request with 503, the second once five more have come, all others at once."""

    came: list[str]
    five_more: Event

    def do_GET(self) -> None:
        self.came.append(self.path)
        number = len(self.came)
        if number >= 7:
            self.five_more.set()
        well = number != 1 and (number != 2 or self.five_more.wait(20))
        self.send_response(200 if well else 503)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def odd_server() -> Iterator[str]:
    Odd.came, Odd.five_more = [], Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Log(io.StringIO):
    """Ends a prober once it has so many answers."""

    def __init__(self, prober_ends: Callable[[], None], answers: int) -> None:
        super().__init__()
        self._end, self._answers = prober_ends, answers

    def write(self, line: str) -> int:
        written = super().write(line)
        if self.getvalue().count("\n") >= self._answers:
            self._end()
        return written


def probed(url: str, answers: int) -> tuple[Asked, ...]:
    async def probe() -> str:
        stop = asyncio.Event()
        log = Log(stop.set, answers)
        await probing.probe_workload(probing.Prober(log, stop), url)
        return log.getvalue()

    return asked.read(asyncio.run(probe()))


def test_a_prober_goes_on_asking_while_an_answer_is_late_and_asks_a_second_time() -> None:
    with odd_server() as url:
        found = probed(url, 10)
    told = asked.summary(found)
    assert [a.number for a in found] == list(range(told.requests))
    assert told.requests >= 10
    assert (told.failed, told.retried) == (0, 1)
    assert [a.errors for a in found if a.errors] == [("NotWell: 503 {}",)]
    late = max((a for a in found if not a.errors), key=lambda a: a.took)
    assert sum(a.ended <= late.ended for a in found[late.number + 1 :]) >= 3, "nobody waits for the late one"
    assert set(Odd.came) == {"/api"}


def test_a_prober_tells_that_nobody_answers() -> None:
    with odd_server() as url:
        pass
    found = probed(url, 1)
    assert found
    assert not any(a.answered for a in found)
    assert all(len(a.errors) == 2 and a.errors[0].startswith("ConnectError") for a in found)
    assert min(a.took for a in found) >= probing.RETRY_AFTER
