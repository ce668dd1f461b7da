"""What a chosen add-on's own programs complain of, by events, as its entry says which: pods that run, and cannot work.

Of a rule the events of each of its reasons are read, a few pages of them: an idle cluster has none, which costs one
small list. Only where there are some is read which objects are well again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from navarch.addons import errors, foreign
from navarch.addons.connection import Connection
from navarch.domain.terms import Complaint, EventsRule

_EVENTS = "/api/v1/events"
_A_PAGE, _PAGES = 100, 5
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class _Event:
    """What is read of one. `about`: the object, so that events about the same one are known by it."""

    about: tuple[str, str, str]
    at: datetime
    said: str


def heard(connection: Connection, rules: tuple[EventsRule, ...], now: datetime) -> Complaint | None:
    """The first of an add-on's rules that holds; None: nobody complains. `now`: by the cluster's clock. Raises
    Temporary or Permanent."""
    return next(filter(None, (_of_rule(connection, rule, now) for rule in rules)), None)


def _of_rule(connection: Connection, rule: EventsRule, now: datetime) -> Complaint | None:
    since = now - timedelta(minutes=rule.minutes)
    bad = _newest(connection, rule.source, rule.events, since)
    if not bad:
        return None
    good = _newest(connection, rule.source, rule.mended, since)
    open_ = [event for about, event in bad.items() if about not in good or good[about].at < event.at]
    if not open_:
        return None
    last = max(open_, key=lambda event: event.at)
    kind, namespace, name = last.about
    more = f" (and of {len(open_) - 1} more)" if len(open_) > 1 else ""
    message = f"{kind} {namespace}/{name}{more}: {last.said}"
    return Complaint(rule.reason, foreign.text(message, _LONGEST), rule.responsible, rule.remedy)


def _newest(
    connection: Connection, source: str, reasons: tuple[str, ...], since: datetime
) -> Mapping[tuple[str, str, str], _Event]:
    """The newest event about each object, of those after that moment."""
    newest: dict[tuple[str, str, str], _Event] = {}
    for reason in reasons:
        for event in _listed(connection, source, reason):
            known = newest.get(event.about)
            if event.at >= since and (known is None or known.at < event.at):
                newest[event.about] = event
    return newest


def _listed(connection: Connection, source: str, reason: str) -> Iterator[_Event]:
    chosen = f"source={source},reason={reason}"
    with errors.understanding(f"GET {_EVENTS}"):
        for made in connection.list(_EVENTS, page=_A_PAGE, pages=_PAGES, whole=False, fieldSelector=chosen):
            series = made.get("series") or {}
            said = (series.get("lastObservedTime"), made.get("lastTimestamp"), made.get("eventTime"))
            moments = [at for at in map(foreign.moment, said) if at is not None]
            about = made.get("involvedObject") or {}
            if moments:
                yield _Event(
                    (
                        foreign.text(about.get("kind", ""), 63),
                        foreign.name(about.get("namespace")),
                        foreign.name(about.get("name")),
                    ),
                    max(moments),
                    foreign.text(made.get("message") or reason, _LONGEST),
                )
