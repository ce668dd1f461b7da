"""Steps run after what they wait for, in parallel, and stop at the first failure."""

import threading

import pytest

from navarch_lab.graph import GraphError, Step, check, run


class Diary:
    """Remembers the order in which steps ran."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self._lock = threading.Lock()

    def step(self, name: str, *after: str, heavy: bool = False) -> Step:
        def write() -> None:
            with self._lock:
                self.entries.append(name)

        return Step(name, write, frozenset(after), heavy)


def test_a_step_runs_after_all_it_waits_for() -> None:
    diary = Diary()
    run(
        [
            diary.step("api", "schema", "queue"),
            diary.step("schema", "database"),
            diary.step("queue"),
            diary.step("database"),
        ]
    )
    order = diary.entries
    assert sorted(order) == ["api", "database", "queue", "schema"]
    assert order.index("database") < order.index("schema") < order.index("api")
    assert order.index("queue") < order.index("api")


def test_steps_without_order_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> None:
        meeting.wait()

    run([Step("one", meet), Step("two", meet)])


def test_after_a_failure_nothing_that_waited_for_it_starts_and_the_failure_is_raised() -> None:
    diary = Diary()

    def fail() -> None:
        raise RuntimeError("no space left")

    with pytest.raises(RuntimeError, match="no space left"):
        run([Step("database", fail), diary.step("schema", "database"), diary.step("api", "schema")])
    assert diary.entries == []


def test_heavy_steps_are_no_more_at_once_than_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    lock, now, most = threading.Lock(), 0, 0
    gate = threading.Event()

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        gate.wait(0.02)
        with lock:
            now -= 1

    run([Step(f"schema-{number}", work, heavy=True) for number in range(8)])
    assert most == 2


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([("api", ("keystone",))], "nobody provides"),
        ([("a", ("b",)), ("b", ("a",))], "wait for each other"),
        ([("a", ()), ("a", ())], "doubled"),
    ],
)
def test_an_order_that_cannot_be_is_refused(steps: list[tuple[str, tuple[str, ...]]], complaint: str) -> None:
    with pytest.raises(GraphError, match=complaint):
        check([Step(name, lambda: None, frozenset(after)) for name, after in steps])
