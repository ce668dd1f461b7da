"""What autoscaling thinks, as OpenAPI shows it."""

from datetime import datetime

from pydantic import Field

from navarch.service.wish import Shown


class BackoffView(Shown):
    """Machines of the group did not come: it is asked for no more until then, and then tried again."""

    until: datetime
    why: str
    responsible: str = Field(description="Who can have them come before. Empty: it is not known.")
    remedy: str = Field(description="How. Empty: it is not known.")


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


class SpareView(Shown):
    """The room that is to be kept free, for `replicas` pods."""

    replicas: int
    ready: int = Field(description="For how many of them there is room on machines that are Ready.")
    coming: int = Field(description="For how many more on machines that are on their way.")
    missing: int = Field(description="For how many there is none, and none on its way.")
    why: str = Field(description="Why the group grows for no more. Empty: nothing is lacking.")


class SilentDeviceView(Shown):
    """An extended resource that the group's machines were to have and did not show: pods that ask for it bring none.
    `machine`: one of them; `until`: null while it is there."""

    resource: str
    machine: str
    until: datetime | None


class AutoscalingView(Shown):
    """What was thought at the last look."""

    backoff: BackoffView | None
    helpless: list[HelplessView]
    unneeded: list[UnneededView]
    kept: list[KeptView]
    spare: SpareView | None = Field(description="null: the group keeps no room free.")
    devices: list[SilentDeviceView]
