"""Sealed secrets open for who sealed them, in their context, unaltered."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.bootstrap.sealing import Sealer, Unsealable, load_keys, new_key
from navarch.domain.errors import Responsible

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


@given(st.binary(max_size=5000), st.text(max_size=40))
def test_what_was_sealed_opens_again(content: bytes, context: str) -> None:
    assert Sealer(OLD).unseal(context, Sealer(OLD).seal(context, content)) == content


def test_nothing_of_the_content_shows_and_no_two_seals_are_alike() -> None:
    one, two = (Sealer(OLD).seal("a", b"very secret words") for _ in range(2))
    assert b"secret" not in one
    assert one != two


def test_every_altered_byte_is_noticed() -> None:
    sealed = Sealer(OLD).seal("a", b"words")
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(Unsealable):
            Sealer(OLD).unseal("a", bytes(altered))


@pytest.mark.parametrize("length", [0, 3, 4, 84, 99])
def test_a_seal_cut_short_is_refused(length: int) -> None:
    with pytest.raises(Unsealable):
        Sealer(OLD).unseal("a", Sealer(OLD).seal("a", b"words")[:length])


def test_a_secret_cannot_be_passed_off_as_another_clusters() -> None:
    sealed = Sealer(OLD).seal("cluster-a/secrets", b"words")
    with pytest.raises(Unsealable, match="another's"):
        Sealer(OLD).unseal("cluster-b/secrets", sealed)


def test_keys_are_rotated_by_putting_the_new_one_first() -> None:
    sealed = Sealer(OLD).seal("a", b"words")
    both = Sealer(NEW, OLD)
    assert both.unseal("a", sealed) == b"words"
    assert not both.is_current(sealed)
    again = both.seal("a", both.unseal("a", sealed))
    assert both.is_current(again)
    assert Sealer(NEW).unseal("a", again) == b"words"


def test_a_retired_key_is_named_and_somebody_is_asked_to_bring_it_back() -> None:
    sealed = Sealer(OLD).seal("a", b"words")
    with pytest.raises(Unsealable, match="not loaded") as caught:
        Sealer(NEW).unseal("a", sealed)
    assert caught.value.responsible is Responsible.NAVARCH_OPERATOR


def test_a_key_of_another_length_is_no_key() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(b"short")
    with pytest.raises(ValueError, match="at least one"):
        Sealer()


def test_a_sealer_does_not_show_its_keys() -> None:
    assert OLD.hex() not in repr(vars(Sealer(OLD)))


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_keys_come_from_a_file_current_one_first(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    sealed = load_keys(key_file(tmp_path, old)).seal("a", b"words")
    both = load_keys(key_file(tmp_path, f"# since June\n{new}\n\n{old}  # to be retired\n"))
    assert both.unseal("a", sealed) == b"words"
    assert not both.is_current(sealed)


@pytest.mark.parametrize(("text", "message"), [("", "no key"), ("AAAA", "line 1"), ("# x\nnot base64!", "line 2")])
def test_a_file_without_proper_keys_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load_keys(key_file(tmp_path, text))
    assert "AAAA" not in str(caught.value)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="chmod 600"):
        load_keys(key_file(tmp_path, new_key(), 0o640))
