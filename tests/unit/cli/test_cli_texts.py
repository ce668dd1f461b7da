"""Other people's words do nothing on a terminal."""

import json

import httpx
import pytest

from navarch.client.errors import Problem
from navarch.client.follow import events
from navarch.client.http import _decoded, _problem
from navarch.client.texts import harmless

OBEYED = {
    "a title": "\x1b]0;pwned\x07",
    "the clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "colours": "\x1b[31mred",
    "C1": "\x9b31mred",
    "overwriting": "fine\rnot",
    "backspaces": "a\x08b",
    "another direction": "\u202etxt.exe",
    "isolates": "\u2066x\u2069",
}


@pytest.mark.parametrize("word", OBEYED.values(), ids=OBEYED)
def test_no_answer_does_anything_on_a_terminal(word: str) -> None:
    document = {"a": [word, {"b": word, word: 1}], "n": 3, "none": None}
    answer = httpx.Response(200, json=document, request=httpx.Request("GET", "https://x/"))
    said = list(events(["event: cluster", f"data: {json.dumps(document)}", ""]))
    refusal = _problem(httpx.Response(409, json={"title": "t", "detail": word}))
    assert isinstance(refusal, Problem)
    for shown in (_decoded(answer), said[0][1], str(refusal)):
        text = json.dumps(shown, ensure_ascii=False)
        assert not [c for c in text if c in "\x1b\x07\x08\r\x9b\u202e\u2066\u2069"]
        assert "\\u001b" not in text and "\\r" not in text and "\\u0007" not in text and "\\b" not in text


def test_what_people_write_stays_as_it_is() -> None:
    document = {"log": "one\n\ttwo", "name": "Jürgen 😀 日本 e\u0301", "count": 1.5, "list": [True, None]}
    assert harmless(document) == document
