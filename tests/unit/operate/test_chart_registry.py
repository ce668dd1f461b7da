"""Charts pulled from a registry, as a registry may answer. A real one: tests/integration/test_registry.py."""

import hashlib
import json
from collections.abc import Callable

import httpx
import pytest

from navarch.charts.entry import MOST_PACKED, NoEntry
from navarch.operate.chart_registry import Address, Credentials, pull

CHART = b"a packed chart"
KIND = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
SHOP = Address("registry.example.org", "charts/shop", "1.2.0")
Answers = Callable[[httpx.Request], httpx.Response]


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest(*layers: str, kind: str = KIND) -> bytes:
    return json.dumps({"layers": [{"mediaType": kind, "digest": each} for each in layers]}).encode()


def answer(status: int, content: bytes = b"", **headers: str) -> httpx.Response:
    """One whose content is still to come."""
    return httpx.Response(status, content=iter([content]), headers={k.replace("_", "-"): v for k, v in headers.items()})


def registry(said: bytes, chart: bytes = CHART) -> Answers:
    """One that answers everybody."""
    return lambda asked: answer(200, said if "/manifests/" in asked.url.path else chart)


def pulled(answers: Answers, address: Address = SHOP, password: str = "") -> bytes:
    return pull(address, Credentials(user="ci", password=password), httpx.MockTransport(answers))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("oci://r.example.org/charts/shop:1.2.0", Address("r.example.org", "charts/shop", "1.2.0")),
        ("oci://127.0.0.1:5000/shop:1.2.0+b1", Address("127.0.0.1:5000", "shop", "1.2.0+b1")),
        (f"oci://[::1]:5000/a/b@{digest(CHART)}", Address("[::1]:5000", "a/b", "", digest(CHART))),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert Address.read(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "oci://r.example.org/shop",
        "oci://r.example.org/../shop:1",
        "oci://u:p@r.example.org/shop:1",
        "oci://r.example.org/shop:1?x=y",
        "oci://r.example.org/Shop:1",
        "oci://r.example.org/shop@sha256:abc",
        "oci://r.example.org/a/../../b:1",
        "oci://r.example.org/a//b:1",
        "oci://r.example.org:99999/shop:1",
        "oci://r.example.org:٤٤٣/shop:1",
        "oci://a..b/shop:1",
        "oci://xn--a/shop:1",
        "oci://[::::]/shop:1",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NoEntry, match="address is oci://"):
        Address.read(text)


def test_a_tag_has_no_plus() -> None:
    assert Address("r", "shop", "1.2.0+b1").reference == "1.2.0_b1"


def test_the_chart_is_the_layer_of_helms_kind() -> None:
    assert pulled(registry(manifest(digest(CHART)))) == CHART
    by_digest = Address(SHOP.host, SHOP.name, "", digest(manifest(digest(CHART))))
    assert pulled(registry(manifest(digest(CHART))), by_digest) == CHART


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (registry(manifest(digest(b"another"))), "what came is not sha256:"),
        (registry(manifest(digest(CHART), kind="application/vnd.oci.image.layer.v1.tar")), "is no chart: .* names 0"),
        (registry(manifest(digest(CHART), digest(CHART))), "names 2 layers"),
        (registry(manifest("sha256:../../x")), "no digest"),
        (registry(b"[" * 100_000), "no JSON object"),
        (registry(b"[]"), "no JSON object"),
        (registry(b'{"layers": {"a": 1}}'), "names 0 layers"),
        (registry(manifest(digest(CHART)), b"x" * (MOST_PACKED + 1)), "more than 2 MiB"),
        (lambda asked: answer(404), "answers 404 .*: there is none"),
        (lambda asked: answer(401), "wants to know who asks"),
        (lambda asked: answer(302, Location="http://elsewhere/x"), "without TLS"),
    ],
)
def test_what_a_registry_answers_otherwise_is_told(answers: Answers, said: str) -> None:
    with pytest.raises(NoEntry, match=said):
        pulled(answers)


