"""`/kaas/v1/addons`, the catalogue, and `/kaas/v1/clusters/{cluster}/addons`, what a cluster chose of it."""

from dataclasses import asdict
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from navarch.api import policy
from navarch.api.access import Body, DryRun, IfMatch, MayRead, allowed, answer, etag
from navarch.api.models.addon_plans import AddonPlanView
from navarch.api.models.addons import (
    AddonPage,
    AddonStatusView,
    AddonTestView,
    AddonView,
    BesideView,
    CreatedView,
    EntryDetailView,
    EntryPage,
    EntryView,
    KindCountView,
    ObjectView,
    RequiredAddonView,
    TrialRunView,
)
from navarch.api.models.responses import ConditionView
from navarch.api.problems import documented
from navarch.charts.objects import stays
from navarch.domain.catalogue import Beside, Card, Item
from navarch.domain.chosen import Chosen
from navarch.domain.required import RequiredAddon
from navarch.service import chosen, presented
from navarch.service.access import Access
from navarch.service.choice import AddonPlan
from navarch.service.chosen import Shown
from navarch.store.contract import StoredEntry

router = APIRouter(prefix="/kaas/v1", tags=["add-ons"])

MayLook = Annotated[Access, Depends(allowed(policy.OFFER))]
MayWrite = Annotated[Access, Depends(allowed(policy.ADDONS))]
EntryVersion = Annotated[str | None, Query(max_length=60, description="Of the entry. Default: the newest.")]
ForKubernetes = Annotated[
    str | None,
    Query(
        pattern=r"^\d{1,4}\.\d{1,4}(\.\d{1,4})?$",
        description="Without a version: the newest for this Kubernetes, or the newest where none is for it.",
    ),
]
_ADDONS = "/clusters/{cluster}/addons"
# Whoever opens the address itself gets a document in which nothing runs and which asks for nothing.
_AS_IMAGE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=3600",
}


@router.get("/addons", response_model=EntryPage, responses=documented(400, 401, 403, 503))
def list_entries(access: MayLook) -> Any:
    """What can be chosen, and what every cluster has: `required`."""
    return EntryPage(entries=[EntryView(**_entry(versions)) for versions in chosen.entries(access)])


@router.get("/addons/{name}", response_model=EntryDetailView, responses=documented(400, 401, 403, 404, 503))
def show_entry(access: MayLook, name: str, version: EntryVersion = None, kubernetes: ForKubernetes = None) -> Any:
    """One entry, with its README and the schema of its values."""
    found = presented.entry(access, name, version=version, kubernetes=kubernetes)
    shown = _entry(found.versions, found.entry)
    return EntryDetailView(**shown, readme=found.readme, values_schema=dict(found.entry.schema))


@router.get(
    "/addons/{name}/icon",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}, **documented(400, 401, 403, 404, 503)},
)
def show_icon(access: MayLook, name: str, version: EntryVersion = None) -> Any:
    """Its icon: an SVG without programs, and with a policy under which none would run."""
    return Response(presented.icon(access, name, version=version), media_type="image/svg+xml", headers=_AS_IMAGE)


@router.get(_ADDONS, response_model=AddonPage, responses=documented(400, 401, 403, 404, 503))
def list_addons(access: MayRead, cluster: str) -> Any:
    """What a cluster has: what it chose of the catalogue, and what every cluster has."""
    found, required = chosen.all_of(access, cluster)
    return AddonPage(
        addons=[_view(shown) for shown in found],
        required=[_required_view(its, card) for its, card in required],
    )


