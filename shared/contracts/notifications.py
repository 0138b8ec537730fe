"""What notifications can be asked, and what it promises to tell.

The safe-contact preference and the chosen topics belong here alone
(field-standards 10: channel, window, voicemail_ok, name_to_use, say_agency,
verified_at, stale_after).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts.base import Day, Done, Message, Model, Query, ServiceContract, Spoken, words

Channel = Literal["email", "sms", "voice", "printed_letter", "i_will_call_you"]
Topic = Literal["sharing", "custody_status", "hearings", "letter_bank", "claim", "circle"]
Weekday = Annotated[int, Field(ge=0, le=6)]
LocalTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Hours(Model):
    """When a channel is safe: weekdays (0 is Monday), from and to, in an IANA time zone."""

    weekdays: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)]
    start: LocalTime
    end: LocalTime
    time_zone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+/-]{1,64}$")]


class ChannelDeclared(Model):
    """``state`` is ``safe``, or ``awaiting_confirmation`` where staff recorded it."""

    channel_id: UUID
    state: str


class DeclareChannelSafe(Spoken):
    """Say that one way of contact is safe, when, and how to speak on it.

    Voicemail and naming the agency are off unless said. Goes stale ``stale_after_days`` after
    ``verified_on``. Recorded by staff it is used only once confirmed. The survivor's own word on
    an address that is there renews that channel, and answers its ``channel_id``.
    """

    returns: ClassVar[type[Model]] = ChannelDeclared
    participation_id: UUID
    channel: Channel
    address: words("contact", 320) | None = None  # type: ignore[valid-type]
    hours: Hours
    voicemail_ok: bool = False
    name_to_use: words("contact", 200) | None = None  # type: ignore[valid-type]
    say_agency: bool = False
    verified_on: Day
    stale_after_days: Annotated[int, Field(ge=1, le=365)] = 90


class ConfirmChannel(Spoken):
    """Confirm a channel that staff recorded: by the survivor, or a second trained person."""

    returns: ClassVar[type[Model]] = ChannelDeclared
    participation_id: UUID
    channel_id: UUID


class VerifyPreference(Spoken):
    """Say that a channel is still safe: starts its window anew."""

    returns: ClassVar[type[Model]] = ChannelDeclared
    participation_id: UUID
    channel_id: UUID
    verified_on: Day


class DeclareChannelUnsafe(Spoken):
    """Nothing goes there any more; acts at once, whoever records it.

    On every channel that leads to the same address, also one that waits to be confirmed.
    """

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = ChannelDeclared
    participation_id: UUID
    channel_id: UUID


class ChooseTopic(Spoken):
    """Ask to hear of one topic (R26). Nothing is heard of a topic that was not chosen."""

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID
    topic: Topic


class ConfirmTopic(Spoken):
    """Confirm a topic that staff recorded: by the survivor, or a second trained person (R71)."""

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID
    topic: Topic


class DropTopic(Spoken):
    """Stop hearing of a topic; acts at once."""

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = Done
    participation_id: UUID
    topic: Topic


class StopEverything(Spoken):
    """Drop every topic and declare every channel unsafe, in one step."""

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = Done
    participation_id: UUID


class ChannelView(Model):
    """``state``: awaiting_confirmation, safe, replaced, unsafe or erased."""

    channel_id: UUID
    channel: Channel
    address: str | None
    hours: Hours
    voicemail_ok: bool
    name_to_use: str | None
    say_agency: bool
    verified_on: date
    stale_after: date
    state: str


class Preference(Model):
    channels: tuple[ChannelView, ...]
    topics: tuple[Topic, ...]


class GetPreference(Query):
    returns: ClassVar[type[Model]] = Preference
    participation_id: UUID


class NoticeView(Model):
    """``state``: requested, queued, suppressed, sending, sent, failed, unknown.

    ``reason`` says why it was suppressed, failed, or put off while it is queued.
    """

    notice_id: UUID
    topic: Topic
    state: str
    reason: str | None
    requested_at: datetime
    sent_at: datetime | None = None


class Notices(Model):
    notices: tuple[NoticeView, ...]


class GetNotices(Query):
    returns: ClassVar[type[Model]] = Notices
    participation_id: UUID


class _Decided(Message):
    """That something was decided about contact, who wrote it down, and when.

    Where, when, under which name and about what somebody may be reached is left out: which topic
    a person chose tells what they wait for, and a way of contact leads to their door.
    """

    participation_id: UUID
    recorded_by_id: UUID
    recorded_by_role: str
    at: datetime


class _AboutChannel(_Decided):
    channel_id: UUID


class ChannelDeclaredSafeMessage(_AboutChannel):
    """By the person themselves: in effect."""

    type: ClassVar[str] = "notifications.channel.declared_safe.v1"


class ChannelRecordedMessage(_AboutChannel):
    """Staff wrote down that it is safe: unused until :class:`ChannelConfirmedMessage` (R71)."""

    type: ClassVar[str] = "notifications.channel.recorded.v1"


class ChannelConfirmedMessage(_AboutChannel):
    """What staff wrote down, a way of contact or that it is still safe, was heard again (R71)."""

    type: ClassVar[str] = "notifications.channel.confirmed.v1"


class ChannelVerifiedMessage(_AboutChannel):
    """Still safe, by the person themselves: in effect."""

    type: ClassVar[str] = "notifications.channel.verified.v1"


class ChannelVerificationRecordedMessage(_AboutChannel):
    """Staff wrote down that it is still safe: the old window goes on until that is confirmed."""

    type: ClassVar[str] = "notifications.channel.verification_recorded.v1"


class ChannelDeclaredUnsafeMessage(_AboutChannel):
    """In effect, whoever wrote it down."""

    type: ClassVar[str] = "notifications.channel.declared_unsafe.v1"


class TopicChosenMessage(_Decided):
    """By the person themselves: in effect."""

    type: ClassVar[str] = "notifications.topic.chosen.v1"


class TopicRecordedMessage(_Decided):
    """Staff wrote down that it is wanted: nothing is told until it is confirmed (R71)."""

    type: ClassVar[str] = "notifications.topic.recorded.v1"


class TopicConfirmedMessage(_Decided):
    """What staff wrote down was heard again (R71)."""

    type: ClassVar[str] = "notifications.topic.confirmed.v1"


class TopicDroppedMessage(_Decided):
    """In effect, whoever wrote it down."""

    type: ClassVar[str] = "notifications.topic.dropped.v1"


class NoticeQueuedMessage(Message):
    type: ClassVar[str] = "notifications.notice.queued.v1"
    notice_id: UUID
    participation_id: UUID
    topic: str
    at: datetime


class NoticeSuppressedMessage(Message):
    """It is not sent. ``reason`` is a code.

    no_channel, stale, unsafe, out_of_hours, unconfirmed; they_call (the person comes to us);
    no_sender (nothing can be sent by the way they called safe); not_chosen (not any more);
    lapsed (too old); at_rest (the person paused or closed their case).
    """

    type: ClassVar[str] = "notifications.notice.suppressed.v1"
    notice_id: UUID
    participation_id: UUID
    topic: str
    reason: str
    at: datetime


class NoticeSentMessage(Message):
    """A relay took it; whether it was read is not known."""

    type: ClassVar[str] = "notifications.notice.sent.v1"
    notice_id: UUID
    participation_id: UUID
    topic: str
    at: datetime


class NoticeFailedMessage(Message):
    """Surely not sent. ``reason`` is a code: refused, no_address, gave_up."""

    type: ClassVar[str] = "notifications.notice.failed.v1"
    notice_id: UUID
    participation_id: UUID
    topic: str
    reason: str
    at: datetime


class NoticeOutcomeUnknownMessage(Message):
    """Perhaps sent, and never sent again; :class:`NoticeSentMessage` may follow."""

    type: ClassVar[str] = "notifications.notice.outcome_unknown.v1"
    notice_id: UUID
    participation_id: UUID
    topic: str
    at: datetime


SERVICE = ServiceContract(
    name="notifications",
    requests=(
        DeclareChannelSafe,
        ConfirmChannel,
        VerifyPreference,
        DeclareChannelUnsafe,
        ChooseTopic,
        ConfirmTopic,
        DropTopic,
        StopEverything,
        GetPreference,
        GetNotices,
    ),
    publishes=(
        ChannelDeclaredSafeMessage,
        ChannelRecordedMessage,
        ChannelConfirmedMessage,
        ChannelVerifiedMessage,
        ChannelVerificationRecordedMessage,
        ChannelDeclaredUnsafeMessage,
        TopicChosenMessage,
        TopicRecordedMessage,
        TopicConfirmedMessage,
        TopicDroppedMessage,
        NoticeQueuedMessage,
        NoticeSuppressedMessage,
        NoticeSentMessage,
        NoticeFailedMessage,
        NoticeOutcomeUnknownMessage,
    ),
    follows={
        "intake": (
            "intake.assignment.advocate_assigned.v1",
            "intake.assignment.ended.v1",
            "intake.participation.notice_given.v1",
            "intake.case.state_changed.v1",
            "intake.participation.erasure_requested.v1",
        ),
        "consent": (
            "consent.grant.given.v1",
            "consent.grant.revoked.v1",
            "consent.grant.disclosure_made.v1",
        ),
        "keyring": ("keyring.erasure.keys_destroyed.v1",),
    },
    calls=("keyring", "intake", "consent"),
    record_classes=("contact",),
)
