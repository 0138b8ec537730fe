"""Every way in: method, path, request, action, resource, and who may come that way.

One row each; Cedar decides on its action and resource, here and again in the
service. ``check.py`` refuses to build the application with a route outside
this table or with a row that nobody may use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from shared.contracts import audit, consent, intake, notifications
from shared.contracts.base import Command, Request
from shared.contracts.items import ConfirmItems
from shared.contracts.registry import services
from shared.identity.principal import Kind

ANYONE: tuple[Kind, ...] = ("anyone",)
"""No credential is read at all: whoever reads or begins stays unknown (R74)."""
SURVIVOR: tuple[Kind, ...] = ("survivor",)
STAFF: tuple[Kind, ...] = ("staff",)
BOTH: tuple[Kind, ...] = ("survivor", "staff")
AGENCY: tuple[Kind, ...] = ("agency",)

Resource = Literal["participation", "none"]
Form = Literal["json", "note", "bytes"]
MEDIA_TYPES: dict[Form, str] = {
    "json": "application/json",
    "note": "text/plain; charset=utf-8",
    "bytes": "application/octet-stream",
}
_FIELD = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class Row:
    """A route and its permission. ``limit`` names the bucket that slows it down.

    ``beginnings``: each, by address. ``codes``: those that fail, by address (``attempts.py``).
    ``disclosures``: each, by agency. ``form``: how the answer leaves: as JSON,
    or its one field as the text of a note, or as the bytes that it is base64 of.
    ``rest`` names the field that takes all the rest of the address.
    """

    verb: Literal["GET", "POST"]
    path: str
    request: type[Request]
    action: str
    resource: Resource
    who: tuple[Kind, ...]
    limit: Literal["", "codes", "beginnings", "disclosures"] = ""
    form: Form = "json"
    rest: str = ""

    @property
    def route(self) -> str:
        """The path as the router reads it."""
        return self.path.replace("{" + self.rest + "}", "{" + self.rest + ":path}")

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the request that the path carries."""
        return tuple(_FIELD.findall(self.path))

    @property
    def is_command(self) -> bool:
        """Whether it needs an Idempotency-Key."""
        return issubclass(self.request, Command)

    @property
    def service(self) -> str:
        """Who is asked."""
        return next(s.name for s in services().values() if self.request in s.requests)


@dataclass(frozen=True)
class OwnPage:
    """What the gateway answers from its own files, storing nothing."""

    path: str
    action: str
    topic: str
    who: tuple[Kind, ...] = ANYONE


_P = "/v1/participations/{participation_id}"
_G = _P + "/grants/{grant_id}"
_C = _P + "/channels/{channel_id}"
_D = _P + "/decisions/{decision_id}"

OWN_PAGES: tuple[OwnPage, ...] = (
    OwnPage("/v1/crisis-help", "read_crisis_help", "crisis_help"),
    OwnPage("/v1/rights", "read_rights", "rights"),
)

OPERATIONAL: tuple[str, ...] = (
    "/",
    "/docs",
    "/openapi.json",
    "/health/live",
    "/health/ready",
)
"""Routes that touch nobody's record and ask for no permission."""

NOT_HTTP: tuple[type[Request], ...] = (
    consent.ConfirmDisclosure,
    consent.TakeDisclosure,
    ConfirmItems,
)
"""Requests that services ask of one another, with no way in from outside."""

_L = "/log"

a, i, c, n = audit, intake, consent, notifications

