"""A request with several mistakes gets all of them in one answer, and nothing is made."""

from actors import Customer


def test_every_mistake_is_named_at_once_and_nothing_is_made(alpha: Customer) -> None:
    answer = alpha.navarch(
        "cluster", "create", "Not_A_Name", "--version", "9.9.9", "--control-plane-replicas", "2",
        "--control-plane-flavor", "m1.tiny", "--node-group", "name=web,flavor=nope,replicas=1,zones=z9",
        "--external-network", "nowhere", "--etcd-volume-type", "tape",
        "--node-cidr", "10.0.0.0/24", "--pod-cidr", "10.0.0.0/16", "--no-wait",
    )  # fmt: skip
    assert answer.code == 4, answer.out + answer.err
    said = answer.out + answer.err
    for word in ("name", "9.9.9", "1, 3 or 5", "m1.tiny", "nope", "z9", "nowhere", "tape", "overlap"):
        assert word in said, f"{word!r} is not in:\n{said}"
    assert alpha.must("cluster", "list", "-o", "json").json == []
    assert alpha.left() == []


def test_a_quota_that_does_not_suffice_is_told_before_anything_is_made(alpha: Customer) -> None:
    answer = alpha.navarch("cluster", "create", "greedy", "--workers", "90", "--no-wait")
    assert answer.code == 4, answer.out + answer.err
    said = answer.out + answer.err
    assert "quota" in said.lower()
    assert "free" in said.lower()
    assert alpha.left() == []


def test_a_plan_changes_nothing(alpha: Customer) -> None:
    answer = alpha.must("cluster", "create", "thought", "--dry-run", "-o", "json")
    assert "CreateServer" in answer.out
    assert alpha.must("cluster", "list", "-o", "json").json == []
    assert alpha.left() == []
