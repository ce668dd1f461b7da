"""What came of a step."""

from dataclasses import dataclass

from navarch.domain.steps import Step


@dataclass(frozen=True, slots=True)
class Done:
    """The step was carried out."""


@dataclass(frozen=True, slots=True)
class Again:
    """Look again after so many seconds. `responsible` and `remedy`: who is to act, and how, should it take too long;
    None: it is not known."""

    after: float
    reason: str
    message: str
    responsible: str | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot be done until somebody acts."""

    reason: str
    message: str
    responsible: str
    remedy: str


Outcome = Done | Again | Failed


@dataclass(frozen=True, slots=True)
class Result:
    """A step and what came of it; `seconds` it took."""

    step: Step
    outcome: Outcome
    seconds: float = 0.0
