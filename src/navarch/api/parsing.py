"""Reading a request's body: bounded, strict, and with every mistake found in one pass."""

import json
import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from navarch.api.problems import Problem
from navarch.domain.errors import FieldError

Model = TypeVar("Model", bound=BaseModel)
Document = dict[str, Any]
_LONGEST_NUMBER = 18
_MEDIA_TYPES = ("", "application/json", "application/merge-patch+json")
_LONGEST_GUESS = 64  # of a wrong name that is compared with the right ones
_ROUNDS = 8  # of dropping what is wrong and looking again


async def read_document(request: Request, *, limit: int, depth: int, plain_text: bool = True) -> Document:
    """The JSON object in a body. `plain_text`: refuse texts that no database and no terminal takes. Raises Problem."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise Problem(415, "not-json", "the body must be application/json")
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Problem(415, "compressed", "the body must not be compressed", headers={"Accept-Encoding": "identity"})
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise Problem(413, "too-large", f"the body may have at most {limit} bytes")
    document = _parsed(content)
    _check(document, depth, plain_text)
    if not isinstance(document, dict):
        raise Problem(400, "malformed", f"the body must be a JSON object, got {_kind(document)}")
    return document


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(
            content.decode(),
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError:
        raise Problem(400, "malformed", "the body is not UTF-8") from None
    except RecursionError:
        raise Problem(400, "malformed", "the body is nested too deeply") from None
    except ValueError as error:
        raise Problem(400, "malformed", f"the body is not JSON: {error}") from None


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _real(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is out of range")
    return number


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _check(document: Any, depth: int, plain_text: bool) -> None:
    """Bound the nesting and refuse texts that cannot be kept."""
    level = [document]
    for _ in range(depth):
        if not level:
            return
        if plain_text and any(not _storable(text) for text in _texts(level)):
            raise Problem(400, "malformed", "the body has a text with a NUL or half a surrogate pair")
        level = [child for value in level for child in _children(value)]
    if level:
        raise Problem(400, "malformed", f"the body is nested deeper than {depth} levels")


def _texts(values: list[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from value


def _children(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return tuple(value.values())
    return value if isinstance(value, list) else ()


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def merge(document: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def understand(model: type[Model], document: Document) -> tuple[Model, tuple[FieldError, ...]]:
    """As much of the document as fits the model, whose fields are all optional, and what does not. What is wrong is
    dropped, so that the rest can still be judged and all mistakes are told at once."""
    remaining, errors = deepcopy(document), list[FieldError]()
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(remaining), tuple(errors)
        except ValidationError as error:
            for wrong in error.errors(include_url=False):
                path = wrong["loc"]
                errors.append(FieldError(_field(path), _detail(model, path, wrong)))
                _drop(remaining, path)
    return model.model_validate({}), tuple(errors)


def judged(errors: Sequence[FieldError], more: Sequence[FieldError]) -> tuple[FieldError, ...]:
    """Both, without what `more` says of fields that were dropped for what `errors` says."""
    dropped = tuple(e.field for e in errors)
    return (
        *errors,
        *(e for e in more if not any(e.field == d or e.field.startswith((f"{d}.", f"{d}[")) for d in dropped)),
    )


def _field(path: tuple[int | str, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text[:300]


def _detail(model: type[BaseModel], path: tuple[int | str, ...], wrong: Any) -> str:
    if wrong["type"] == "extra_forbidden":
        return f"is not a known field{nearest(str(path[-1]), _fields_at(model, path[:-1]))}"
    if wrong["type"] == "missing":
        return "is required"
    message = str(wrong["msg"]).replace("Input should be", "must be").replace("Value error, ", "")
    return f"{message}, got {_kind(wrong.get('input'))}"


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


def _drop(document: Any, path: tuple[int | str, ...]) -> None:
    """Remove what the path names from the nearest object above it: of a list with a bad entry, the list."""
    parents = [document]
    for part in path[:-1]:
        try:
            parents.append(parents[-1][part])
        except (KeyError, IndexError, TypeError):
            break  # an earlier error has dropped it already
    for parent, key in reversed(list(zip(parents, path, strict=False))):
        if isinstance(parent, dict):
            parent.pop(key, None)
            return


def _kind(value: Any) -> str:
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
