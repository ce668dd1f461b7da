import json

from navarch_images.modules import Graph, built_with, follow, substituted

LEADER = """module leader

require example.org/leader v1.37.2

require (
	example.org/net v0.57.0 // indirect
	example.org/text v0.40.0 // indirect
	example.org/api v0.0.0 // indirect
)

replace (
	example.org/api => example.org/api v0.37.2
	example.org/unused => example.org/unused v0.37.2
)
"""
FOLLOWER = """module follower

tool example.org/program/cmd/program

require example.org/program v1.0.0

require (
	example.org/net v0.59.0 // indirect
	example.org/text v0.40.0 // indirect
	example.org/own v2.0.0+incompatible // indirect
)

replace example.org/folder => ./folder
"""


def test_a_graph_is_what_is_required_with_what_replaces_it() -> None:
    graph = Graph.of(LEADER)
    assert graph.direct == {"example.org/leader"}
    assert graph.versions() == {
        "example.org/leader": "v1.37.2", "example.org/net": "v0.57.0", "example.org/text": "v0.40.0",
        "example.org/api": "v0.37.2", "example.org/unused": "v0.37.2",
    }  # fmt: skip
    assert Graph.of("require (\n\texample.org/a v1.0.0 // v1 of it\n)\n").versions() == {"example.org/a": "v1.0.0"}
    assert "example.org/folder" not in Graph.of(FOLLOWER).versions()


def test_a_follower_takes_the_leaders_versions_of_what_both_use_and_of_nothing_else() -> None:
    followed = follow(FOLLOWER, LEADER)
    assert followed.startswith(FOLLOWER)
    assert Graph.of(followed).versions()["example.org/net"] == "v0.57.0"
    assert Graph.of(followed).replaced == {"example.org/net": "v0.57.0"}


def test_following_again_changes_nothing_and_follows_a_newer_leader() -> None:
    followed = follow(FOLLOWER, LEADER)
    assert follow(followed, LEADER) == followed
    assert Graph.of(follow(followed, LEADER.replace("v0.57.0", "v0.58.0"))).replaced == {"example.org/net": "v0.58.0"}
    assert follow(followed, LEADER.replace("v0.57.0", "v0.59.0")) == FOLLOWER


def test_what_a_component_names_itself_keeps_its_version() -> None:
    direct = FOLLOWER.replace("example.org/net v0.59.0 // indirect", "example.org/net v0.59.0")
    assert follow(direct, LEADER) == direct


def test_who_uses_the_leader_itself_gets_its_version_and_all_its_replacements() -> None:
    using = FOLLOWER.replace("example.org/net v0.59.0", "example.org/leader v1.36.0")
    assert Graph.of(follow(using, LEADER)).replaced == {
        "example.org/api": "v0.37.2", "example.org/leader": "v1.37.2", "example.org/unused": "v0.37.2"
    }  # fmt: skip


def test_substituted_libraries_are_those_in_the_program_that_upstream_has_in_another_version() -> None:
    built = built_with(
        json.dumps(
            {
                "Main": {"Path": "example.org/program", "Version": "v1.0.0"},
                "Deps": [
                    {"Path": "example.org/net", "Version": "v0.59.0", "Replace": {"Path": "x", "Version": "v0.57.0"}},
                    {"Path": "example.org/text", "Version": "v0.40.0"},
                    {"Path": "example.org/new", "Version": "v1.0.0"},
                ],
            }
        )
    )
    assert built["example.org/program"] == "v1.0.0"
    upstream = "require (\n\texample.org/net v0.50.0\n\texample.org/text v0.40.0\n\texample.org/gone v1.0.0\n)\n"
    assert substituted(built, upstream) == {"example.org/net": {"built": "v0.57.0", "upstream": "v0.50.0"}}


def test_a_program_without_dependencies_substitutes_nothing() -> None:
    assert substituted(built_with('{"Main": {"Path": "navarch.dev/x"}}'), "module x\n") == {}