@router.post(
    _ADDONS,
    status_code=202,
    response_model=AddonView | AddonPlanView,
    responses={
        200: {"model": AddonPlanView, "description": "dry_run: what would be done."},
        202: {"model": AddonView, "description": "Accepted; `status` tells how it goes."},
        **documented(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
    openapi_extra={"x-body": "NewAddon"},
)
def install_addon(access: MayWrite, body: Body, cluster: str, dry_run: DryRun = False) -> Any:
    """Choose an add-on of the catalogue. Its values are checked before anything is written."""
    if dry_run:
        return _planned(chosen.plan_creation(access, cluster, body))
    made = chosen.create(access, cluster, body)
    return _answer(made, 202, Location=f"/kaas/v1/clusters/{cluster}/addons/{made.chosen.name}")


@router.get(f"{_ADDONS}/{{name}}", response_model=AddonView, responses=documented(400, 401, 403, 404, 409, 503))
def show_addon(access: MayRead, cluster: str, name: str) -> Any:
    """One add-on."""
    return _answer(chosen.show(access, cluster, name))


@router.patch(
    f"{_ADDONS}/{{name}}",
    response_model=AddonView | AddonPlanView,
    responses=documented(400, 401, 403, 404, 409, 412, 413, 415, 422, 503),
    openapi_extra={"x-body": "AddonPatch", "x-body-media-type": "application/merge-patch+json"},
)
def change_addon(
    access: MayWrite, body: Body, cluster: str, name: str, if_match: IfMatch, dry_run: DryRun = False
) -> Any:
    """Merge a patch (RFC 7396): another version, other values. A value of null is the entry's default again."""
    if dry_run:
        return _planned(chosen.plan_change(access, cluster, name, body, generations=if_match))
    return _answer(chosen.change(access, cluster, name, body, generations=if_match))


@router.delete(
    f"{_ADDONS}/{{name}}",
    status_code=202,
    response_model=AddonView,
    responses=documented(400, 401, 403, 404, 409, 412, 503),
)
def remove_addon(
    access: MayWrite,
    cluster: str,
    name: str,
    if_match: IfMatch,
    with_: Annotated[
        Literal["data"] | None,
        Query(alias="with", description="data: definitions of kinds go, with all objects of these kinds, and claims."),
    ] = None,
    no_hooks: Annotated[
        bool, Query(description="No hook of its chart runs. It may be said later, of a removal that a hook holds up.")
    ] = False,
) -> Any:
    """Ask an add-on to go; `status.objects` says what stays. Asking again changes nothing, but for `no_hooks`."""
    gone = chosen.remove(access, cluster, name, with_data=with_ == "data", no_hooks=no_hooks, generations=if_match)
    return _answer(gone, 202)


@router.post(
    f"{_ADDONS}/{{name}}/test",
    status_code=202,
    response_model=AddonView | AddonTestView,
    responses={
        200: {"model": AddonTestView, "description": "dry_run: what would run."},
        202: {"model": AddonView, "description": "Accepted; the condition Tested tells how it goes."},
        **documented(400, 401, 403, 404, 409, 503),
    },
)
def run_addon_tests(access: MayWrite, cluster: str, name: str, dry_run: DryRun = False) -> Any:
    """Have the tests of an add-on's chart run (`helm.sh/hook: test`); once more, if they ran before. Asking while they
    run changes nothing."""
    if dry_run:
        plan = chosen.plan_test(access, cluster, name)
        return answer(AddonTestView.model_validate(asdict(plan)).model_dump_json().encode())
    return _answer(chosen.test(access, cluster, name), 202)


def _entry(versions: tuple[StoredEntry, ...], its: StoredEntry | None = None) -> dict[str, Any]:
    """`its`: the version that is shown; the newest where none is named."""
    card = (its or versions[0]).card
    terms = card.terms
    told = [{"version": v.card.version, "kubernetes": v.card.kubernetes, "changes": v.card.changes} for v in versions]
    query = urlencode({"version": card.version})
    icon = f"/kaas/v1/addons/{card.name}/icon?{query}" if presented.has_icon(card) else None
    shown = asdict(card) | {"versions": told, "icon": icon}
    shown |= {"instances": "one" if terms.alone else "many", "leaves": terms.leaves}
    shown |= {"provides": terms.provides, "requires": terms.requires, "conflicts": terms.conflicts}
    return {name: shown[name] for name in EntryView.model_fields}


def _required_view(its: RequiredAddon, card: Card | None) -> RequiredAddonView:
    """As the API's release says it; of one that only workers of another release know there is nothing but its name."""
    said = {name: getattr(card, name) if card else "" for name in ("description", "category", "licence")}
    return RequiredAddonView(
        name=its.name,
        title=card.title if card else its.name,
        phase=its.phase.value,
        version=its.version,
        message=its.message,
        **said,
    )


def _view(shown: Shown) -> AddonView:
    wish, status = shown.chosen, shown.chosen.status
    return AddonView(
        name=wish.name,
        title=shown.title,
        entry=wish.entry,
        version=wish.version,
        namespace=wish.namespace,
        values=shown.values,
        generation=wish.generation,
        created_at=wish.created_at,
        deletion_requested_at=wish.deletion_requested_at,
        test_requested_at=wish.test_requested_at,
        upgrade=shown.upgrade,
        creates=[CreatedView.model_validate({**asdict(m), "labels": dict(m.labels)}) for m in shown.creates],
        leaves=list(wish.terms.leaves),
        needed_by=list(shown.needed_by),
        status=AddonStatusView(
            phase=status.phase.value,
            version=status.applied_version,
            conditions=[ConditionView.model_validate(c) for c in status.conditions],
            objects=[_object(i, wish) for i in status.items],
            notes=status.notes,
            tests=list(status.tests),
            test=None if status.test is None else TrialRunView(**asdict(status.test)),
            removal_hooks=list(status.removal_hooks),
            beside=None if status.beside is None else _beside(status.beside, wish),
        ),
    )


def _object(item: Item, wish: Chosen) -> ObjectView:
    return ObjectView(
        kind=item.kind, namespace=item.namespace, name=item.name, stays=stays(item, with_data=wish.with_data)
    )


def _beside(counted: Beside, wish: Chosen) -> BesideView:
    return BesideView(
        claims=[_object(claim, wish) for claim in counted.claims],
        objects=[KindCountView(kind=kind, count=count) for kind, count in counted.objects],
        at=counted.at,
    )


def _answer(shown: Shown, status: int = 200, **headers: str) -> Response:
    content = _view(shown).model_dump_json().encode()
    return answer(content, status, ETag=etag(shown.chosen.generation), **headers)


def _planned(plan: AddonPlan) -> Response:
    return answer(AddonPlanView.model_validate(asdict(plan)).model_dump_json().encode())
