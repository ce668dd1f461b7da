"""A number of machines, or a part of them."""

Share = int | str
"""A number, or percent of a total: `1`, `"25%"`."""


def share(of: Share, total: int, *, rounded_up: bool = False) -> int:
    """How many of `total` that is; a fraction is rounded down where nothing else is said."""
    if isinstance(of, int):
        return of
    percent = percent_of(of)
    assert percent is not None, of  # noqa: S101 - it was admitted
    return -(-total * percent // 100) if rounded_up else total * percent // 100


def percent_of(text: str) -> int | None:
    """The number in `25%`; None where it is no whole number of percent from 0 to 100."""
    digits = text.removesuffix("%")
    if digits == text or not (digits.isascii() and digits.isdigit()) or int(digits) > 100:
        return None
    return int(digits)
