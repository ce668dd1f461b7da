"""What a request for add-ons would bring, as OpenAPI shows it. See `models.responses`."""

from typing import Any

from pydantic import Field

from navarch.service.wish import Shown


class DifferenceView(Shown):
    """An object that would come (`before` null), go (`after` null) or change, in a field (a dotted path)."""

    object: str
    field: str
    before: Any
    after: Any


class AddonPlanView(Shown):
    """dry_run: what would be done. `looked_up`: what the chart asks the cluster for, which is not known here."""

    version: str
    differences: list[DifferenceView]
    looked_up: list[str]
    notes: str = Field(default="")


class NewAddonView(AddonPlanView):
    """An add-on that a new cluster would begin with, and what it would bring. Of `values` only what the customer set is
    there; what is secret is masked."""

    name: str
    title: str
    entry: str
    namespace: str
    values: dict[str, Any]
