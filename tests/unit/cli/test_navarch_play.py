"""`navarch-play`, as far as it says no before it asks anybody."""

import pytest

from navarch.playground.pods import main


def test_all_that_is_wrong_with_a_deployment_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["--cpu", "much", "--memory", "-1Gi", "--label", "tier", "--label", "=web"]
    assert main(["deploy", "web", "3", "-c", "shop", *wrong]) == 2
    assert capsys.readouterr().err == (
        "Error: --cpu: 'much' is no quantity; --memory: '-1Gi' is no quantity; "
        "--label: 'tier' is not KEY=VALUE; --label: '=web' is not KEY=VALUE\n"
    )


def test_a_number_that_no_deployment_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "web", "1001", "-c", "shop"]) == 2
    assert "1001" in capsys.readouterr().err
