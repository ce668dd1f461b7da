"""Lines over time: where they stand, where they break, and which figures are at the left."""

from typing import Any

import pytest

from navarch.console.languages import Words
from navarch.console.pages.figures.charts import drawn, path, scale


def chart(*values: Any, unit: str = "cores", name: str = "cpu") -> Any:
    return {"name": name, "unit": unit, "left_out": 0, "lines": [{"name": "used", "values": list(values)}]}


def test_a_line_goes_from_edge_to_edge_and_from_the_ground_to_the_top() -> None:
    assert path([0.0, 4.0], 4.0) == "M58.0 152.0L352.0 8.0"


def test_what_was_not_measured_breaks_the_line_and_a_lone_figure_is_a_dot() -> None:
    found = path([1.0, 2.0, None, 3.0, None, 1.0], 4.0)
    assert [part.count("L") for part in found.split("M")[1:]] == [1, 0, 0]
    assert found.count("h0") == 2


def test_nothing_measured_draws_nothing() -> None:
    found = drawn(chart(*[None] * 120), "2026-12-01T11:00:00Z", 30)
    assert (found.lines[0].path, found.lines[0].now, found.lines[0].most) == ("", None, None)
    assert len(found.figures) >= 2


@pytest.mark.parametrize(
    ("most", "unit", "top", "step"),
    [
        (0.0, "cores", 1.0, 1.0),
        (3.1, "cores", 4.0, 1.0),
        (0.9, "share", 1.0, 0.25),
        (0.02, "share", 1.0, 0.25),
        (2, "count", 2, 1),
        (7 * 2**30, "bytes", 8 * 2**30, 2 * 2**30),
        (0.07, "seconds", 0.08, 0.02),
    ],
)
def test_figures_at_the_left_are_round(most: float, unit: str, top: float, step: float) -> None:
    assert scale(most, unit) == pytest.approx((top, step))


def test_every_figure_is_inside_whatever_comes() -> None:
    for most in (1e-300, 0.3, 1.0, 9.99, 1234.5, 1e17):
        for unit in ("cores", "bytes", "bytes/s", "count", "1/s", "seconds"):
            top, step = scale(most, unit)
            assert most <= top * 1.001 and 1 <= round(top / step) <= 5, (most, unit)


def test_times_below_are_those_of_the_figures() -> None:
    found = drawn(chart(*range(120)), "2026-12-01T11:00:00Z", 30)
    assert found.times[0].says == "2026-12-01T11:00:00+00:00"
    assert list(found.rows[0]) == ["2026-12-01T11:59:30+00:00", (119,)]
    assert [drawn(chart(*range(120)), "2026-12-01T11:00:00Z", step).days for step in (30, 5040)] == [False, True]
    assert [found.lines[0].now, found.lines[0].most] == [119, 119]


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (None, "cores", "–"),
        (1.234, "cores", "1.23"),
        (0.034, "share", "3.4 %"),
        (0.5, "share", "50 %"),
        (0.0421, "seconds", "42 ms"),
        (2.5, "seconds", "2.5 s"),
        (0.0, "bytes", "0 B"),
        (1536.0, "bytes", "1.5 KiB"),
        (7.5 * 2**30, "bytes", "7.5 GiB"),
        (2.0 * 2**20, "bytes/s", "2 MiB/s"),
        (3.25, "1/s", "3.25/s"),
        (4.0, "count", "4"),
    ],
)
def test_figures_are_told_in_the_unit_they_are_read_best_in(value: float | None, unit: str, said: str) -> None:
    assert Words("en").figure(value, unit) == said


def test_russian_has_its_own_signs() -> None:
    assert Words("ru").figure(7.5 * 2**30, "bytes") == "7,5 ГиБ"
