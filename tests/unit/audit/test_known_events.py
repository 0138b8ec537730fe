"""An event that nobody told the invariants of would be judged by none of them."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

from services.audit.checks import invariants
from shared.contracts.registry import services
from shared.eventstore.aggregate import Aggregate

CONCERNS: dict[str, set[str]] = {
    # consent
    "GrantProposed": {"I03", "I04", "I13"},
    "GrantExplained": {"I04"},
    "YesRecorded": {"I04", "I16"},
    "GrantGiven": {"I03", "I04", "I13", "I16"},
    "GrantDeclined": {"I03", "I06", "I16"},
    "GrantRevoked": {"I03", "I06", "I16"},
    "GrantExpired": {"I03", "I13"},
    "GrantSuperseded": {"I03"},
    "ErasedItemsBegun": set(),
    "ItemsErased": {"I03"},
    "DisclosureMade": {"I03"},
    "DisclosureTaken": {"I03"},
    "DisclosureRefused": set(),
    "AccompanimentBegun": set(),
    "AdvocateKnown": set(),
    "AdvocateGone": {"I06"},
    "NoticeKnown": set(),
    "CaseStateKnown": {"I04"},
    # intake
    "InquiryOpened": set(),
    "NoticeHeard": set(),
    "CaseOpened": set(),
    "CasePaused": {"I06", "I16"},
    "CaseClosed": {"I06", "I16"},
    "CaseReopened": set(),
    "ItemHandedOver": {"I03"},
    "ParticipationBegun": {"I13"},
    "AdvocateRequested": {"I04"},
    "AdvocateRequestWithdrawn": {"I04"},
    "AdvocateAssigned": {"I04"},
    "AdvocateAssignmentEnded": {"I04", "I06", "I16"},
    "ConfidentialityNoticeGiven": {"I04"},
    "NeedStated": {"I04"},
    "OptionOffered": {"I04", "I05", "I11"},
    "ChoiceRecorded": {"I04", "I16"},
    "OptionChosen": {"I04", "I05", "I11", "I13", "I16"},
    "OptionDeclined": {"I04", "I05", "I06", "I16"},
    "DecisionConfirmed": {"I04", "I16"},
    "DecisionDenied": {"I04", "I06", "I16"},
    "DecisionLapsed": {"I04", "I13", "I16"},
    "ContactMade": {"I04", "I05"},
    "InvolvementChanged": {"I04", "I06", "I16"},
    "ErasureRecorded": {"I04", "I16"},
    "ErasureRequested": {"I04", "I09", "I16"},
    "NeedsErased": {"I04"},
    "ErasureCarriedOut": set(),
    "Noted": set(),
    # keyring
    "KeysDestroyed": {"I06"},
    "HolderForgot": set(),
    "ErasureCompleted": set(),
    # notifications
    "Begun": {"I09"},
    "ChannelDeclaredSafe": {"I04", "I09", "I16"},
    "ChannelConfirmed": {"I04", "I09", "I16"},
    "PreferenceVerified": {"I04", "I09", "I16"},
    "ChannelDeclaredUnsafe": {"I06", "I09", "I16"},
    "ChannelReplaced": {"I09"},
    "ContactErasureRequested": {"I06", "I09"},
    "ContactErased": {"I06", "I09"},
    "TopicChosen": {"I04", "I09", "I16"},
    "TopicConfirmed": {"I04", "I09", "I16"},
    "TopicDropped": {"I06", "I09", "I16"},
    "NoticeRequested": set(),
    "NoticeQueued": {"I04", "I09"},
    "NoticeSuppressed": {"I09", "I13"},
    "NoticePutOff": {"I09"},
    "NoticeSending": {"I04", "I09"},
    "NoticeSent": {"I09"},
    "NoticeFailed": {"I09", "I13"},
    "NoticeOutcomeUnknown": {"I09"},
}
"""Event → the invariants that it matters to; I14 and I15 judge every event.

A new event belongs here once somebody has gone through the sixteen and told
those of it that it concerns.
"""

BY_WHAT_IS_MISSING = {
    # Named by nothing: what is recorded of a participation that rests, and by whose streams begin.
    "I04": {"AdvocateRequested", "AdvocateAssigned", "ConfidentialityNoticeGiven", "NeedStated"}
    | {"OptionOffered", "ChoiceRecorded", "OptionChosen", "ContactMade"},
    "I09": {"Begun"},
    "I13": {"GrantProposed", "ParticipationBegun", "GrantExpired", "DecisionLapsed"}
    | {"NoticeSuppressed", "NoticeFailed"},
}
"""What an invariant takes in without its name: by aggregate, by order, by how a name ends."""


def event_classes() -> list[type]:
    """Every event class of every service that is written."""
    written = [name for name in services() if (Path("services") / name / "domain").exists()]
    written += [name for name in services() if (Path("services") / name / "domain.py").exists()]
    for name in ("shared.accompaniment", *(f"services.{name}.domain" for name in written)):
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
            importlib.import_module(f"{name}.{module.name}")

    def below(cls: type) -> set[type]:
        return {cls} | {each for sub in cls.__subclasses__() for each in below(sub)}

    found = below(Aggregate.Event)
    ours = [c for c in found if c.__module__.startswith(("services.", "shared."))]
    return [c for c in ours if c.__name__ not in ("Event", "Created")]


def events_of_services() -> set[str]:
    """Their names."""
    return {cls.__name__ for cls in event_classes()}


def test_every_event_of_every_service_was_gone_through_with_the_invariants_in_hand() -> None:
    missing = events_of_services() - set(CONCERNS)
    assert not missing, f"which invariants do they concern? {sorted(missing)}"
    assert not set(CONCERNS) - events_of_services()


def test_an_event_concerns_the_invariants_that_name_it() -> None:
    folder = Path(invariants.__file__).parent
    for module in sorted(folder.glob("i[01]*.py")):
        code = module.stem[:3].upper()
        named = set(re.findall(r'"([A-Z][A-Za-z]+)"', module.read_text("utf-8")))
        said = {event for event, codes in CONCERNS.items() if code in codes}
        assert said - BY_WHAT_IS_MISSING.get(code, set()) == named & set(CONCERNS), code
