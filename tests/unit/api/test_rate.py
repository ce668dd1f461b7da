"""The bound on how often one caller may ask."""

from navarch.api.rate import Rate


def test_a_burst_passes_and_then_so_many_a_second() -> None:
    now = [0.0]
    rate = Rate(2, 0.5, clock=lambda: now[0])
    assert [rate.wait("a"), rate.wait("a")] == [0.0, 0.0]
    assert rate.wait("a") == 2.0
    assert rate.wait("b") == 0.0
    now[0] = 1.0
    assert rate.wait("a") == 1.0
    now[0] = 2.0
    assert rate.wait("a") == 0.0
    now[0] = 1000.0
    assert [rate.wait("a"), rate.wait("a"), rate.wait("a") > 0] == [0.0, 0.0, True]
