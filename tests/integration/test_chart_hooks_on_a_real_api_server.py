"""Hooks of chosen add-ons on a real kube-apiserver: at a removal, of other kinds than Jobs, and tests on request."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.kube_apiserver import ApiServer
from tests.integration.test_charts_on_a_real_api_server import (
    AVAILABLE,
    CONFIG_MAPS,
    DEPLOYMENTS,
    JOBS,
    Shop,
    config_map,
    deployment,
    hook,
    namespace,
    report,
)
from tests.integration.test_charts_on_a_real_api_server import api as api
from tests.integration.test_charts_on_a_real_api_server import shop as shop

from navarch.addons import hooks
from navarch.addons.connection import Connection
from navarch.addons.contract import Trial
from navarch.addons.errors import Absent
from navarch.charts.objects import kept_apart
from navarch.domain.catalogue import Item
from navarch.domain.errors import Permanent, Responsible, Temporary

pytestmark = pytest.mark.kube

ACCOUNTS = "/api/v1/namespaces/shop/serviceaccounts"
PODS = "/api/v1/namespaces/shop/pods"
STARTED = {"startTime": "2026-01-01T00:00:00Z"}


def there(api: Connection, path: str) -> bool:
    try:
        api.get(path)
    except Absent:
        return False
    return True


def ends(api: Connection, name: str) -> None:
    """Say of a Job what its controller would say."""
    ended = {**STARTED, "completionTime": "2026-01-01T00:00:09Z", "succeeded": 1}
    good = [{"type": t, "status": "True"} for t in ("SuccessCriteriaMet", "Complete")]
    api.merge(f"{JOBS}/{name}/status", {"status": {**ended, "conditions": good}})


def account(name: str, when: str, **annotations: str) -> dict[str, Any]:
    metadata = {"name": name, "annotations": {"helm.sh/hook": when, **annotations}}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def pod(name: str, when: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": {"helm.sh/hook": when}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.example.org/curl:8"}]},
    }


def until(so: Callable[[], Any]) -> None:
    end = time.monotonic() + 120
    while not so():
        assert time.monotonic() < end
        time.sleep(0.1)


def removal(*made: dict[str, Any], generation: int = 2) -> dict[str, Any]:
    return {"hooks": made, "mark": f"removal {generation}", "namespace": "shop"}


def test_hooks_of_a_removal_run_around_it_and_go_with_it(shop: Shop, api: Connection, kube: ApiServer) -> None:
    while shop.apply(namespace(), config_map(a="1"), deployment()).waits:
        report(api, f"{DEPLOYMENTS}/web", **AVAILABLE)
    asked = removal(account("cleaner", "pre-delete"), hook("drain", "pre-delete"), hook("archive", "post-delete"))

    assert shop.remove(**asked) == ("hook drain is started",)
    assert there(api, f"{ACCOUNTS}/cleaner"), "what a Job needs is there before it"
    assert api.get(f"{JOBS}/drain")["spec"]["activeDeadlineSeconds"] == 600
    assert shop.remove(**asked) == ("hook drain: not complete",)
    assert there(api, f"{DEPLOYMENTS}/web")
    assert {i.name for i in shop.items if i.hook} == {"cleaner", "drain", "archive"}, "noted before they are made"
    ends(api, "drain")
    assert not there(api, f"{JOBS}/archive")
    until(lambda: shop.remove(**asked) == ("hook archive is started",))
    assert not there(api, f"{DEPLOYMENTS}/web"), "what runs after the removal comes after it"
    assert not there(api, f"{CONFIG_MAPS}/settings")
    assert there(api, f"{JOBS}/drain"), "else it would run once more"
    ends(api, "archive")
    with kube.controllers("namespace-controller"):
        until(lambda: not shop.remove(**asked))
    assert not any(there(api, path) for path in (f"{JOBS}/drain", f"{JOBS}/archive", f"{ACCOUNTS}/cleaner"))
    assert not there(api, "/api/v1/namespaces/shop")


def test_a_worker_that_dies_once_hooks_have_run_has_them_run_by_nobody_again(
    shop: Shop, api: Connection, kube: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.apply(namespace(), config_map(a="1"))
    asked = removal(account("cleaner", "pre-delete"), hook("drain", "pre-delete"))
    shop.remove(**asked)
    ends(api, "drain")
    until(lambda: shop.remove(**asked) or not there(api, f"{CONFIG_MAPS}/settings"))

    noted = shop.note

    def dies(items: tuple[Item, ...]) -> None:
        if not any(item.hook for item in items):
            raise Temporary("the database is away")
        noted(items)

    with monkeypatch.context() as patched, pytest.raises(Temporary, match="away"):
        patched.setattr(shop, "note", dies)
        until(lambda: not shop.remove(**asked))
    assert not there(api, f"{JOBS}/drain")
    assert "drain" not in " ".join(shop.remove(**asked))
    assert not there(api, f"{JOBS}/drain"), "it would run without its account, or do its work twice"
    with kube.controllers("namespace-controller"):
        until(lambda: not shop.remove(**asked))


def test_a_hook_that_the_cluster_refuses_is_its_owners_to_mend(shop: Shop, api: Connection) -> None:
    restricted = namespace()
    restricted["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "restricted"}
    shop.apply(restricted, config_map(a="1"))
    api.create(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
    with pytest.raises(Permanent, match=r"hook Pod speaks cannot be made: .*restricted") as refused:
        shop.remove(**removal(pod("speaks", "pre-delete")))
    assert (refused.value.reason, refused.value.responsible) == ("HookFailed", Responsible.USER)
    assert "--no-hooks" in refused.value.remedy
    api.delete(f"{ACCOUNTS}/default")
    api.merge("/api/v1/namespaces/shop", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}})


def test_a_hook_that_hangs_ends_by_its_deadline_and_the_removal_goes_on_without(
    shop: Shop, api: Connection, kube: ApiServer
) -> None:
    shop.apply(namespace(), config_map(a="1"))
    hangs = hook("drain", "pre-delete")
    hangs["spec"] |= {"activeDeadlineSeconds": 1, "backoffLimit": 0}
    shop.remove(**removal(hangs))
    with kube.controllers("job-controller"):  # nothing runs its pod
        with pytest.raises(Permanent, match=r"hook drain failed: .*active longer than specified deadline") as failed:
            until(lambda: not shop.remove(**removal(hangs)))
        assert failed.value.reason == "HookFailed"
        assert "--no-hooks" in failed.value.remedy
        assert there(api, f"{JOBS}/drain"), "for people to read"
        assert there(api, f"{CONFIG_MAPS}/settings"), "nothing is removed before"
    with kube.controllers("namespace-controller", "garbage-collector-controller"):
        until(lambda: not shop.remove())  # as `--no-hooks` has it
    assert not there(api, f"{JOBS}/drain"), "it goes with the rest, for the inventory has it"


def test_a_hook_that_nobody_ends_is_given_up_by_the_clock(
    shop: Shop, api: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.apply(namespace(), config_map(a="1"))
    hangs = hook("drain", "pre-delete")
    hangs["spec"] |= {"activeDeadlineSeconds": 1}
    shop.remove(**removal(hangs))
    monkeypatch.setattr(hooks, "_LATE_SECONDS", 1)
    with pytest.raises(Permanent, match="hook drain did not end within 1 s: not complete"):
        until(lambda: not shop.remove(**removal(hangs)))
    until(lambda: not shop.remove() or not there(api, f"{CONFIG_MAPS}/settings"))


def test_a_job_of_somebody_elses_is_no_hook(shop: Shop, api: Connection) -> None:
    shop.apply(namespace(), config_map(a="1"))
    mine = hook("drain", "pre-delete")
    mine["metadata"] = {"name": "drain", "namespace": "shop"}
    api.create(JOBS, mine)
    with pytest.raises(Permanent, match="not of the add-on") as taken:
        shop.remove(**removal(hook("drain", "pre-delete")))
    assert taken.value.reason == "ObjectsInTheWay"
    assert there(api, f"{JOBS}/drain")
    api.delete(f"{JOBS}/drain")


def test_what_hooks_need_stays_while_the_add_on_is_there(shop: Shop, api: Connection) -> None:
    passing = {"helm.sh/hook-delete-policy": "hook-succeeded"}
    before = (account("keeper", "pre-install"), account("passer", "pre-install,pre-upgrade", **passing))
    objects = (namespace(), *before, hook("prepare", "pre-install"), config_map(a="1"))
    assert shop.apply(*objects).waits == ("hook prepare is started",)
    assert there(api, f"{ACCOUNTS}/keeper")
    assert there(api, f"{ACCOUNTS}/passer")
    ends(api, "prepare")
    assert not shop.apply(*objects).waits
    assert there(api, f"{ACCOUNTS}/keeper")
    assert not there(api, f"{ACCOUNTS}/passer")
    assert not there(api, f"{JOBS}/prepare")

    assert not shop.look().lost
    assert not shop.apply(*objects, upgrade=True, applied=True).waits
    shop.generation = 2
    assert not shop.apply(*objects, upgrade=True).waits
    assert there(api, f"{ACCOUNTS}/keeper"), "an upgrade, of which it is no hook, leaves it"
    assert not shop.apply(namespace(), config_map(a="1"), upgrade=True).waits
    assert not there(api, f"{ACCOUNTS}/keeper"), "a chart that has it no more takes it along"


def test_tests_run_when_they_are_asked_for_and_again(shop: Shop, api: Connection) -> None:
    tests = (pod("speaks", "test"), hook("counts", "test-success"))
    assert not shop.apply(namespace(), config_map(a="1"), *tests).waits
    assert not there(api, f"{PODS}/speaks")

    _, in_order = kept_apart(tests)

    def trial(mark: str) -> str:
        return shop.clusters.test(shop.access, Trial("shop", "shop", mark, shop.items, in_order), shop.note)

    assert trial("test 1") == "hook counts is started"
    assert trial("test 1") == "hook counts: not complete"
    ends(api, "counts")
    with pytest.raises(Temporary, match="service account"):  # which its controller makes a moment later
        trial("test 1")
    api.create(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
    assert trial("test 1") == "hook Pod speaks is started"
    assert api.get(f"{PODS}/speaks")["spec"]["activeDeadlineSeconds"] == 600
    api.merge(f"{PODS}/speaks/status", {"status": {"phase": "Running"}})
    assert trial("test 1") == "hook Pod speaks: not complete"
    ended = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    gone = {**ended, "state": {"terminated": {"exitCode": 7}}}
    api.merge(f"{PODS}/speaks/status", {"status": {"phase": "Failed", "containerStatuses": [gone]}})
    with pytest.raises(Permanent, match="hook Pod speaks failed: exit code 7"):
        trial("test 1")

    assert trial("test 2") == "hook counts of before is being removed"
    assert trial("test 2") == "hook counts is started"
    ends(api, "counts")
    assert trial("test 2") == "hook Pod speaks of before is being removed"
    until(lambda: trial("test 2") == "hook Pod speaks is started")
    api.merge(f"{PODS}/speaks/status", {"status": {"phase": "Succeeded"}})
    assert trial("test 2") == ""
    assert not shop.look().lost, "what tests leave is not looked after"
    assert shop.apply(namespace(), config_map(a="1"), *tests, applied=True).waits == ()
    assert there(api, f"{PODS}/speaks"), "people read its logs"


def test_a_worker_that_dies_between_the_last_hook_and_its_note_has_none_run_once_more(
    shop: Shop, api: Connection
) -> None:
    objects = (namespace(), hook("before", "pre-install"), config_map(a="1"), hook("after", "post-install"))
    assert shop.apply(*objects).waits == ("hook before is started",)
    ends(api, "before")
    assert shop.apply(*objects).waits == ("hook after is started",)
    ends(api, "after")
    before = shop.items
    assert not shop.apply(*objects).waits
    assert not there(api, f"{JOBS}/before")
    shop.items = shop.noted[-1]  # what was written last, when the worker dies before it says that all is applied
    assert shop.items != before
    done = shop.apply(*objects)
    assert not done.waits
    assert not any(there(api, f"{JOBS}/{name}") for name in ("before", "after"))
    assert not any(item.hook for item in done.items)

    shop.generation += 1
    assert shop.apply(*objects).waits == ("hook before is started",), "of another wish they run"
