"""Example values for the documentation, by the name of the field; a test validates them all."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import BaseModel

_ID = "6f1f0c1e-5d5a-4c5e-9a54-0f3b3a7f1a{:02d}"
_ITEM = {"service": "intake", "kind": "need", "item_id": _ID.format(1)}
_HOURS = {"weekdays": [0, 1, 2, 3, 4], "start": "10:00", "end": "15:30", "time_zone": "UTC"}
_CHECKPOINT = (
    "sayso.local/log\n64\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— sayso.local/log Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhc\n"
)
_TIME = "2031-03-04T10:15:00Z"

BY_FIELD: dict[str, Any] = {
    "language": "en",
    "how": "portal",
    "interpreter": None,
    "decided_at": None,
    "possession_code": "K7QD-2M4X-9HRT-VB3W-8FJN-5PCA-6YEZ",
    "session_token": "eyJhbGciOiJFZERTQSIsInR5cCI6InNheXNvLXNlc3Npb24rand0In0.e30.c2ln",
    "expires_at": _TIME,
    "base": "community",
    "notice_version": "community-1",
    "sentences": ["Your advocate works for an agency in the community, not for a court."],
    "benefits": "The agency can act on exactly this item.",
    "risks": "What an agency has read cannot be taken back.",
    "alternatives": "You can tell the agency yourself, or nothing.",
    "revoking": "Say so, at any time; no reason is asked.",
    "words": "I want somebody to fix the lock on my door.",
    "option": "housing",
    "options_version": "options-1",
    "record_classes": ["needs"],
    "item": _ITEM,
    "items": [_ITEM],
    "purpose": "housing",
    "delivery_method": "portal",
    "explanation_version": "release-1",
    "starts_at": None,
    "supersedes": None,
    "offer_id": None,
    "channel": "email",
    "address": "safe-place@example.org",
    "hours": _HOURS,
    "voicemail_ok": False,
    "name_to_use": "Sam",
    "say_agency": False,
    "verified_on": "2031-03-04",
    "stale_after": "2031-06-02",
    "stale_after_days": 90,
    "topic": "sharing",
    "topics": ["sharing"],
    "content": "I want somebody to fix the lock on my door.",
    "key": "housing",
    "programme_type": "housing",
    "sector": "community",
    "title": "Housing",
    "explanation": "Help to find or keep a safe place to live.",
    "case_effect": "none",
    "recorded_by_role": "harmed_party",
    "decided_by": "harmed_party",
    "what": "consent.grant.revoked",
    "source": "consent",
    "about": _ID.format(2),
    "number": 7,
    "disclosures": 1,
    "reason": None,
    "note": _CHECKPOINT,
    "level": "0",
    "tile": "x001/x234/067.p/64",
    "data": base64.b64encode(bytes(range(32))).decode(),
    "advocate_base": "community",
    "advocate_requested": None,
}
_STATES: dict[str, str] = {
    "OptionDecided": "in_effect",
    "ErasureAsked": "requested",
    "InquiryBegun": "inquiry",
    "GrantDecided": "given",
    "GrantProposed": "proposed",
    "GrantView": "given",
    "ChannelDeclared": "safe",
    "ChannelView": "safe",
    "NoticeView": "queued",
    "CaseView": "open",
}
_OPTIONS = ["counselling", "housing", "nothing_now"]


def example(model: type[BaseModel]) -> dict[str, Any]:
    """An object that ``model`` accepts; fields that may be absent and say nothing are left out."""
    found: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        value = _value(model, name, info.annotation)
        if value is not None or info.is_required():
            found[name] = value
    return found


def _value(model: type[BaseModel], name: str, annotation: Any) -> Any:
    if name == "state":
        return _STATES.get(model.__name__, "recorded")
    if name == "options" and not _nested(annotation):
        return _OPTIONS
    if name in BY_FIELD and (BY_FIELD[name] is not None or _may_be_none(annotation)):
        return BY_FIELD[name]
    nested = _nested(annotation)
    if nested is not None:
        return [example(nested)]
    if name.endswith(("_id", "_reference")) or name == "shared_with":
        return _ID.format(10 + sum(name.encode()) % 90)
    return _TIME


def _may_be_none(annotation: Any) -> bool:
    return type(None) in getattr(annotation, "__args__", ())


def _nested(annotation: Any) -> type[BaseModel] | None:
    """The model in ``tuple[Model, ...]``."""
    for part in getattr(annotation, "__args__", ()):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None
