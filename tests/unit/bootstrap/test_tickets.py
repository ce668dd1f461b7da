"""Join tickets and report tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.bootstrap.tickets import MachineTokens, digest

TOKENS = MachineTokens(bytes(32))


def test_a_ticket_is_long_random_and_kept_as_a_digest_only() -> None:
    one, two = TOKENS.issue_ticket("cluster", "m-1"), TOKENS.issue_ticket("cluster", "m-1")
    assert one[0] != two[0]
    assert len(one[0]) >= 43  # 256 bits
    assert one[1] == digest(one[0])
    assert one[0].encode() not in one[1]
    assert len(one[1]) == 32


def test_a_ticket_says_whose_it_is_and_is_no_report_token_nor_the_other_way_round() -> None:
    ticket, _ = TOKENS.issue_ticket("cluster", "m-1")
    assert TOKENS.open_ticket(ticket) == ("cluster", "m-1")
    assert TOKENS.open(ticket) is None
    assert TOKENS.open_ticket(TOKENS.issue("cluster", "m-1")) is None
    assert MachineTokens(bytes([1] * 32)).open_ticket(ticket) is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_token_says_whose_it_is(cluster_id: str, machine: str) -> None:
    assert TOKENS.open(TOKENS.issue(cluster_id, machine)) == (cluster_id, machine)


def test_a_machine_that_asks_again_gets_the_same_token() -> None:
    assert TOKENS.issue("a", "m-1") == TOKENS.issue("a", "m-1")
    assert TOKENS.issue("a", "m-1") != TOKENS.issue("a", "m-2")


def test_names_cannot_be_shifted_from_one_part_to_the_other() -> None:
    assert TOKENS.issue("a", "bc") != TOKENS.issue("ab", "c")


def test_no_altered_token_opens() -> None:
    token = TOKENS.issue("cluster", "m-1")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for position, letter in enumerate(token):
        if letter != "=":
            other = letters[(letters.index(letter) + 1) % 64]
            assert TOKENS.open(token[:position] + other + token[position + 1 :]) is None


def test_another_servers_token_does_not_open() -> None:
    assert TOKENS.open(MachineTokens(bytes([1] * 32)).issue("cluster", "m-1")) is None


@pytest.mark.parametrize("token", ["", "=", "abc", "é", "A" * 44, "A" * 100, " " * 60, "a.b.c"])
def test_nonsense_is_no_token(token: str) -> None:
    assert TOKENS.open(token) is None


@given(st.text(max_size=200))
def test_no_text_makes_it_stumble(token: str) -> None:
    assert TOKENS.open(token) is None


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        MachineTokens(b"short")
