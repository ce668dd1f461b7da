"""What a chapter measured, against what was aimed at. Pure; kept as JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from proofs.lifecycle.asked import Asked, Summary, summary


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, or something that has to hold. `measured` and `goal` in words, `value` the number behind them. `met`:
    None where nothing was aimed at."""

    what: str
    measured: str
    value: float | None = None
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """What a prober was answered while something happened. `kind`: which of its requests; empty: all."""

    during: str
    prober: str
    kind: str
    counted: Summary


@dataclass
class Results:
    """Of one chapter. `about`: what was done. `date`, `commit`: when and of which sources. `failure`: why it came to no
    end; empty where it did."""

    chapter: str
    about: str
    date: str = ""
    commit: str = ""
    seconds: float = 0.0
    failure: str = ""
    figures: list[Figure] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)

    def at_most(self, what: str, value: float, unit: str, limit: float | None = None) -> None:
        """A figure that is to be small; `limit` None: nothing is aimed at."""
        goal, met = ("", None) if limit is None else (_number(limit, unit, "≤ "), value <= limit)
        self.figures.append(Figure(what, _number(value, unit), round(value, 3), goal, met))

    def at_least(self, what: str, value: float | None, unit: str, limit: float) -> None:
        """A figure that is to be large; None: it was not seen, which is a miss."""
        measured = "not seen" if value is None else _number(value, unit)
        met = value is not None and value >= limit
        self.figures.append(Figure(what, measured, value, _number(limit, unit, "≥ "), met))

    def holds(self, what: str, so: bool, seen: object = "") -> None:
        """Something that has to hold; `seen`: what is there, where it does not."""
        self.figures.append(Figure(what, "yes" if so else f"no: {seen}", None, "yes", so))

    def says(self, what: str, words: str) -> None:
        """Something worth knowing that is no figure."""
        self.figures.append(Figure(what, words))

    def probed(self, during: str, prober: str, asked: tuple[Asked, ...]) -> Summary:
        """Add what a prober was answered, in all and by kind. Gives it in all."""
        kinds = sorted({a.kind for a in asked})
        every = Probe(during, prober, "", summary(asked))
        by_kind = [Probe(during, prober, kind, summary(a for a in asked if a.kind == kind)) for kind in kinds]
        self.probes += [every, *(by_kind if len(kinds) > 1 else [])]
        return every.counted

    @property
    def missed(self) -> list[Figure]:
        """Figures that are not as they were to be."""
        return [figure for figure in self.figures if figure.met is False]

    @property
    def well(self) -> bool:
        """Whether it came to its end and missed nothing."""
        return not self.failure and not self.missed

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `as_json` gave."""
        probes = [Probe(**{**each, "counted": Summary(**each["counted"])}) for each in values["probes"]]
        return cls(**{**values, "figures": [Figure(**each) for each in values["figures"]], "probes": probes})


def _number(value: float, unit: str, sign: str = "") -> str:
    digits = 0 if value == int(value) and unit != "×" else 2 if unit == "×" else 1
    return f"{sign}{value:.{digits}f}{f' {unit}' if unit else ''}"
