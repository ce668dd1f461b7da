"""Add-ons: what the catalogue offers and what the cluster has of it; installed, changed, upgraded and removed, each
with what it would do before it is done."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from navarch.client.errors import FieldProblem, Problem
from navarch.console import following, schemas
from navarch.console.changes import conflict, field_problems, flat, seen_generation, told
from navarch.console.following import Picture
from navarch.console.forms import EMPTY, Form
from navarch.console.pages.addons.plans import shown_plan
from navarch.console.readmes import news
from navarch.console.schemas import Field
from navarch.console.visits import InProject, Posted, Visit, see

Json = dict[str, Any]
router = APIRouter()
_ALL = "/clusters/{cluster}/addons"
_INSTALL = "/clusters/{cluster}/catalogue/{entry}"
_ONE = "/clusters/{cluster}/addon/{addon}"
_ASIDE = ("name", "version", "namespace", schemas.ROOT)  # fields of a form that are no value's
_CHOSEN, _ADDON = {"chosen": "addons/_chosen.html"}, {"addon": "addons/_addon.html"}


@router.get(_ALL)
def show_all(visit: InProject, cluster: str) -> Response:
    """What it has, and what it could have."""
    values = _chosen(visit, cluster)
    return visit.page("addons/list.html", entries=visit.navarch.entries(), **values)


@router.get(_ALL + "/stream")
def stream_all(visit: InProject, cluster: str) -> Response:
    """What it has, as that changes."""
    return following.stream(visit, cluster, "addons", lambda its: Picture(_CHOSEN, _chosen(visit, its)))


@router.get(_INSTALL)
def offer(visit: InProject, cluster: str, entry: str, version: Annotated[str, Query(max_length=60)] = "") -> Response:
    """The form that the schema of an entry's version makes."""
    return _offer(visit, cluster, entry, Form({"version": [version]}) if version else EMPTY)


@router.post(_INSTALL + "/plan")
def plan_installation(visit: InProject, form: Posted, cluster: str, entry: str) -> Response:
    """What would come."""
    found = visit.navarch.cluster(cluster)
    values, wrong = schemas.typed(schemas.fields_of(_entry(visit, found, entry, form)["values_schema"]), form)
    return visit.page(
        "addons/plan.html", **_planned(lambda: visit.navarch.plan_addon(found["id"], _wish(entry, form, values)), wrong)
    )


