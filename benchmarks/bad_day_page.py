"""The part of docs/scale.md about a cloud of which a part does not answer."""

from typing import Any

from benchmarks.tables import goal, table, where

Figures = dict[str, Any]
_SLOWER, _SHOWN = 1.5, 0.998  # goals: times the usual, of the time shown Ready
_OFFICIAL = {"compute": "Nova", "block-storage": "Cinder", "network": "Neutron", "load-balancer": "Octavia"}
_HELD_TO = {0.05, 0.1}  # shares of faults at which a goal is set for clusters at rest


def bad_day(figures: Figures) -> str:
    """The whole part."""
    away = figures["away"]
    load = max(f["load"] for f in (figures["usual"], figures["more"], figures["many"], *figures["rest"], away))
    rows = [*_creations(figures), *(_at_rest(rest) for rest in figures["rest"]), _slow(figures["slow"])]
    return "\n".join(
        [
            "## A bad day in the cloud\n",
            f"{where(figures, load).replace('at the end of the measurement', 'up to')} {figures['usual']['clusters']} "
            "clusters. While they are at rest they are watched for five minutes, each second.\n",
            table(("what", "measured", "goal", ""), rows),
            _away(away),
        ]
    )


def _creations(figures: Figures) -> list[tuple[object, ...]]:
    usual = figures["usual"]

    def row(share: float, creation: Figures, wanted: str, met: str) -> tuple[object, ...]:
        told = f"{creation['seconds']:.0f} s (median {creation['median']:.0f} s)"
        return f"all asked for at once, until all are Ready; {share:.0%} of answers are faults", told, wanted, met

    more = figures["more"]["seconds"] / usual["seconds"]
    return [
        row(0.01, usual, "", ""),
        row(0.05, figures["more"], f"< {_SLOWER} x that", f"{goal(more < _SLOWER)}: {more:.2f} x"),
        row(0.2, figures["many"], "all become Ready", goal(not figures["many"]["twice"])),
    ]


def _at_rest(rest: Figures) -> tuple[object, ...]:
    ready = rest["shown"].get("Ready", 0.0)
    what = f"at rest, shown Ready; {rest['faults']:.0%} of answers are faults"
    if rest["faults"] not in _HELD_TO:
        return what, _shown(rest["shown"]), "", ""
    return what, _shown(rest["shown"]), f">= {_SHOWN:.1%}", goal(ready >= _SHOWN)


def _slow(slow: Figures) -> tuple[object, ...]:
    service = _OFFICIAL[slow["service"]]
    return f"at rest, shown Ready; {service} answers after {slow['answers_in']:.0f} s", _shown(slow["shown"]), "", ""


def _shown(phases: dict[str, float]) -> str:
    others = ", ".join(f"{phase} {share:.2%}" for phase, share in phases.items() if phase != "Ready")
    return f"{phases.get('Ready', 0.0):.2%}" + (f" ({others})" if others else "")


def _away(away: Figures) -> str:
    service, minutes = _OFFICIAL[away["service"]], f"{away['seconds'] / 60:.0f} minutes"
    rows: list[tuple[object, ...]] = []
    for minute in away["minutes"]:
        phases = ", ".join(f"{count} {phase}" for phase, count in sorted(minute["phases"].items()))
        told = "; ".join(f"{t['reason']} ({t['responsible'] or 'nobody yet'})" for t in minute["told"])
        rows.append((minute["minute"], phases, told or "nothing"))
    words = next((t["message"] for m in reversed(away["minutes"]) for t in m["told"]), "")
    first = f"after {away['first_told_after']:.0f} s" if away["first_told_after"] is not None else "never"
    return (
        f"{service} is away for {minutes}: no request is answered, and each waits for 5 s. The first cluster that says "
        f"so does {first}. {away['unanswered']} requests were made in vain. When it is back, all are shown Ready after "
        f"{away['ready_again_after']:.0f} s.\n\n"
        + table(("minute", "clusters are shown", "they say (who must act)"), rows)
        + (f"\nIn full: `{words}`\n" if words else "")
    )