def test_a_manifest_of_another_digest_is_refused() -> None:
    with pytest.raises(NoEntry, match="what came is not"):
        pulled(registry(manifest(digest(CHART))), Address(SHOP.host, SHOP.name, "", digest(b"what was looked at")))


def test_a_registry_that_cannot_be_reached_is_named() -> None:
    def away(asked: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=asked)

    with pytest.raises(NoEntry, match=r"registry\.example\.org: no route"):
        pulled(away)


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_token_is_fetched_where_the_registry_wants_one(password: str) -> None:
    asked = list[httpx.Request]()

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.host == "tokens.example.org":
            assert dict(request.url.params) == {"service": "r", "scope": "repository:charts/shop:pull"}
            return answer(200, b'{"token": "t1"}')
        if request.headers.get("Authorization") == "Bearer t1":
            return registry(manifest(digest(CHART)))(request)
        challenge = 'Bearer realm="https://tokens.example.org/t",service="r",scope="repository:charts/shop:pull"'
        return answer(401, WWW_Authenticate=challenge)

    assert pulled(answers, password=password) == CHART
    to_tokens = [r for r in asked if r.url.host == "tokens.example.org"]
    assert len(to_tokens) == 1
    assert ("Authorization" in to_tokens[0].headers) is bool(password)


def test_a_password_goes_neither_out_in_clear_nor_to_another_host() -> None:
    asked = list[httpx.Request]()

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.host == "blobs.example.org":
            return answer(200, CHART)
        if "Authorization" not in request.headers:
            return answer(401, WWW_Authenticate='Basic realm="r"')
        if "/blobs/" in request.url.path:
            return answer(307, Location="https://blobs.example.org/x")
        return answer(200, manifest(digest(CHART)))

    assert pulled(answers, password="secret") == CHART
    assert [("Authorization" in r.headers) for r in asked if r.url.host == "blobs.example.org"] == [False]
    assert [("Authorization" in r.headers) for r in asked if r.url.host == SHOP.host][1:] == [True, True]
    insecure = 'Bearer realm="http://tokens.example.org/t"'
    with pytest.raises(NoEntry, match="does not take this password of ci"):
        pulled(lambda r: answer(401, WWW_Authenticate=insecure), password="secret")


def test_whom_a_registry_sends_to_is_not_told_who_asks() -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        assert "Authorization" not in request.headers
        assert request.url.host != "evil.example.org"
        if request.url.host == SHOP.host:
            return answer(302, Location="https://blobs.example.org/x")
        return answer(401, WWW_Authenticate='Bearer realm="https://evil.example.org/"')

    with pytest.raises(NoEntry, match=r"blobs\.example\.org answers 401"):
        pulled(answers, password="secret")


def test_what_a_redirect_says_is_not_read() -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            302, headers={"Location": "https://registry.example.org/again"}, content=map(pytest.fail, ["it was read"])
        )

    with pytest.raises(NoEntry, match="more than 5 times"):
        pulled(answers)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (lambda: answer(500), r"tokens\.example\.org, which gives tokens, answers 500"),
        (lambda: answer(200, b'{"token": "t\\u00e9"}'), "gives no token"),
        (lambda: answer(200, b'{"token": ["t"]}'), "gives no token"),
        (lambda: answer(200, b"{}"), "gives no token"),
    ],
)
def test_who_gives_no_token_is_named(tokens: Callable[[], httpx.Response], said: str) -> None:
    challenge = 'Bearer realm="https://tokens.example.org/t?y=1",service="r"'

    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.host == "tokens.example.org":
            assert dict(request.url.params) == {"y": "1", "service": "r"}
            return tokens()
        return answer(401, WWW_Authenticate=challenge)

    with pytest.raises(NoEntry, match=said):
        pulled(answers)


def test_an_address_that_is_none_in_a_challenge_is_refused() -> None:
    with pytest.raises(NoEntry):
        pulled(lambda r: answer(401, WWW_Authenticate='Bearer realm="https://h:bad/"'))
