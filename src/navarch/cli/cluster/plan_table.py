"""A plan as tables."""

from typing import Any

from navarch.cli.output import emit_data


def print_plan(plan: dict[str, Any]) -> None:
    emit_data(plan, "json")  # type: ignore[arg-type]
