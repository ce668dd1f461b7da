"""Frozen values to JSON and back, by their type hints alone.

Handles dataclasses, `X | None`, unions of dataclasses (told apart by `"$type"`), tuples, frozensets, enums, datetimes
(RFC 3339) and JSON's own scalars. Reading is forgiving where versions of Navarch overlap during an upgrade: unknown
keys are ignored, missing ones take the field's default. Reading is strict in types: a wrong one raises `Undecodable`.

`draft` reads what people wrote. There, null is as good as missing, pairs are an object, and a field that is missing and
has no default is empty: an empty text, 0, an empty tuple. Such a field is Navarch's to choose (`admission`).
"""

import json
from collections.abc import Callable, Hashable
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Json = None | bool | int | float | str | list[Any] | dict[str, Any]
_TYPE = "$type"  # no field can have this name


class Undecodable(ValueError):
    """The data does not fit the type; the message names the path."""


def encode(value: object, hint: object = None) -> Json:
    """A value as JSON-able data; `hint`: its type, where the value alone does not say it (a tuple). Raises TypeError
    for a type that the codec does not know."""
    return cast(Json, _encoder(hint or type(value))(value))


def decode(type_: type[T], data: object) -> T:
    """The value of that type that `encode` made `data` from. Raises Undecodable."""
    return cast(T, _decoder(cast(Hashable, type_))(data, type_.__name__))


def draft(type_: type[T], data: object) -> T:
    """The value that a person's document asks for, with what it leaves to Navarch empty. Raises Undecodable."""
    return cast(T, _decoder(cast(Hashable, type_), True)(data, type_.__name__))


def read(type_: type[T], text: str) -> T:
    """The value in JSON text. What was read lately is not read again: values are frozen. Raises Undecodable."""
    return cast(T, _read(cast(Hashable, type_), text))


@lru_cache(maxsize=8192)
def _read(type_: Any, text: str) -> object:
    return decode(type_, json.loads(text))


Encoder = Callable[[Any], Any]
Decoder = Callable[[Any, str], Any]


def _same(value: Any) -> Any:
    return value


def _union_members(hint: Any) -> tuple[Any, ...] | None:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else None


@cache
def _encoder(hint: Any) -> Encoder:
    members = _union_members(hint)
    if members is not None:
        return _union_encoder(tuple(m for m in members if m is not NoneType))
    origin = get_origin(hint)
    if origin in (tuple, frozenset, list):
        return _sequence_encoder(hint)
    if hint in (str, int, float, bool, NoneType, Any, object):
        return _same
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda value: value.value
    if hint is datetime:
        return lambda value: value.isoformat()
    if is_dataclass(hint):
        return _dataclass_encoder(cast(type, hint))
    raise TypeError(f"the codec does not know {hint!r}")


def _union_encoder(members: tuple[Any, ...]) -> Encoder:
    if len(members) == 1:
        inner = _encoder(members[0])
        return lambda value: None if value is None else inner(value)
    if any(is_dataclass(m) for m in members):
        return lambda value: (
            None if value is None else {_TYPE: type(value).__name__} | cast(dict[str, Any], encode(value))
        )
    return lambda value: None if value is None else encode(value)


def _sequence_encoder(hint: Any) -> Encoder:
    args = get_args(hint)
    if get_origin(hint) is tuple and not (len(args) == 2 and args[1] is Ellipsis):
        inners = tuple(_encoder(a) for a in args)
        return lambda value: [inner(v) for inner, v in zip(inners, value, strict=True)]
    inner = _encoder(args[0])
    if get_origin(hint) is frozenset:
        return lambda value: [inner(v) for v in sorted(value, key=repr)]  # one value, one text: rows can be compared
    return lambda value: [inner(v) for v in value]


def _dataclass_encoder(type_: type) -> Encoder:
    hints = get_type_hints(type_)
    members = tuple((f.name, _encoder(hints[f.name])) for f in fields(type_) if f.init)
    return lambda value: {name: inner(getattr(value, name)) for name, inner in members}


