"""The closed lists of what stored events call things: whatever is on none of them is no code.

Services keep these words in code and data of their own, which an auditor does not read: here
they stand once more, and a test holds each list against all that services can store
(``tests/unit/audit/test_lists.py``). A new word belongs here with the event that stores it.
"""

from __future__ import annotations

from services.audit.checks.entries import PARTIES
from services.audit.checks.states import STATES

ROLES = PARTIES | {"advocate", "coordinator", "facilitator", "agency", "service", "system"}
"""As whom somebody records: a party, the staff that a policy lets record, or no person at all."""

OPTIONS = frozenset(
    (
        "accountability_circle",
        "community_crisis_team",
        "compensation",
        "counselling",
        "dialogue",
        "diversion_circle",
        "family_circle",
        "healing_circle",
        "housing",
        "impact_panel",
        "legal_help",
        "letter_bank",
        "nothing_now",
        "peer_circle",
        "restorative_service",
        "surrogate_dialogue",
        "trauma_recovery_centre",
    )
)
"""The options of every catalogue that there was."""

PROGRAMME_TYPES = OPTIONS
"""Their types."""

REASONS = frozenset(
    (
        # Why a notice is not sent, is put off, or failed.
        "no_channel",
        "stale",
        "unsafe",
        "out_of_hours",
        "unconfirmed",
        "they_call",
        "no_sender",
        "not_chosen",
        "lapsed",
        "at_rest",
        "relay_away",
        "refused_for_now",
        "refused",
        "no_address",
        "gave_up",
        # Why a release does not release.
        "another_agency",
        "another_reference",
        "not_in_effect",
        "outside_period",
        "another_item",
        "erased",
        "another_purpose",
        "no_such_disclosure",
        "too_late",
        "taken",
        "unknown_reference",
    )
)
"""Why something was refused, put off or not done."""

DUE = frozenset(("grant_expiry", "holders_of_destroyed_keys", "send_notice", "settle_notice"))
"""What falls due."""

WORDINGS = frozenset(("alone", "community", "systems", "release", "releases", "notice", "notices"))
"""Whose versions are named ``<this>-<number>``: notices, explanations, policies, wordings."""

_AGGREGATES_OF = {
    "services.consent.domain.erased": ("ErasedItems",),
    "services.consent.domain.grant": ("Grant",),
    "services.consent.domain.refusals": ("Refusal",),
    "services.intake.domain.case": ("Case",),
    "services.intake.domain.handover": ("Handover",),
    "services.intake.domain.participation": ("Participation",),
    "services.intake.domain.timeline": ("CarriedOut", "Note"),
    "services.keyring.domain": ("Erasure",),
    "services.notifications.domain.notice": ("Notice",),
    "services.notifications.domain.preference": ("ContactPreference",),
    "services.notifications.domain.topics": ("TopicChoice",),
    "shared.accompaniment.accompaniment": ("Accompaniment",),
}
TOPICS = frozenset(f"{module}:{name}" for module, names in _AGGREGATES_OF.items() for name in names)
"""As what the kinds of streams are stored."""

EVENTS = frozenset(
    (
        "AccompanimentBegun",
        "AdvocateAssigned",
        "AdvocateAssignmentEnded",
        "AdvocateGone",
        "AdvocateKnown",
        "AdvocateRequestWithdrawn",
        "AdvocateRequested",
        "Begun",
        "CaseClosed",
        "CaseOpened",
        "CasePaused",
        "CaseReopened",
        "CaseStateKnown",
        "ChannelConfirmed",
        "ChannelDeclaredSafe",
        "ChannelDeclaredUnsafe",
        "ChannelReplaced",
        "ChoiceRecorded",
        "ConfidentialityNoticeGiven",
        "ContactErased",
        "ContactErasureRequested",
        "ContactMade",
        "DecisionConfirmed",
        "DecisionDenied",
        "DecisionLapsed",
        "DisclosureCompelled",
        "DisclosureMade",
        "DisclosureRefused",
        "DisclosureTaken",
        "ErasedItemsBegun",
        "ErasureCarriedOut",
        "ErasureCompleted",
        "ErasureRecorded",
        "ErasureRequested",
        "GrantDeclined",
        "GrantExpired",
        "GrantExplained",
        "GrantGiven",
        "GrantProposed",
        "GrantRevoked",
        "GrantSuperseded",
        "HolderForgot",
        "InquiryOpened",
        "InvolvementChanged",
        "ItemHandedOver",
        "ItemsErased",
        "KeysDestroyed",
        "MandatedReportMade",
        "NeedStated",
        "NeedsErased",
        "Noted",
        "NoticeFailed",
        "NoticeHeard",
        "NoticeKnown",
        "NoticeOutcomeUnknown",
        "NoticePutOff",
        "NoticeQueued",
        "NoticeRequested",
        "NoticeSending",
        "NoticeSent",
        "NoticeSuppressed",
        "OptionChosen",
        "OptionDeclined",
        "OptionOffered",
        "ParticipationBegun",
        "PreferenceVerified",
        "TopicChosen",
        "TopicConfirmed",
        "TopicDropped",
        "YesRecorded",
    )
)
"""The events that there are, and those that the rules name and no service stores yet."""

AGGREGATES = frozenset((*STATES, "CarriedOut", "Note"))
"""The kinds of streams that there are."""
