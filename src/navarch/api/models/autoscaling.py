"""What autoscaling thinks, as OpenAPI shows it."""

from datetime import datetime

from pydantic import Field

from navarch.service.wish import Shown


class BackoffView(Shown):
    """Machines of the group did not come: it is asked for no more until then."""

    until: datetime
    why: str


class HelplessView(Shown):
    """Pods that wait and that no node group helps. `pod`: one of them; `count`: how many are alike."""

    pod: str
    count: int
    why: str = Field(description="Why this group brings no machine for them.")


class UnneededView(Shown):
    """A machine that was hardly used, and whose pods would fit elsewhere, since then."""

    machine: str
    since: datetime


class KeptView(Shown):
    """A machine that is hardly used, and why it stays."""

    machine: str
    why: str


class AutoscalingView(Shown):
    """What was thought at the last look."""

    backoff: BackoffView | None
    helpless: list[HelplessView]
    unneeded: list[UnneededView]
    kept: list[KeptView]
