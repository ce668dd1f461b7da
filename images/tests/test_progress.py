import pytest

from navarch_images.progress import Package, Progress, first_pace, remaining, words


class Build:
    """A build whose clock the test moves."""

    def __init__(self, **weights: float) -> None:
        self.now = 1000.0
        self.lines: list[str] = []
        self.progress = Progress(weights, self.lines.append, pace=1.0, clock=lambda: self.now)


def packages(**sizes: int) -> list[Package]:
    return [Package(name, f"/modules/{name}@v1", size) for name, size in sizes.items()]


def test_the_first_line_says_how_long_it_will_about_take() -> None:
    build = Build(kubernetes=900.0, etcd=300.0)
    build.progress.begin("kubernetes", "kubernetes v1", packages(api=10))
    assert build.lines == ["  0% kubernetes v1: compiling; about 20 min left"]


def test_the_time_that_fetching_modules_took_says_nothing_of_what_is_left() -> None:
    build = Build(kubernetes=900.0, etcd=300.0)
    build.now += 300
    build.progress.begin("kubernetes", "kubernetes v1", packages(api=10))
    assert build.lines == ["  0% kubernetes v1: compiling; about 20 min left"]


def test_a_component_counts_by_its_weight_and_within_it_its_packages_by_their_size() -> None:
    build = Build(kubernetes=900.0, etcd=300.0)
    build.progress.begin("kubernetes", "kubernetes v1", packages(large=75, small=25))
    build.now += 450
    build.progress.heard("large")
    assert build.lines[-1] == " 56% kubernetes v1: 75% of its source; about 6 min left"


def test_a_slow_machine_is_noticed_while_the_first_component_compiles() -> None:
    build = Build(kubernetes=900.0, etcd=300.0)
    build.progress.begin("kubernetes", "kubernetes v1", packages(first=25, second=75))
    build.now += 900  # four times as long as was guessed
    build.progress.heard("first")
    assert 3000 < build.progress.remaining < 4000


def test_lines_are_told_now_and_then_and_not_for_each_package() -> None:
    build = Build(tool=100.0)
    build.progress.begin("tool", "tool v1", packages(**{f"p{n}": 1 for n in range(100)}))
    for number in range(100):
        build.now += 1
        build.progress.heard(f"p{number}")
    assert len(build.lines) == 1 + 5


def test_what_an_earlier_component_compiled_is_not_waited_for_but_another_version_is() -> None:
    build = Build(first=50.0, second=50.0)
    build.progress.begin("first", "first v1", packages(shared=90, library=10))
    build.progress.end("first", 50.0)
    other = Package("library", "/modules/library@v2", 10)
    build.progress.begin("second", "second v1", [*packages(shared=90, own=10), other])
    build.now += 30
    build.progress.heard("own")
    assert build.lines[-1].startswith(" 75% second v1: 50% of its source")


def test_messages_of_the_compiler_and_packages_named_twice_count_nothing() -> None:
    build = Build(tool=100.0)
    build.progress.begin("tool", "tool v1", packages(a=50, b=50))
    for line in ("# tool", "a", "a", "warning: a"):
        build.now += 20
        build.progress.heard(line)
    assert build.lines[-1].startswith(" 50% tool v1: 50% of its source")


def test_a_component_without_packages_is_told_too() -> None:
    build = Build(pause=1.0)
    build.progress.begin("pause", "pause 3", [])
    build.progress.heard("anything")
    build.progress.end("pause", 0.2)
    assert build.lines == ["  0% pause 3: compiling; less than a minute left", "pause 3: compiled with 0 s of CPU"]
    assert build.progress.remaining == 0


def test_the_guess_gives_way_to_what_was_seen() -> None:
    assert remaining(total=1000, done=0, elapsed=0, guess=0.5) == 500
    assert remaining(total=1000, done=940, elapsed=1880, guess=0.5) == pytest.approx(60 * 1.91, rel=0.01)
    assert remaining(total=10, done=20, elapsed=20, guess=1) == 0


def test_durations_are_said_as_people_do() -> None:
    assert [words(seconds) for seconds in (3, 65, 750)] == ["less than a minute", "about 1 min", "about 12 min"]


def test_the_first_guess_is_of_this_machine() -> None:
    assert 0.01 < first_pace() < 100