@router.post(_INSTALL)
def install(visit: InProject, form: Posted, cluster: str, entry: str) -> Response:
    """Ask for it."""
    found = visit.navarch.cluster(cluster)
    values, wrong = schemas.typed(schemas.fields_of(_entry(visit, found, entry, form)["values_schema"]), form)
    wish = _wish(entry, form, values)
    if wrong:
        wrong = _all_wrong(lambda: visit.navarch.plan_addon(found["id"], wish), wrong)
        return _offer(visit, cluster, entry, form, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.text("do") == "plan":
        return _offer(visit, cluster, entry, form)
    try:
        made = visit.navarch.install_addon(found["id"], wish)
    except Problem as problem:
        return _offer(visit, cluster, entry, form, field_problems(problem), problem.status)
    return see(f"/clusters/{found['id']}/addon/{made['name']}")


@router.get(_ONE)
def show(visit: InProject, cluster: str, addon: str) -> Response:
    """How it is."""
    return visit.page("addons/show.html", **_one(visit, cluster, addon))


@router.get(_ONE + "/stream")
def stream(visit: InProject, cluster: str, addon: str) -> Response:
    """How it is, as that changes."""
    return following.stream(
        visit,
        cluster,
        f"addon {addon}",
        lambda its: Picture(_ADDON, _one(visit, its, addon)),
        elsewhere=f"/clusters/{cluster}/addons",
    )


@router.get(_ONE + "/change")
def look_at_values(visit: InProject, cluster: str, addon: str) -> Response:
    """The form, with what is set."""
    return _values(visit, cluster, addon, EMPTY)


@router.post(_ONE + "/change/plan")
def plan_change(visit: InProject, form: Posted, cluster: str, addon: str) -> Response:
    """What other values would change."""
    its = _one(visit, cluster, addon)["addon"]
    values, wrong = schemas.patch(_fields(visit, its), its["values"], form)
    return visit.page(
        "addons/plan.html",
        **_planned(lambda: visit.navarch.plan_addon_update(cluster, addon, {"values": values}), wrong),
    )


@router.post(_ONE + "/change")
def change(visit: InProject, form: Posted, cluster: str, addon: str) -> Response:
    """Ask for them."""
    its = _one(visit, cluster, addon)["addon"]
    values, wrong = schemas.patch(_fields(visit, its), its["values"], form)
    if wrong:
        wrong = _all_wrong(lambda: visit.navarch.plan_addon_update(cluster, addon, {"values": values}), wrong)
        return _values(visit, cluster, addon, form, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.text("do") == "plan":
        return _values(visit, cluster, addon, form)
    if not values:  # nothing was touched: nothing is asked for
        return see(f"/clusters/{cluster}/addon/{addon}")
    try:
        visit.navarch.update_addon(cluster, addon, {"values": values}, if_match=seen_generation(form))
    except Problem as problem:
        return _values(visit, cluster, addon, form, field_problems(problem), problem.status)
    return see(f"/clusters/{cluster}/addon/{addon}")


@router.get(_ONE + "/upgrade")
def look_at_versions(
    visit: InProject, cluster: str, addon: str, to: Annotated[str, Query(max_length=60)] = ""
) -> Response:
    """Other versions; `to`: with what that one would change."""
    return _versions(visit, cluster, addon, to, EMPTY)


@router.post(_ONE + "/upgrade")
def upgrade(visit: InProject, form: Posted, cluster: str, addon: str) -> Response:
    """Ask for one."""
    to = form.text("to")
    try:
        visit.navarch.update_addon(cluster, addon, {"version": to}, if_match=seen_generation(form))
    except Problem as problem:
        return _versions(visit, cluster, addon, to, form, told(problem), problem.status)
    return see(f"/clusters/{cluster}/addon/{addon}")


@router.get(_ONE + "/remove")
def leave(visit: InProject, cluster: str, addon: str) -> Response:
    """What would go, and what would stay."""
    return _leaving(visit, cluster, addon, EMPTY)


@router.post(_ONE + "/remove")
def remove(visit: InProject, form: Posted, cluster: str, addon: str) -> Response:
    """Ask it to go."""
    if form.text("name") != _one(visit, cluster, addon)["addon"]["name"]:
        return _leaving(visit, cluster, addon, form, misspelt=True, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        visit.navarch.remove_addon(
            cluster, addon, with_data=form.text("data") == "with", no_hooks=form.text("hooks") == "skip"
        )
    except Problem as problem:
        return _leaving(visit, cluster, addon, form, told(problem), problem.status)
    return see(f"/clusters/{cluster}/addon/{addon}")


@router.get(_ONE + "/test")
def look_at_tests(visit: InProject, cluster: str, addon: str) -> Response:
    """What would run."""
    return _tests(visit, cluster, addon)


@router.post(_ONE + "/test")
def test(visit: InProject, form: Posted, cluster: str, addon: str) -> Response:
    """Have its tests run."""
    try:
        visit.navarch.test_addon(cluster, addon)
    except Problem as problem:
        return _tests(visit, cluster, addon, told(problem), problem.status)
    return see(f"/clusters/{cluster}/addon/{addon}")


def _tests(
    visit: Visit, cluster: str, addon: str, wrong: list[str] | None = None, status: int = HTTPStatus.OK
) -> Response:
    plan: Json | None = None
    try:
        plan = visit.navarch.plan_addon_test(cluster, addon)
    except Problem as problem:
        wrong = wrong or told(problem)
    return visit.page("addons/test.html", status, **_one(visit, cluster, addon), tests=plan, wrong=wrong or [])


def _chosen(visit: Visit, cluster: str) -> Json:
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    its = navarch.all_addons(found["id"])
    return {"cluster": found, "chosen": its["addons"], "required": its.get("required", []), "now": navarch.now()}


def _one(visit: Visit, cluster: str, addon: str) -> Json:
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    its = navarch.addon(found["id"], addon)
    return {"cluster": found, "addon": its, "set": flat(its["values"]), "now": navarch.now()}


def _fields(visit: Visit, addon: Mapping[str, Any]) -> tuple[Field, ...]:
    """Of the version that it has."""
    return schemas.fields_of(visit.navarch.entry(addon["entry"], version=addon["version"])["values_schema"])


def _entry(visit: Visit, cluster: Mapping[str, Any], entry: str, form: Form) -> Json:
    """The entry in the version that the form asks for; where there is no such version, which the API says at its field,
    in the one that would be chosen."""
    version, kubernetes = form.text("version"), cluster["spec"]["kubernetes_version"]
    try:
        return visit.navarch.entry(entry, version=version or None, kubernetes=kubernetes)
    except Problem as problem:
        if not version or problem.status != HTTPStatus.NOT_FOUND:
            raise
        return visit.navarch.entry(entry, kubernetes=kubernetes)


def _wish(entry: str, form: Form, values: Json) -> Json:
    asked = {name: form.text(name) for name in ("name", "version", "namespace") if form.text(name)}
    return {"entry": entry, **asked, **({"values": values} if values else {})}


def _planned(ask: Callable[[], Json], unread: Iterable[FieldProblem] = ()) -> Json:
    """What would be done, or what is `wrong` with asking: what is `unread`, and what the API says of the rest."""
    wrong = [f"{problem.field}: {problem.detail}" for problem in unread]
    try:
        plan = shown_plan(ask())
    except Problem as problem:
        return {"plan": None, "wrong": [*wrong, *told(problem)]}
    return {"plan": None if wrong else plan, "wrong": wrong}


def _all_wrong(ask: Callable[[], Json], unread: list[FieldProblem]) -> list[FieldProblem]:
    """What is unread, with what a dry run says of the rest: everything is told at once."""
    try:
        ask()
    except Problem as problem:
        return [*unread, *field_problems(problem)]
    return unread


def _offer(
    visit: Visit,
    cluster: str,
    entry: str,
    form: Form,
    errors: list[FieldProblem] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    navarch = visit.navarch
    found = navarch.cluster(cluster)
    its = _entry(visit, found, entry, form)
    fields = schemas.fields_of(its["values_schema"])
    values, unread = schemas.typed(fields, form)
    wrong, beside = schemas.by_field(errors or [], fields, _ASIDE)
    plan: Json = {"plan": None, "wrong": []}
    needed = any(field.required for field in schemas.leaves(fields))
    if not errors and (form.filled_but("csrf", "version", "do") or not needed):  # else it is known to be refused
        plan = _planned(lambda: navarch.plan_addon(found["id"], _wish(entry, form, values)), unread)
    return visit.page(
        "addons/install.html",
        status,
        cluster=found,
        entry=its,
        form=form,
        fields=fields,
        needed=needed,
        wrong=wrong,
        beside=beside,
        sealed=set(),
        **_named(plan),
    )


def _values(
    visit: Visit,
    cluster: str,
    addon: str,
    form: Form,
    errors: list[FieldProblem] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    shown = _one(visit, cluster, addon)
    its = shown["addon"]
    fields = _fields(visit, its)
    filled = form if form.fields else schemas.filled(fields, its["values"])
    values, unread = schemas.patch(fields, its["values"], filled)
    wrong, beside = schemas.by_field(errors or [], fields, _ASIDE)
    plan: Json = {"plan": None, "wrong": []}
    if form.fields and not errors:
        plan = _planned(lambda: visit.navarch.plan_addon_update(cluster, addon, {"values": values}), unread)
    return visit.page(
        "addons/change.html",
        status,
        **shown,
        form=filled,
        fields=fields,
        wrong=wrong,
        beside=beside,
        sealed=schemas.sealed_names(fields, its["values"]),
        without_field=schemas.without_field(fields, its["values"]),
        conflict=conflict(status, form, its["values"], values),
        **_named(plan),
    )


def _versions(
    visit: Visit,
    cluster: str,
    addon: str,
    to: str,
    form: Form,
    wrong: list[str] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    shown = _one(visit, cluster, addon)
    its = shown["addon"]
    versions = visit.navarch.entry(its["entry"])["versions"]
    plan: Json = {"plan": None, "wrong": []}
    if to:
        plan = _planned(lambda: visit.navarch.plan_addon_update(cluster, addon, {"version": to}))
    names = [offered["version"] for offered in versions]
    return visit.page(
        "addons/upgrade.html",
        status,
        **shown,
        versions=[offered for offered in versions if offered["version"] != its["version"]],
        news={offered["version"]: news(offered["changes"]) for offered in versions},
        newer=names[: names.index(its["version"])] if its["version"] in names else names,
        to=to,
        plan=plan["plan"],
        wrong=wrong or plan["wrong"],
        conflict=conflict(status, form, {"version": its["version"]}, {"version": to}),
    )


def _leaving(
    visit: Visit,
    cluster: str,
    addon: str,
    form: Form,
    wrong: list[str] | None = None,
    status: int = HTTPStatus.OK,
    *,
    misspelt: bool = False,
) -> Response:
    shown = _one(visit, cluster, addon)
    objects = shown["addon"]["status"]["objects"]
    return visit.page(
        "addons/remove.html",
        status,
        **shown,
        goes=[its for its in objects if not its["stays"]],
        stays=[its for its in objects if its["stays"]],
        with_data=form.text("data") == "with",
        no_hooks=form.text("hooks") == "skip",
        misspelt=misspelt,
        wrong=wrong or [],
    )


def _named(planned: Json) -> Json:
    """A plan beside a form, whose own mistakes are at its fields."""
    return {"plan": planned["plan"], "refused": planned["wrong"]}
