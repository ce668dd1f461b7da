"""Every refusal that OpenStack's services were seen to give, and what it becomes."""

import json

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from keystoneauth1 import exceptions as keystone

from navarch.clouds.openstack import errors
from navarch.clouds.openstack.errors import QuotaExceeded, Refusal, Unanswered, from_exception, judge, refusal
from navarch.domain.errors import Conflict, NavarchError, Permanent, Responsible, Temporary


def refused(
    status: int, text: str = "", *, kind: str = "", service: str = "Nova", after: float | None = None
) -> Refusal:
    return Refusal(service, "POST", "/things", status, text, kind, "req-1", after)


def answer(status: int, body: object, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


class TestTheMessageIsFoundInEachServicesWrapping:
    @pytest.mark.parametrize(
        ("body", "text", "kind"),
        [
            ({"forbidden": {"code": 403, "message": "No."}}, "No.", ""),
            ({"NeutronError": {"type": "OverQuota", "message": "Full.", "detail": ""}}, "Full.", "OverQuota"),
            ({"faultcode": "Client", "faultstring": "Pool is immutable.", "debuginfo": None}, "Pool is immutable.", ""),
            ({"error": {"code": 401, "message": "Who?", "title": "Unauthorized"}}, "Who?", ""),
            (b"<html><body><h1>504\n Gateway   Time-out</h1></body></html>", "504 Gateway Time-out", ""),
            ([], "[]", ""),
            (b"", "", ""),
        ],
    )
    def test_read(self, body: object, text: str, kind: str) -> None:
        read = refusal("Any", "GET", "/x", answer(504, body, x_openstack_request_id="req-7", Retry_After="3"))
        assert (read.text, read.kind, read.request_id, read.retry_after) == (text, kind, "req-7", 3.0)

    @pytest.mark.parametrize("header", ["0", "Fri, 31 Dec 1999 23:59:59 GMT", ""])
    def test_a_retry_after_that_says_no_figure_is_none(self, header: str) -> None:
        assert refusal("Cinder", "GET", "/x", answer(413, {}, Retry_After=header)).retry_after is None


class TestQuotas:
    @pytest.mark.parametrize(
        ("given", "resources", "numbers"),
        [
            (
                refused(
                    403,
                    "Quota exceeded for cores, ram: Requested 4, 8192, "
                    "but already used 18, 36864 of 20, 40960 cores, ram",
                ),
                ("cores", "ram"),
                "cores: needed 4, free 2 of 20; ram: needed 8192, free 4096 of 40960",
            ),
            (refused(403, "Quota exceeded, too many server groups."), ("server_groups",), ""),
            (refused(403, "Maximum number of ports exceeded"), ("ports",), ""),
            (
                refused(
                    413, "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'."
                ),
                ("volumes",),
                "",
            ),
            (
                refused(
                    413,
                    "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. "
                    "Requested 20G, quota is 100G and 95G has been consumed.",
                ),
                ("gigabytes",),
                "gigabytes: needed 20, free 5 of 100",
            ),
            (refused(409, "Quota exceeded for resources: ['floatingip'].", kind="OverQuota"), ("floating_ips",), ""),
            (
                refused(409, "Quota exceeded for resources: ['security_group_rule'].", kind="OverQuota"),
                ("security_group_rules",),
                "",
            ),
            (
                refused(403, "Quota has been met for resources: Load Balancer", service="Octavia"),
                ("load_balancers",),
                "",
            ),
        ],
    )
    def test_the_one_used_up_is_named_with_figures_where_told(
        self, given: Refusal, resources: tuple[str, ...], numbers: str
    ) -> None:
        error = judge(given, "create it")
        assert isinstance(error, QuotaExceeded)
        assert (error.reason, error.responsible) == ("QuotaExceeded", Responsible.PROJECT_ADMIN)
        assert (error.resources, error.numbers) == (resources, numbers)
        assert all(name in error.message and name in error.remedy for name in resources)

    def test_a_cinder_that_is_only_busy_is_not_a_quota(self) -> None:
        error = judge(refused(413, "This request was rate-limited.", after=7), "read")
        assert (type(error), error.after) == (Unanswered, 7)  # type: ignore[attr-defined]


class TestConflicts:
    @pytest.mark.parametrize(
        "given",
        [
            refused(409, "Cannot 'detach_volume' instance while it is in task_state deleting"),
            refused(409, "Security Group 1 in use.", kind="SecurityGroupInUse"),
            refused(409, "Load Balancer 1 is immutable and cannot be updated."),
            refused(409, "Invalid state PENDING_DELETE of loadbalancer resource 1"),
            refused(403, "rule:delete_port is disallowed by policy", kind="PolicyNotAuthorized"),
            refused(400, "Invalid volume: Volume status must be available or error and must not be attached"),
            refused(400, "Invalid volume: Volume still attached to 1 instances"),
        ],
    )
    def test_what_is_busy_is_looked_at_again_soon(self, given: Refusal) -> None:
        error = judge(given, "do it")
        assert isinstance(error, Conflict)
        assert error.after <= 1

    def test_what_went_meanwhile_says_so(self) -> None:
        error = judge(refused(404, "Network 1 could not be found.", kind="NetworkNotFound"), "create the subnet")
        assert isinstance(error, Conflict)
        assert error.reason == "Vanished"


class TestWhatAPersonMustChange:
    @pytest.mark.parametrize(
        ("given", "reason", "responsible"),
        [
            (refused(400, "Can not find requested image"), "ImageNotFound", Responsible.NAVARCH_OPERATOR),
            (refused(400, "Flavor 9 could not be found."), "FlavorNotFound", Responsible.USER),
            (refused(404, "Flavor 9 could not be found."), "FlavorNotFound", Responsible.USER),
            (refused(400, "The requested availability zone is not available"), "ZoneNotFound", Responsible.USER),
            (refused(400, "Availability zone 'z9' is invalid."), "ZoneNotFound", Responsible.USER),
            (refused(404, "Volume type with name tape could not be found."), "VolumeTypeNotFound", Responsible.USER),
            (
                refused(400, "Flavor's disk is too small for requested image. Flavor disk is 1 bytes."),
                "FlavorTooSmall",
                Responsible.USER,
            ),
            (
                refused(409, "No more IP addresses available.", kind="IpAddressGenerationFailure"),
                "AddressesExhausted",
                Responsible.CLOUD_OPERATOR,
            ),
            (refused(400, "Provider 'ovn' is not enabled."), "ServiceMissing", Responsible.CLOUD_OPERATOR),
            (
                refused(401, "The request you have made requires authentication."),
                "CredentialsRefused",
                "navarch-operator",
            ),
            (refused(403, "Policy doesn't allow it"), "CredentialsRefused", Responsible.CLOUD_OPERATOR),
            (refused(406, "Version 2.79 is not supported"), "CloudTooOld", Responsible.CLOUD_OPERATOR),
            (refused(400, "Invalid input for field/attribute name"), "RequestRefused", Responsible.NAVARCH_OPERATOR),
        ],
    )
    def test_is_permanent_with_reason_blame_and_remedy(self, given: Refusal, reason: str, responsible: str) -> None:
        error = judge(given, "create the server web-cp-0")
        assert isinstance(error, Permanent)
        assert (error.reason, error.responsible) == (reason, responsible)
        assert error.remedy
        assert error.message.startswith("Cannot create the server web-cp-0: Nova answered ")
        assert "req-1" in error.message


class TestWhatPasses:
    @pytest.mark.parametrize(
        ("given", "reason", "after"),
        [
            (refused(429, "Too many requests", after=12), "CloudBusy", 12),
            (refused(503, "", after=20), "CloudNotAnswering", 20),
            (refused(503, "", after=100_000), "CloudNotAnswering", 120),
            (refused(429), "CloudBusy", 5),
            (refused(503), "CloudNotAnswering", 1),
            (refused(500, "oops"), "CloudNotAnswering", 1),
            (refused(504), "CloudNotAnswering", 1),
        ],
    )
    def test_is_temporary_for_as_long_as_the_cloud_says(self, given: Refusal, reason: str, after: float) -> None:
        error = judge(given, "read")
        assert type(error) is Unanswered
        assert (error.reason, error.after) == (reason, after)


class TestExceptions:
    @pytest.mark.parametrize(
        ("raised", "kind", "reason"),
        [
            (keystone.ConnectFailure("refused"), Unanswered, "CloudNotAnswering"),
            (keystone.ConnectTimeout("slow"), Unanswered, "CloudNotAnswering"),
            (keystone.UnknownConnectionError("?", ValueError("?")), Unanswered, "CloudNotAnswering"),
            (keystone.DiscoveryFailure("nonsense"), Unanswered, "CloudNotAnswering"),
            (keystone.InternalServerError("oops"), Unanswered, "CloudNotAnswering"),
            (keystone.SSLError("self-signed certificate"), Permanent, "CertificateNotTrusted"),
            (keystone.EndpointNotFound("no load-balancer"), Permanent, "ServiceMissing"),
            (keystone.EmptyCatalog(), Permanent, "ServiceMissing"),
            (keystone.Unauthorized("who?"), Permanent, "CredentialsRefused"),
            (requests.exceptions.ChunkedEncodingError("cut"), Unanswered, "CloudNotAnswering"),
        ],
    )
    def test_of_keystoneauth_and_requests(self, raised: Exception, kind: type[NavarchError], reason: str) -> None:
        error = from_exception("Octavia", "read", raised)
        assert type(error) is kind
        assert error.reason == reason  # type: ignore[attr-defined]

    def test_every_exception_of_keystoneauth_is_mapped(self) -> None:
        found = [value for value in vars(keystone).values() if isinstance(value, type) and issubclass(value, Exception)]
        assert len(found) > 40
        for kind in found:
            made = kind.__new__(kind)
            Exception.__init__(made, "raised")
            for name in ("message", "http_status", "response", "details"):
                if not hasattr(made, name):
                    setattr(made, name, None)
            assert isinstance(from_exception("Nova", "read", made), NavarchError), kind


@given(
    status=st.integers(400, 599),
    text=st.text(max_size=60),
    kind=st.sampled_from(["", "OverQuota", "IpAddressGenerationFailure", "Other"]),
    after=st.none() | st.floats(0.1, 1e9),
)
def test_any_refusal_becomes_an_error_that_says_who_or_when(
    status: int, text: str, kind: str, after: float | None
) -> None:
    error = judge(refused(status, text, kind=kind, after=after), "do it")
    if isinstance(error, Permanent):
        assert error.reason
        assert error.responsible
        assert error.remedy
    else:
        assert isinstance(error, Temporary)
        assert 0 < error.after <= errors._LONGEST_WAIT
