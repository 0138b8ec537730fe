"""One method per command and query: fetch, decide, save. Repeats are harmless."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from uuid import UUID

import structlog

from services.notifications import contracts
from services.notifications import tables as rows
from services.notifications.domain.hours import SafeHours
from services.notifications.domain.notice import Notice
from services.notifications.domain.preference import ContactPreference, NoSuchChannel
from services.notifications.domain.standing import Asker, NotAssigned, Standing
from services.notifications.domain.topics import TopicChoice
from shared.contracts import notifications as asked
from shared.contracts.base import Done, Request, Spoken
from shared.contracts.decision import Decision, RecordedBy
from shared.contracts.refusal import NotAllowed
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.clock import new_id
from shared.eventstore.work import Context, Work
from shared.identity.principal import Principal
from shared.sealing.keys import KeyDestroyed
from shared.sealing.sealed import Sealed

log = structlog.get_logger()

CONTACT = "contact"
"""The record class of addresses, numbers and names to use."""

_NEWS_WAITS = "SELECT 1 FROM parked WHERE producer = 'intake' AND stream_id = %s LIMIT 1"


class NotificationsApplication(EventSourcedApplication):
    """Safe contact, chosen topics, and notices."""

    contract = asked.SERVICE
    tables = rows.TABLES
    fold = staticmethod(rows.fold)
    announce = staticmethod(contracts.announce)
    values = (SafeHours,)

    def resource(self, request: Request, ctx: Context) -> dict[str, Any]:
        """Whose record it is, and which staff intake assigned to it."""
        participation_id: UUID = request.participation_id  # type: ignore[attr-defined]
        return {
            "participation_id": participation_id,
            "assigned": self._assigned(participation_id, ctx.principal),
        }

    def _assigned(self, participation_id: UUID, asker: Principal) -> list[str]:
        """The assigned staff; without the asker where they are another now, or news waits."""
        found = rows.assigned(self, participation_id)
        if str(asker.id) not in found:
            return found
        if self.committer.query(_NEWS_WAITS, (str(participation_id),)):
            return []
        standing = self.aggregate(Standing.create_id(participation_id))
        if isinstance(standing, Standing) and standing.is_assigned(_asker(asker)):
            return found
        return [id for id in found if id != str(asker.id)]  # R21

    # -- safe contact -------------------------------------------------------------------------

    def declare_channel_safe(
        self, command: asked.DeclareChannelSafe, work: Work
    ) -> asked.ChannelDeclared:
        """A way of contact that the person called safe."""
        decision = _yes(command, work)
        whose = command.participation_id
        hours = SafeHours.of(
            command.hours.weekdays,
            command.hours.start,
            command.hours.end,
            command.hours.time_zone,
        )
        preference = work.find(
            ContactPreference, ContactPreference.create_id(whose)
        ) or ContactPreference(participation_id=whose)
        channel_id = new_id()
        state = preference.declare_safe(
            channel_id,
            command.channel,
            address=_sealed(whose, command.address),
            hours=hours,
            voicemail_ok=command.voicemail_ok,
            name_to_use=_sealed(whose, command.name_to_use),
            say_agency=command.say_agency,
            verified_on=command.verified_on,
            stale_after_days=command.stale_after_days,
            decision=decision,
        )
        _store(work, command, preference)
        return asked.ChannelDeclared(channel_id=channel_id, state=state)

    def confirm_channel(self, command: asked.ConfirmChannel, work: Work) -> asked.ChannelDeclared:
        """The confirmation of what staff recorded.

        The second person need not be assigned, but is of the agency of an assigned
        advocate: they hear it from the survivor, once.
        """
        principal = work.ctx.principal
        if principal.kind == "staff":
            _standing(work, command.participation_id).check_may_hear_yes(_asker(principal))
        preference = _preference(work, command.participation_id)
        state = preference.confirm(
            command.channel_id,
            trained=work.ctx.principal.trained,
            decision=_decision(command, work),
        )
        _store(work, command, preference)
        return asked.ChannelDeclared(channel_id=command.channel_id, state=state)

    def verify_preference(
        self, command: asked.VerifyPreference, work: Work
    ) -> asked.ChannelDeclared:
        """A way of contact is still safe."""
        decision = _yes(command, work)
        preference = _preference(work, command.participation_id)
        state = preference.verify(command.channel_id, command.verified_on, decision=decision)
        _store(work, command, preference)
        return asked.ChannelDeclared(channel_id=command.channel_id, state=state)

    def declare_channel_unsafe(
        self, command: asked.DeclareChannelUnsafe, work: Work
    ) -> asked.ChannelDeclared:
        """A way of contact is not safe any more, from now on."""
        decision = _no(command, work)
        preference = _preference(work, command.participation_id)
        state = preference.declare_unsafe(command.channel_id, decision=decision)
        _store(work, command, preference)
        return asked.ChannelDeclared(channel_id=command.channel_id, state=state)

    # -- topics -------------------------------------------------------------------------------

    def choose_topic(self, command: asked.ChooseTopic, work: Work) -> Done:
        """The person wants to hear of a topic."""
        decision = _yes(command, work)
        whose = command.participation_id
        topics = work.find(TopicChoice, TopicChoice.create_id(whose)) or TopicChoice(
            participation_id=whose
        )
        state = topics.choose(command.topic, trained=work.ctx.principal.trained, decision=decision)
        _store(work, command, topics)
        return Done(state=state)

    def drop_topic(self, command: asked.DropTopic, work: Work) -> Done:
        """The person wants to hear nothing more of a topic, from now on."""
        decision = _no(command, work)
        topics = work.find(TopicChoice, TopicChoice.create_id(command.participation_id))
        if topics:
            topics.drop(command.topic, decision=decision)
        _store(work, command, topics)
        return Done(state="dropped")

    def stop_everything(self, command: asked.StopEverything, work: Work) -> Done:
        """Every topic dropped and every way unsafe, in one transaction."""
        decision = _no(command, work)
        whose = command.participation_id
        topics = work.find(TopicChoice, TopicChoice.create_id(whose))
        preference = work.find(ContactPreference, ContactPreference.create_id(whose))
        if topics:
            topics.drop_all(decision=decision)
        if preference:
            preference.declare_all_unsafe(decision=decision)
        _store(work, command, topics, preference)
        return Done(state="stopped")

    # -- what other services' news lead to (reactions.py) --------------------------------------

    def tell(self, participation_id: UUID, topic: str, work: Work) -> None:
        """Request a notice of the message at hand, if the person chose its topic.

        Otherwise nothing at all is stored, not even that nothing was sent.
        """
        topics = work.find(TopicChoice, TopicChoice.create_id(participation_id))
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
        preference = work.find(ContactPreference, ContactPreference.create_id(participation_id))
        notice.check(preference, at=work.ctx.now)
        work.save(notice)

    def standing(self, participation_id: UUID, work: Work) -> Standing:
        """Our copy of who may record something here, to hear news into; begun where new."""
        found = work.find(Standing, Standing.create_id(participation_id)) or Standing(
            participation_id=participation_id
        )
        work.save(found)
        return found

    def erase_contact(self, participation_id: UUID, erasure_id: UUID, work: Work) -> None:
        """The key of the contact class is destroyed: every way of contact ends."""
        preference = work.find(ContactPreference, ContactPreference.create_id(participation_id))
        if preference:
            preference.erase(erasure_id)
            work.save(preference)

    # -- reads --------------------------------------------------------------------------------

    def get_preference(self, query: asked.GetPreference, ctx: Context) -> asked.Preference:
        """The ways of contact and the topics, for the person and their advocate."""
        return asked.Preference(
            channels=tuple(
                self._channel(row, query.participation_id)
                for row in rows.channels(self, query.participation_id)
            ),
            topics=tuple(rows.topics(self, query.participation_id)),  # type: ignore[arg-type]
        )

    def get_notices(self, query: asked.GetNotices, ctx: Context) -> asked.Notices:
        """The notices of the topics that the person chose."""
        return asked.Notices(
            notices=tuple(
                asked.NoticeView(
                    notice_id=row["notice_id"],
                    topic=row["topic"],
                    state=row["state"],
                    reason=row["reason"],
                    requested_at=row["requested_at"].astimezone(UTC),
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


def _yes(command: Any, work: Work) -> Decision:
    """The header of a yes; staff record one only where assigned, and after notice (R22)."""
    principal = work.ctx.principal
    if principal.kind == "staff":
        _standing(work, command.participation_id).check_may_record_yes(_asker(principal))
    return _decision(command, work)


def _no(command: Any, work: Work) -> Decision:
    """The header of a no; it waits for no notice and no confirmation (R71)."""
    principal = work.ctx.principal
    if principal.kind == "staff":
        _standing(work, command.participation_id).check_may_record_no(_asker(principal))
    return _decision(command, work)


def _decision(command: Any, work: Work) -> Decision:
    spoken: Spoken = command
    whose: UUID = command.participation_id
    principal, now = work.ctx.principal, work.ctx.now
    standing = work.find(Standing, Standing.create_id(whose))
    return Decision(
        decided_by="harmed_party",
        participation_id=whose,
        recorded_by=RecordedBy(
            _actor(principal.id), principal.role, principal.base, principal.agency_id
        ),
        how=spoken.how,
        language=spoken.language,
        # A clock that runs ahead must not hold up a no.
        decided_at=min(spoken.decided_at or now, now),
        recorded_at=now,
        on_behalf_of=whose if principal.kind == "staff" else None,
        interpreter=spoken.interpreter,
        notice_version=standing.latest_notice if standing else None,
    )


def _actor(id: UUID | str) -> UUID:
    """Decisions are recorded by people; a service or nobody at all cannot speak for one."""
    if not isinstance(id, UUID):
        raise NotAllowed()
    return id


def _asker(staff: Principal) -> Asker:
    return Asker(_actor(staff.id), staff.base, staff.agency_id)


def _standing(work: Work, participation_id: UUID) -> Standing:
    found = work.find(Standing, Standing.create_id(participation_id))
    if found is None:
        raise NotAssigned()
    return found


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
