"""Why something is not as wanted, before it becomes a condition."""

from dataclasses import dataclass

from navarch.domain.errors import Responsible


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a chapter is not done. `responsible` None: it only needs time; `late` says who is responsible, and what the
    remedy is, once it has taken too long; None: it is never late, for somebody wants it to wait. `silence`: it says no
    more than that something did not answer."""

    reason: str
    message: str
    responsible: str | None = None
    remedy: str | None = None
    late: tuple[str, str] | None = (
        Responsible.NAVARCH_OPERATOR.value,
        "look at the cluster's events and at Navarch's log for this cluster's id; Navarch goes on trying",
    )
    silence: bool = False