@cache
def _decoder(hint: Any, drafting: bool = False) -> Decoder:
    members = _union_members(hint)
    if members is not None:
        return _union_decoder(members, drafting)
    origin = get_origin(hint)
    if origin in (tuple, frozenset, list):
        return _sequence_decoder(hint, drafting)
    if hint in (Any, object):
        return lambda data, path: data
    if hint is float:
        return _float
    if hint in (str, int, bool, NoneType):
        return _scalar_decoder(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum_decoder(hint)
    if hint is datetime:
        return _datetime
    if is_dataclass(hint):
        return _draft_decoder(cast(type, hint)) if drafting else _dataclass_decoder(cast(type, hint))
    raise TypeError(f"the codec does not know {hint!r}")


def _float(data: Any, path: str) -> float:
    if isinstance(data, bool) or not isinstance(data, int | float):
        raise Undecodable(f"{path}: a number was expected, got {type(data).__name__}")
    return float(data)


def _scalar_decoder(hint: type) -> Decoder:
    def scalar(data: Any, path: str) -> Any:
        if type(data) is not hint:
            raise Undecodable(f"{path}: {hint.__name__} was expected, got {type(data).__name__}")
        return data

    return scalar


def _enum_decoder(hint: type[Enum]) -> Decoder:
    def member(data: Any, path: str) -> Any:
        try:
            return hint(data)
        except ValueError as error:
            raise Undecodable(f"{path}: {error}") from None

    return member


def _datetime(data: Any, path: str) -> datetime:
    try:
        return datetime.fromisoformat(data)
    except (TypeError, ValueError) as error:
        raise Undecodable(f"{path}: {error}") from None


def _union_decoder(members: tuple[Any, ...], drafting: bool) -> Decoder:
    optional = NoneType in members
    present = tuple(m for m in members if m is not NoneType)
    kinds: dict[str, Any] = {m.__name__: m for m in present if isinstance(m, type) and is_dataclass(m)}
    decoders = tuple((m, _decoder(m, drafting)) for m in present)

    def one_of(data: Any, path: str) -> Any:
        if data is None and optional:
            return None
        if len(decoders) == 1:
            return decoders[0][1](data, path)
        if kinds and isinstance(data, dict):
            member = kinds.get(data.get(_TYPE, ""))
            if member is None:
                raise Undecodable(f"{path}: unknown type {data.get(_TYPE)!r}")
            return _decoder(member, drafting)(data, path)
        for _, decoder in decoders:
            try:
                return decoder(data, path)
            except Undecodable:
                continue
        raise Undecodable(f"{path}: {type(data).__name__} fits none of {', '.join(str(m) for m in present)}")

    return one_of


def _sequence_decoder(hint: Any, drafting: bool) -> Decoder:
    args, origin = get_args(hint), cast(type, get_origin(hint))
    fixed = origin is tuple and not (len(args) == 2 and args[1] is Ellipsis)
    inners = tuple(_decoder(a, drafting) for a in args if a is not Ellipsis)
    pairs = drafting and hint == tuple[tuple[str, str], ...]

    def sequence(data: Any, path: str) -> Any:
        if pairs and isinstance(data, dict):
            data = [pair for pair in data.items() if pair[1] is not None]
        if not isinstance(data, list | tuple):
            raise Undecodable(f"{path}: a list was expected, got {type(data).__name__}")
        if fixed:
            if len(data) != len(inners):
                raise Undecodable(f"{path}: {len(inners)} items were expected, got {len(data)}")
            return tuple(inner(item, path) for inner, item in zip(inners, data, strict=True))
        return origin(inners[0](item, f"{path}[{i}]") for i, item in enumerate(data))

    return sequence


def _dataclass_decoder(type_: type) -> Decoder:
    hints = get_type_hints(type_)
    members = tuple(
        (f.name, _decoder(hints[f.name]), f.default is MISSING and f.default_factory is MISSING)
        for f in fields(type_)
        if f.init
    )

    def instance(data: Any, path: str) -> Any:
        if not isinstance(data, dict):
            raise Undecodable(f"{path}: an object was expected, got {type(data).__name__}")
        found = {name: inner(data[name], f"{path}.{name}") for name, inner, _ in members if name in data}
        missing = [name for name, _, required in members if required and name not in found]
        if missing:
            raise Undecodable(f"{path}: {', '.join(missing)} missing")
        return type_(**found)

    return instance


def _draft_decoder(type_: type) -> Decoder:
    hints = get_type_hints(type_)
    members = tuple(
        (f.name, _decoder(hints[f.name], True), f.default is MISSING and f.default_factory is MISSING, hints[f.name])
        for f in fields(type_)
        if f.init
    )

    def instance(data: Any, path: str) -> Any:
        if not isinstance(data, dict):
            raise Undecodable(f"{path}: an object was expected, got {type(data).__name__}")
        found = {}
        for name, inner, required, hint in members:
            if data.get(name) is not None:
                found[name] = inner(data[name], f"{path}.{name}")
            elif required:
                found[name] = _empty(hint)
        return type_(**found)

    return instance


def _empty(hint: Any) -> Any:
    if is_dataclass(hint):
        return _decoder(cast(Hashable, hint), True)({}, "")
    return cast(type, get_origin(hint) or hint)()
