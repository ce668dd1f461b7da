import json

from navarch_images.modules import Graph, built_with, follow, substituted

LEADER = """module leader

require (
	example.org/net v0.57.0
	example.org/text v0.40.0 // indirect
	example.org/staging v0.0.0 // indirect
)

replace example.org/staging => ./staging
"""
FOLLOWER = """module follower

tool example.org/program/cmd/program

require example.org/program v1.0.0

require (
	example.org/net v0.59.0 // indirect
	example.org/text v0.40.0 // indirect
	example.org/staging v0.37.0 // indirect
	example.org/own v2.0.0+incompatible // indirect
)

replace (
	example.org/folder => ./folder
	example.org/staging => example.org/staging v0.37.2 // as the leader has it
)
"""


def test_a_graph_is_what_is_required_with_what_replaces_it() -> None:
    graph = Graph.of(FOLLOWER)
    assert graph.required["example.org/staging"] == "v0.37.0"
    assert graph.replaced == {"example.org/staging": "v0.37.2"}
    assert graph.versions() == {
        "example.org/program": "v1.0.0", "example.org/net": "v0.59.0", "example.org/text": "v0.40.0",
        "example.org/staging": "v0.37.2", "example.org/own": "v2.0.0+incompatible",
    }  # fmt: skip
    assert Graph.of("require (\n\texample.org/a v1.0.0 // v1 of it\n)\n").versions() == {"example.org/a": "v1.0.0"}


def test_a_follower_takes_the_leaders_versions_of_what_both_use_and_of_nothing_else() -> None:
    followed = follow(FOLLOWER, LEADER)
    assert followed.startswith(FOLLOWER)
    assert Graph.of(followed).replaced == {"example.org/staging": "v0.37.2", "example.org/net": "v0.57.0"}


def test_following_again_changes_nothing_and_follows_a_newer_leader() -> None:
    followed = follow(FOLLOWER, LEADER)
    assert follow(followed, LEADER) == followed
    newer = Graph.of(follow(followed, LEADER.replace("v0.57.0", "v0.58.0")))
    assert newer.replaced["example.org/net"] == "v0.58.0"
    assert follow(followed, LEADER.replace("v0.57.0", "v0.59.0")) == FOLLOWER


def test_what_a_component_replaces_by_itself_is_left_alone() -> None:
    own = FOLLOWER + "\nreplace example.org/net => example.org/net v0.58.1\n"
    assert follow(own, LEADER) == own


def test_substituted_libraries_are_those_in_the_program_that_upstream_has_in_another_version() -> None:
    built = built_with(
        json.dumps(
            {
                "Main": {"Path": "example.org/program", "Version": "v1.0.0"},
                "Deps": [
                    {"Path": "example.org/net", "Version": "v0.59.0", "Replace": {"Path": "x", "Version": "v0.57.0"}},
                    {"Path": "example.org/text", "Version": "v0.40.0"},
                    {"Path": "example.org/new", "Version": "v1.0.0"},
                    {"Path": "example.org/big", "Version": "v1.0.0", "Replace": {"Path": "./small"}},
                ],
            }
        )
    )
    assert built["example.org/program"] == "v1.0.0"
    upstream = """require (
	example.org/net v0.50.0
	example.org/text v0.40.0
	example.org/big v1.0.0
	example.org/gone v1.0.0
)
"""
    assert substituted(built, upstream) == {
        "example.org/big": {"built": "./small", "upstream": "v1.0.0"},
        "example.org/net": {"built": "v0.57.0", "upstream": "v0.50.0"},
    }


def test_a_program_without_dependencies_substitutes_nothing() -> None:
    assert substituted(built_with('{"Main": {"Path": "navarch.dev/x"}}'), "module x\n") == {}
