"""What is wrong with an add-on because of the others of its cluster, by the fields of a request for it."""

from collections.abc import Collection, Iterable, Iterator

from navarch.domain.catalogue import Card
from navarch.domain.chosen import Chosen
from navarch.domain.errors import FieldError
from navarch.domain.neighbours import lacking, needed_by, providers, unbearable
from navarch.service.refusals import InTheWay


def of_new(
    wish: Chosen, before: Collection[Chosen], others: Collection[Chosen], offered: Iterable[Card]
) -> Iterator[FieldError]:
    """Of one that is asked for. `before`: what it has to bear; `others`: what it can rely on; `offered`: all of the
    catalogue."""
    yield from (FieldError("entry", said) for said in unbearable(wish, before))
    yield from (FieldError("entry", said) for said in _missing(wish, others, offered))


def of_change(
    before: Chosen, after: Chosen, others: Collection[Chosen], offered: Iterable[Card]
) -> Iterator[FieldError]:
    """Of one that is to be of another version."""
    if before.version == after.version:
        return
    yield from (FieldError("version", said) for said in unbearable(after, others))
    yield from (FieldError("version", said) for said in _missing(after, others, offered))
    for name in needed_by(before, others, as_=after):
        yield FieldError("version", f"add-on {name} requires what {after.version} does not provide")


def check_removal(wish: Chosen, others: Collection[Chosen]) -> None:
    """Raises InTheWay for one that others require."""
    if not wish.leaving and (names := needed_by(wish, others)):
        raise InTheWay("add-on-needed", f"{', '.join(names)} cannot do without add-on {wish.name}; remove that first")


def _missing(wish: Chosen, others: Collection[Chosen], offered: Iterable[Card]) -> Iterator[str]:
    cards = tuple(offered)
    for name in lacking(wish, others):
        by = providers(name, cards)
        where = f"install {' or '.join(by)} first, or with it" if by else "no entry of the catalogue provides that"
        yield f"{wish.entry} requires {name}, which the cluster does not have: {where}"
