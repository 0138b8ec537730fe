"""One method per command and query: fetch, decide, save. Repeats are harmless."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from uuid import UUID

import structlog

from services.notifications import contracts
from services.notifications import tables as rows
from services.notifications.domain.channel import AddressMark
from services.notifications.domain.hours import SafeHours
from services.notifications.domain.notice import Notice
from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.refusals import AddressNotSendable, NoSuchChannel
from services.notifications.domain.topics import NothingToConfirm, TopicChoice
from services.notifications.formats.address import comparable, sendable
from shared.accompaniment.accompaniment import Accompaniment
from shared.accompaniment.following import assigned, must_have_told, said
from shared.contracts import notifications as asked
from shared.contracts.base import Done, Request
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.clock import new_id
from shared.eventstore.work import Context, Work
from shared.sealing.keys import KeyDestroyed
from shared.sealing.marks import likeness
from shared.sealing.sealed import Sealed

log = structlog.get_logger()

CONTACT = "contact"
"""The record class of addresses, numbers and names to use."""

SEND = "send_notice"
"""The due row of a notice that is queued: one each, at the moment from which it may go."""


class NotificationsApplication(EventSourcedApplication):
    """Safe contact, chosen topics, and notices."""

    contract = asked.SERVICE
    tables = rows.TABLES
    fold = staticmethod(rows.fold)
    announce = staticmethod(contracts.announce)
    values = (SafeHours, AddressMark)
    senders: frozenset[str] = frozenset()
    """The ways of contact that something can be sent by, in this deployment."""

    def resource(self, request: Request, ctx: Context) -> dict[str, Any]:
        """Whose record it is, and which staff intake assigned to it."""
        participation_id: UUID = request.participation_id  # type: ignore[attr-defined]
        return {
            "participation_id": participation_id,
            "assigned": assigned(self, participation_id, request, ctx.principal),
        }

    # -- safe contact -------------------------------------------------------------------------

    def declare_channel_safe(
        self, command: asked.DeclareChannelSafe, work: Work
    ) -> asked.ChannelDeclared:
        """A way of contact that the person called safe, or calls so again."""
        decision = said(self, command, work)
        if command.channel == "email" and command.address and not sendable(command.address):
            raise AddressNotSendable()
        whose = command.participation_id
        hours = SafeHours.of(
            command.hours.weekdays,
            command.hours.start,
            command.hours.end,
            command.hours.time_zone,
        )
        preference = _begun(work, whose)
        channel_id = preference.declare_safe(
            new_id(),
            command.channel,
            address=_sealed(whose, command.address),
            address_mark=self._mark(whose, command.address),
            hours=hours,
            voicemail_ok=command.voicemail_ok,
            name_to_use=_sealed(whose, command.name_to_use),
            say_agency=command.say_agency,
            verified_on=command.verified_on,
            stale_after_days=command.stale_after_days,
            decision=decision,
        )
        _store(work, command, preference)
        state = preference.channels[channel_id].state
        return asked.ChannelDeclared(channel_id=channel_id, state=state)

    def confirm_channel(self, command: asked.ConfirmChannel, work: Work) -> asked.ChannelDeclared:
        """The confirmation of what staff recorded.

        The second person need not be assigned, but is of the agency of an assigned
        advocate: they hear it from the survivor, once.
        """
        decision = said(self, command, work, come_to_hear=work.ctx.principal.trained)
        preference = _preference(work, command.participation_id)
        state = preference.confirm(
            command.channel_id,
            trained=work.ctx.principal.trained,
            decision=decision,
        )
        _store(work, command, preference)
        return asked.ChannelDeclared(channel_id=command.channel_id, state=state)

    def verify_preference(
        self, command: asked.VerifyPreference, work: Work
    ) -> asked.ChannelDeclared:
        """A way of contact is still safe."""
        decision = said(self, command, work)
        preference = _preference(work, command.participation_id)
        state = preference.verify(command.channel_id, command.verified_on, decision=decision)
        _store(work, command, preference)
        return asked.ChannelDeclared(channel_id=command.channel_id, state=state)

    def declare_channel_unsafe(
        self, command: asked.DeclareChannelUnsafe, work: Work
    ) -> asked.ChannelDeclared:
        """A way of contact is not safe any more, from now on."""
        decision = said(self, command, work, no=True)
        preference = _preference(work, command.participation_id)
        state = preference.declare_unsafe(command.channel_id, decision=decision)
        _store(work, command, preference)
        _look_again(command.participation_id, work)
        return asked.ChannelDeclared(channel_id=command.channel_id, state=state)

    def _mark(self, whose: UUID, address: str | None) -> AddressMark | None:
        """By which the address is known again in this participation; ``Unavailable`` without a key.

        Under their own key: two people's marks of one address are not alike.
        """
        if address is None:
            return None
        key = self.edge.keys.current(whose, CONTACT)
        return AddressMark(key.key_id, likeness(key, "address", comparable(address)))

    # -- topics -------------------------------------------------------------------------------

    def choose_topic(self, command: asked.ChooseTopic, work: Work) -> Done:
        """The person wants to hear of a topic."""
        decision = said(self, command, work)
        whose = command.participation_id
        topics = work.find(TopicChoice, TopicChoice.create_id(whose)) or TopicChoice(
            participation_id=whose
        )
        state = topics.choose(command.topic, decision=decision)
        _store(work, command, topics)
        return Done(state=state)

    def confirm_topic(self, command: asked.ConfirmTopic, work: Work) -> Done:
        """The confirmation of a topic that staff recorded, as of a channel."""
        decision = said(self, command, work, come_to_hear=work.ctx.principal.trained)
        topics = work.find(TopicChoice, TopicChoice.create_id(command.participation_id))
        if topics is None:
            raise NothingToConfirm()
        state = topics.confirm(command.topic, trained=work.ctx.principal.trained, decision=decision)
        _store(work, command, topics)
        return Done(state=state)

    def drop_topic(self, command: asked.DropTopic, work: Work) -> Done:
        """The person wants to hear nothing more of a topic, from now on."""
        decision = said(self, command, work, no=True)
        topics = work.find(TopicChoice, TopicChoice.create_id(command.participation_id))
        if topics:
            topics.drop(command.topic, decision=decision)
        _store(work, command, topics)
        _look_again(command.participation_id, work)
        return Done(state="dropped")

    def stop_everything(self, command: asked.StopEverything, work: Work) -> Done:
        """Every topic dropped and every way unsafe, in one transaction."""
        decision = said(self, command, work, no=True)
        whose = command.participation_id
        topics = work.find(TopicChoice, TopicChoice.create_id(whose))
        preference = work.find(ContactPreference, ContactPreference.create_id(whose))
        if topics:
            topics.drop_all(decision=decision)
        if preference:
            preference.declare_all_unsafe(decision=decision)
        _store(work, command, topics, preference)
        _look_again(whose, work)
        return Done(state="stopped")

    # -- what other services' news lead to (reactions.py) --------------------------------------

    def tell(self, participation_id: UUID, topic: str, work: Work) -> None:
        """Request a notice of the message at hand, if the person chose its topic.

        Otherwise nothing at all is stored, not even that nothing was sent. Where their
        case rests, that it was not sent is on record, for them to read.
        """
        topics_id = TopicChoice.create_id(participation_id)
        preference_id = ContactPreference.create_id(participation_id)
        beside_id = Accompaniment.create_id(participation_id)
        topics = work.find(TopicChoice, topics_id)
        if topics is None or not topics.wants(topic):  # R11 R26
            return
        cause = work.ctx.causation
        if work.find(Notice, Notice.create_id(participation_id, topic, cause)):
            return
        notice = Notice(
            participation_id=participation_id,
            topic=topic,
            cause=cause,
            requested_at=work.ctx.now,
        )
        preference = work.find(ContactPreference, preference_id)
        beside = work.find(Accompaniment, beside_id)
        at_rest = beside is not None and beside.at_rest
        notice.check(preference, senders=self.senders, at=work.ctx.now, at_rest=at_rest)
        # I09: a no that is stored meanwhile counts, and a rest.
        work.rely_on(topics_id, preference_id, beside_id)
        work.save(notice)
        if notice.state == "queued":
            schedule_sending(notice, work)

    def leave_alone(self, participation_id: UUID, work: Work) -> None:
        """Their case rests from now on: what is queued is looked at, and suppressed."""
        _look_again(participation_id, work)

    def end_contact(self, participation_id: UUID, erasure_id: UUID, work: Work) -> None:
        """They asked for their contact words to be erased: nothing is sent from now on (R09)."""
        preference = _begun(work, participation_id)
        preference.request_erasure(erasure_id)
        work.save(preference)
        _look_again(participation_id, work)

    def erase_contact(self, participation_id: UUID, erasure_id: UUID, work: Work) -> None:
        """The key of the contact class is destroyed: every way of contact ends."""
        preference = _begun(work, participation_id)
        preference.erase(erasure_id)
        work.save(preference)
        _look_again(participation_id, work)

    # -- reads --------------------------------------------------------------------------------

    def get_preference(self, query: asked.GetPreference, ctx: Context) -> asked.Preference:
        """The ways of contact and the topics, for the person and their advocate."""
        must_have_told(self, query.participation_id, ctx.principal)
        return asked.Preference(
            channels=tuple(
                self._channel(row, query.participation_id)
                for row in rows.channels(self, query.participation_id)
            ),
            topics=tuple(rows.topics(self, query.participation_id)),  # type: ignore[arg-type]
        )

    def get_notices(self, query: asked.GetNotices, ctx: Context) -> asked.Notices:
        """The notices of the topics that the person chose."""
        must_have_told(self, query.participation_id, ctx.principal)
        return asked.Notices(
            notices=tuple(
                asked.NoticeView(
                    notice_id=row["notice_id"],
                    topic=row["topic"],
                    state=row["state"],
                    reason=row["reason"],
                    requested_at=row["requested_at"].astimezone(UTC),
                    sent_at=row["sent_at"] and row["sent_at"].astimezone(UTC),
                )
                for row in rows.notices(self, query.participation_id)
            )
        )

    def _channel(self, row: dict[str, Any], whose: UUID) -> asked.ChannelView:
        return asked.ChannelView(
            channel_id=row["channel_id"],
            channel=row["channel"],
            address=self._words(row["address"], whose),
            hours=asked.Hours(
                weekdays=tuple(row["weekdays"]),
                start=row["opens"],
                end=row["closes"],
                time_zone=row["time_zone"],
            ),
            voicemail_ok=row["voicemail_ok"],
            name_to_use=self._words(row["name_to_use"], whose),
            say_agency=row["say_agency"],
            verified_on=row["verified_on"],
            stale_after=row["stale_after"],
            state=row["state"],
        )

    def _words(self, token: str | None, whose: UUID) -> str | None:
        """None also where the key is destroyed and the news of it has not come here yet."""
        if token is None:
            return None
        try:
            return self.open(token, participation_id=whose, record_class="contact")
        except KeyDestroyed:
            return None


def schedule_sending(notice: Notice, work: Work) -> None:
    """Have a queued notice sent, or looked at again, when its time has come."""
    if notice.send_from is not None:
        whose = str(notice.participation_id)
        work.schedule(SEND, str(notice.id), notice.send_from, participation_id=whose)


def _look_again(participation_id: UUID, work: Work) -> None:
    """What is queued is looked at now: after a no it is on record why it was not sent."""
    work.execute(
        "UPDATE due SET at = %s WHERE kind = %s AND data->>'participation_id' = %s AND at > %s",
        (work.ctx.now, SEND, str(participation_id), work.ctx.now),
    )


def _begun(work: Work, participation_id: UUID) -> ContactPreference:
    id = ContactPreference.create_id(participation_id)
    return work.find(ContactPreference, id) or ContactPreference(participation_id=participation_id)


def _preference(work: Work, participation_id: UUID) -> ContactPreference:
    found = work.find(ContactPreference, ContactPreference.create_id(participation_id))
    if found is None:
        raise NoSuchChannel()
    return found


def _sealed(participation_id: UUID, words: str | None) -> Sealed | None:
    # R47: what leads to somebody's door is closed before it is stored, and opened for them alone.
    return None if words is None else Sealed.pending(participation_id, CONTACT, words)


def _store(work: Work, command: Request, *aggregates: Aggregate | None) -> None:
    changed = [a for a in aggregates if a is not None and a.pending_events]
    if not changed:
        log.info("command.ignored", command=command.method())
    work.save(*changed)
