"""What is installed is named by its inputs, pinned, and free of index hosts."""

from pathlib import Path

from navarch_lab.install import DEBIAN_PACKAGES, lock_file, ovs_path, suite_sources, venv_path

DEB822 = """\
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://vendor.example/apt
Suites: stable
Components: main
"""


def test_the_hosts_sources_are_turned_to_another_suite_without_third_parties() -> None:
    text = suite_sources(DEB822, "trixie", "bookworm")
    assert "Suites: trixie trixie-updates" in text
    assert "Suites: trixie-security" in text
    assert "vendor.example" not in text
    assert "bookworm" not in text


def test_one_line_sources_are_turned_too_and_comments_and_backports_left_out() -> None:
    text = (
        "deb http://mirror.example/debian bookworm main\n"
        "# deb http://mirror.example/debian bookworm contrib\n"
        "deb http://mirror.example/debian bookworm-backports main\n"
    )
    assert suite_sources(text, "trixie", "bookworm") == "deb http://mirror.example/debian trixie main\n"


def test_a_file_that_names_another_suite_gives_nothing() -> None:
    assert suite_sources("deb http://vendor.example/apt stable main\n", "trixie", "bookworm") == ""


def test_other_requirements_get_another_environment() -> None:
    cache = Path("/cache")
    assert venv_path(cache, "nova==34.0.0\n") == venv_path(cache, "nova==34.0.0\n")
    assert venv_path(cache, "nova==34.0.0\n") != venv_path(cache, "nova==34.0.1\n")
    assert venv_path(cache, "x").parent == cache / "venvs"
    assert ovs_path(cache).parent == cache / "ovs"


def test_every_requirement_is_pinned_with_a_hash_and_no_index_is_named() -> None:
    text = lock_file().read_text()
    requirements = [line for line in text.splitlines() if line and line[0] not in " #-"]
    assert len(requirements) > 100
    assert not [line for line in requirements if "==" not in line]
    assert not [line for line in requirements if not line.endswith("\\")], "a requirement without hashes"
    assert "://" not in text
    assert "index-url" not in text


def test_what_the_services_call_is_installed() -> None:
    assert len(DEBIAN_PACKAGES) == len(set(DEBIAN_PACKAGES))
    assert {"iptables", "xfsprogs", "systemd-container", "e2fsprogs"} <= set(DEBIAN_PACKAGES)
