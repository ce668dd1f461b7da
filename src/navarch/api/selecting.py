"""Which clusters of a list are asked for: a request as a `Selection`. All that is wrong is told at once."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from navarch.domain.errors import Responsible
from navarch.domain.selection import Order, Selection
from navarch.domain.status import Phase

_MOST = 20  # values of one parameter


class Sort(StrEnum):
    """An order; with a minus the other way round."""

    CREATED = "created"
    NEWEST = "-created"
    NAME = "name"
    NAME_BACKWARDS = "-name"
    PHASE = "phase"
    PHASE_BACKWARDS = "-phase"
    VERSION = "version"
    VERSION_BACKWARDS = "-version"


@dataclass(frozen=True, slots=True)
class Listed:
    """What of a list is asked for, and in which order."""

    selection: Selection
    order: Order
    descending: bool


def _plain(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("malformed", "must be a text without NUL")
    return text


def _label(text: str) -> str:
    key, sign, _ = text.partition("=")
    if not sign or not key or "\x00" in text:
        raise PydanticCustomError("malformed", "must be key=value")
    return text


def _asked_for(
    name: Annotated[
        Annotated[str, AfterValidator(_plain)] | None, Query(max_length=63, description="Only the one of this name.")
    ] = None,
    label: Annotated[
        list[Annotated[str, AfterValidator(_label)]],
        Query(max_length=_MOST, description="key=value; may be repeated: all must match."),
    ] = [],  # noqa: B006 - FastAPI copies it
    search: Annotated[
        Annotated[str, AfterValidator(_plain)],
        Query(
            max_length=200,
            description="Words, in any case. Each must be part of the cluster's name or of one of its labels "
            "(key=value), or the beginning of its id, of 4 characters at the least.",
        ),
    ] = "",
    phase: Annotated[
        list[Phase], Query(max_length=_MOST, description="Only in this phase; may be repeated: one of them.")
    ] = [],  # noqa: B006
    kubernetes_version: Annotated[
        list[Annotated[str, Query(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?$")]],
        Query(
            max_length=_MOST,
            description="Only with this version, as 1.37.2, or with any patch of it, as 1.37; may be repeated: one of "
            "them. Of one that has no version yet the wanted one counts.",
        ),
    ] = [],  # noqa: B006
    responsible: Annotated[
        list[Responsible],
        Query(
            max_length=_MOST,
            description="Only those of which a condition waits for this one to act; may be repeated: one of them.",
        ),
    ] = [],  # noqa: B006
    sort: Annotated[
        Sort,
        Query(
            description="With a minus backwards. Of what is alike the order is that of creation. Of a watch: unused."
        ),
    ] = Sort.CREATED,
) -> Listed:
    pairs = tuple((key, value) for key, _, value in (text.partition("=") for text in label))
    words = tuple(dict.fromkeys(search.lower().split()))
    selection = Selection(name, pairs, words, tuple(phase), tuple(kubernetes_version), tuple(responsible))
    return Listed(selection, Order(sort.removeprefix("-")), sort.startswith("-"))


AskedFor = Annotated[Listed, Depends(_asked_for)]
