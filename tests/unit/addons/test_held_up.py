"""What holds a pod up, in words."""

from typing import Any

import pytest

from navarch.addons.held_up import lacking, trouble
from navarch.domain.errors import Temporary


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web-1"}, "status": status}


def waits(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"name": "c", "image": "x/web:1", "state": {"waiting": {"reason": reason, "message": message}}, **more}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"containerStatuses": [waits("ErrImagePull", "not found")]}, "image x/web:1 cannot be pulled: not found"),
        ({"initContainerStatuses": [waits("InvalidImageName")]}, "image x/web:1 cannot be pulled: InvalidImageName"),
        (
            {"containerStatuses": [waits("CreateContainerConfigError", 'secret "s" not found')]},
            'container c cannot be started: secret "s" not found',
        ),
        (
            {"containerStatuses": [waits("CrashLoopBackOff", lastState={"terminated": {"exitCode": 2}})]},
            "container c ends again and again, with exit code 2",
        ),
        (
            {
                "containerStatuses": [
                    waits(
                        "CrashLoopBackOff",
                        lastState={"terminated": {"exitCode": 128, "reason": "StartError", "message": "no folder"}},
                    )
                ]
            },
            "container c cannot be started: no folder",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]},
            "no node takes it: 0/3 nodes are available",
        ),
        ({"containerStatuses": [waits("ContainerCreating")]}, ""),
        ({"containerStatuses": [{"name": "c", "state": {"running": {}}}]}, ""),
        ({}, ""),
    ],
)
def test_what_holds_it_up(status: dict[str, Any], said: str) -> None:
    assert trouble(pod(**status)) == (f"pod web-1: {said}" if said else "")


def test_words_of_a_hostile_cluster_are_cut_and_made_safe() -> None:
    said = trouble(pod(containerStatuses=[waits("ErrImagePull", "\x1b[31m" + "x" * 1000)]))
    assert len(said) <= 300
    assert "\x1b" not in said


def test_where_the_pods_cannot_be_asked_the_workloads_own_word_is_enough() -> None:
    class Away:
        def within(self, seconds: float) -> "Away":
            return self

        def list(self, *path: str, **query: Any) -> Any:
            raise Temporary("no answer", reason="NotAnswering", after=1.0)

    selector = {"matchLabels": {"app": "web"}}
    seen = {
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "generation": 1},
        "spec": {"selector": selector},
        "status": {"observedGeneration": 1},
    }
    connection: Any = Away()
    assert lacking(connection, seen) == "0 of 1 replicas available"
