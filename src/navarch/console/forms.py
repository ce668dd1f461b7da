"""What a form sends: urlencoded, small, and only with the secret of its session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

_MOST_BYTES = 64 * 1024
_MOST_FIELDS = 500


@dataclass(frozen=True, slots=True)
class Form:
    """Fields with their values, as they were typed."""

    fields: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """The last value, without blanks around it; empty where there is none."""
        values = self.fields.get(name) or ("",)
        return values[-1].strip()

    def secret(self, name: str) -> str:
        """The last value as it is: blanks belong to a password."""
        return (self.fields.get(name) or ("",))[-1]

    def texts(self, name: str) -> list[str]:
        """All values that are not empty."""
        return [value for value in self.fields.get(name, ()) if value]

    def filled_but(self, *names: str) -> bool:
        """Whether anything beside these fields is filled in."""
        return any(self.text(name) for name in self.fields if name not in names)

    def ticked(self, name: str) -> bool:
        """Whether a box was ticked."""
        return bool(self.text(name))


EMPTY = Form({})


async def read_form(request: Request) -> Form:
    """The form of a request. Raises HTTPException where it is no form, or too long to be one of ours."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "only forms are taken here")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, "that is too long for a form")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise HTTPException(400, "the form cannot be read") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return Form(fields)


AnyForm = Annotated[Form, Depends(read_form)]