ROUTES: tuple[Row, ...] = (
    # A survivor begins (R74): nothing is asked of them, not even who they are.
    Row("GET", "/v1/options", i.GetOptions, "get_options", "none", ANYONE),
    Row("GET", "/v1/notices/{base}", i.GetNotice, "get_notice", "none", ANYONE),
    Row("GET", "/v1/release-explanation", c.GetExplanation, "get_explanation", "none", ANYONE),
    Row("POST", "/v1/inquiries", i.BeginInquiry, "begin_inquiry", "none", ANYONE, "beginnings"),
    Row("POST", "/v1/sessions", i.OpenSession, "open_session", "none", ANYONE, "codes"),
    # The case.
    Row("GET", _P, i.GetCase, "get_case", "participation", BOTH),
    Row("GET", _P + "/timeline", i.GetTimeline, "get_timeline", "participation", SURVIVOR),
    Row("POST", _P + "/pause", i.PauseCase, "pause_case", "participation", BOTH),
    Row("POST", _P + "/close", i.CloseCase, "close_case", "participation", BOTH),
    Row("POST", _P + "/reopen", i.ReopenCase, "reopen_case", "participation", SURVIVOR),
    Row("POST", _P + "/contacts", i.MakeContact, "make_contact", "participation", SURVIVOR),
    Row("POST", _P + "/erasures", i.RequestErasure, "request_erasure", "participation", BOTH),
    # Advocates, and the notice that comes before any content (R21, R22).
    Row(
        "POST",
        _P + "/advocate-requests",
        i.RequestAdvocate,
        "request_advocate",
        "participation",
        SURVIVOR,
    ),
    Row("POST", _P + "/advocate", i.AssignAdvocate, "assign_advocate", "participation", STAFF),
    Row(
        "POST",
        _P + "/advocate/ending",
        i.EndAdvocateAssignment,
        "end_advocate_assignment",
        "participation",
        BOTH,
    ),
    Row(
        "POST",
        _P + "/confidentiality-notices",
        i.GiveConfidentialityNotice,
        "give_confidentiality_notice",
        "participation",
        BOTH,
    ),
    # Needs and options (R37, R38, R11).
    Row("GET", _P + "/needs", i.GetNeeds, "get_needs", "participation", BOTH),
    Row("POST", _P + "/needs", i.StateNeed, "state_need", "participation", BOTH),
    Row("POST", _P + "/option-offers", i.OfferOptions, "offer_options", "participation", STAFF),
    Row("POST", _P + "/option-choices", i.ChooseOption, "choose_option", "participation", BOTH),
    Row("POST", _P + "/option-declines", i.DeclineOption, "decline_option", "participation", BOTH),
    # What staff recorded is confirmed, or denied (R71).
    Row("POST", _D + "/confirmation", i.ConfirmDecision, "confirm_decision", "participation", BOTH),
    Row("POST", _D + "/denial", i.DenyDecision, "deny_decision", "participation", BOTH),
    # Releases (R09, R23, R31, R71).
    Row("GET", _P + "/grants", c.GetGrants, "get_grants", "participation", BOTH),
    Row("POST", _P + "/grants", c.ProposeGrant, "propose_grant", "participation", BOTH),
    Row("POST", _G + "/explanation", c.ExplainGrant, "explain_grant", "participation", BOTH),
    Row("POST", _G + "/yes", c.GiveGrant, "give_grant", "participation", BOTH),
    Row("POST", _G + "/confirmation", c.ConfirmGrant, "confirm_grant", "participation", BOTH),
    Row("POST", _G + "/decline", c.DeclineGrant, "decline_grant", "participation", BOTH),
    Row("POST", _G + "/revocation", c.RevokeGrant, "revoke_grant", "participation", BOTH),
    # Agencies: asked of consent first, then taken once from the owner (architecture, 5).
    Row(
        "POST",
        "/v1/agency/disclosures",
        c.RequestDisclosure,
        "request_disclosure",
        "none",
        AGENCY,
        "disclosures",
    ),
    Row(
        "POST",
        "/v1/agency/disclosures/{disclosure_id}/item",
        i.FetchItem,
        "fetch_item",
        "none",
        AGENCY,
    ),
    # Safe contact and topics (field-standards 10; R26).
    Row(
        "GET",
        _P + "/contact-preference",
        n.GetPreference,
        "get_preference",
        "participation",
        BOTH,
    ),
    Row("GET", _P + "/notices", n.GetNotices, "get_notices", "participation", BOTH),
    Row(
        "POST",
        _P + "/channels",
        n.DeclareChannelSafe,
        "declare_channel_safe",
        "participation",
        BOTH,
    ),
    Row("POST", _C + "/confirmation", n.ConfirmChannel, "confirm_channel", "participation", BOTH),
    Row(
        "POST", _C + "/verification", n.VerifyPreference, "verify_preference", "participation", BOTH
    ),
    Row(
        "POST",
        _C + "/unsafe",
        n.DeclareChannelUnsafe,
        "declare_channel_unsafe",
        "participation",
        BOTH,
    ),
    Row("POST", _P + "/topics", n.ChooseTopic, "choose_topic", "participation", BOTH),
    Row(
        "POST",
        _P + "/topics/{topic}/confirmation",
        n.ConfirmTopic,
        "confirm_topic",
        "participation",
        BOTH,
    ),
    Row("POST", _P + "/topics/{topic}/drop", n.DropTopic, "drop_topic", "participation", BOTH),
    Row("POST", _P + "/stop", n.StopEverything, "stop_everything", "participation", BOTH),
    # The log of digests, where c2sp.org/tlog-tiles has it; it says nothing of anybody.
    Row("GET", _L + "/checkpoint", a.GetCheckpoint, "get_checkpoint", "none", ANYONE, form="note"),
    Row(
        "GET",
        _L + "/tile/{level}/{tile}",
        a.GetTile,
        "get_tile",
        "none",
        ANYONE,
        form="bytes",
        rest="tile",
    ),
)
