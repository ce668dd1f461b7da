"""Reading a document against a model: strict, and with every mistake found in one pass."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from navarch.domain.admission import Refusal
from navarch.domain.errors import FieldError
from navarch.service.refusals import Invalid

Model = TypeVar("Model", bound=BaseModel)
Admitted = TypeVar("Admitted")
_LONGEST_GUESS = 64  # of a wrong name that is compared with the right ones
_GUESSES = 100  # unknown fields that the nearest known one is looked for; an answer lists no more
_MOST = 300  # problems of one document: who made more has to look at the first of them
_WORDS = {  # what is wrong, by pydantic's types of errors, where its own words are Python's
    "missing": "is required",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "string_too_short": "must not be empty",
}
_ROUNDS = 8  # of dropping what is wrong and looking again


class Asked(BaseModel):
    """A document of a request: every field may be left out, unknown ones are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


def understand(model: type[Model], document: dict[str, Any]) -> tuple[Model, tuple[FieldError, ...]]:
    """As much of the document as fits the model, whose fields are all optional, and what does not. What is wrong is
    dropped, so that the rest can still be judged and all mistakes are told at once, up to some hundreds."""
    remaining, errors = deepcopy(document), list[FieldError]()
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(remaining), tuple(errors)
        except ValidationError as error:
            for wrong in error.errors(include_url=False):
                path = wrong["loc"]
                if len(errors) < _MOST:
                    errors.append(FieldError(_field(path), _detail(model, path, wrong, guess=len(errors) < _GUESSES)))
                _drop(remaining, path, emptied=wrong["type"] == "model_type")
    return model.model_validate({}), tuple(errors)


def judged(errors: Sequence[FieldError], more: Sequence[FieldError]) -> tuple[FieldError, ...]:
    """Both, without what `more` says of fields that were dropped for what `errors` says; the latter alone where not
    everything that was dropped is among them."""
    if len(errors) >= _MOST:
        return tuple(errors)
    dropped = {e.field for e in errors}
    return (*errors, *(e for e in more if dropped.isdisjoint(_with_parents(e.field))))


def accepted(malformed: Sequence[FieldError], admitted: Admitted | Refusal) -> Admitted:
    """What was admitted of a document. Raises Invalid with all that is wrong with it, as it was read or as a wish."""
    errors = judged(malformed, admitted.errors if isinstance(admitted, Refusal) else ())
    if errors or isinstance(admitted, Refusal):
        raise Invalid(errors)
    return admitted


def _with_parents(field: str) -> Iterator[str]:
    """`a.b[0]` itself, `a.b` and `a`."""
    yield field
    for place, character in enumerate(field):
        if character in ".[":
            yield field[:place]


def _field(path: tuple[int | str, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text[:300]


def _detail(model: type[BaseModel], path: tuple[int | str, ...], wrong: Any, *, guess: bool) -> str:
    if wrong["type"] == "extra_forbidden":
        return f"is not a known field{nearest(str(path[-1]), _fields_at(model, path[:-1])) if guess else ''}"
    if wrong["type"] == "refused":
        return str(wrong["msg"])
    message = _WORDS.get(wrong["type"]) or str(wrong["msg"]).replace("Input should be", "must be")
    return f"{message}, got {kind_of(wrong.get('input'))}"


def _fields_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    current: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int):
            continue
        annotation = current.model_fields[part].annotation if current and part in current.model_fields else None
        current = next(_models_in(annotation), None)
    return list(current.model_fields) if current else []


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models_in(part)


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of a sentence about a name that is not known."""
    near = get_close_matches(name[:_LONGEST_GUESS], known, 1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known) or 'none'}"


def _drop(document: Any, path: tuple[int | str, ...], *, emptied: bool) -> None:
    """Remove what the path names from the nearest object above it: of a list with a bad entry, the list. `emptied`:
    what should have been an object is an empty one from then on, and others of its list are judged at their places."""
    parents = [document]
    for part in path[:-1]:
        try:
            parents.append(parents[-1][part])
        except (KeyError, IndexError, TypeError):
            break  # an earlier error has dropped it already
    for place, (parent, key) in reversed(list(enumerate(zip(parents, path, strict=False)))):
        if emptied and place == len(path) - 1 and isinstance(parent, list) and isinstance(key, int):
            parent[key] = {}
            return
        if isinstance(parent, dict):
            parent.pop(key, None)
            return


def kind_of(value: Any) -> str:
    """What a value is, in the words of JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value[:40]!r}"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return type(value).__name__
