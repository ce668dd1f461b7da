"""Reading a request's body: a JSON object, bounded in size and depth."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from starlette.requests import Request

from navarch.api.problems import Problem
from navarch.service.understanding import kind_of

Document = dict[str, Any]
_LONGEST_NUMBER = 18
_MEDIA_TYPES = ("", "application/json", "application/merge-patch+json")


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
        raise Problem(400, "malformed", f"the body must be a JSON object, got {kind_of(document)}")
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
