"""A second opinion, from the stored events alone: was every notice allowed, every yes confirmed?

Knows nothing of the code that decided; a breach is an ``AssertionError`` that
names the rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.notifications.domain.hours import SafeHours
from services.notifications.domain.notice import Notice
from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.topics import TopicChoice
from shared.contracts.decision import Decision
from shared.identity.principal import Principal


@dataclass
class _Channel:
    last_days: list[date]
    """The last day of each window that a person entitled to it opened."""
    first_day: date
    recorded: Decision
    days: int
    hours: SafeHours
    live: bool
    declared_at: int
    waiting: tuple[date, Decision] | None = None


@dataclass
class Judge:
    """``trained``: the staff who may be the second person; ``agencies``: of assigned advocates."""

    trained: frozenset[UUID]
    agencies: frozenset[UUID]
    channels: dict[UUID, _Channel] = field(default_factory=dict)
    topics: dict[str, Decision | None] = field(default_factory=dict)
    """Topic → nothing more to wait for, or who recorded what waits."""
    notices: dict[UUID, tuple[str, UUID]] = field(default_factory=dict)
    """What became of a notice that was queued, and for which way."""
    versions: dict[UUID, int] = field(default_factory=dict)
    leads_to: dict[UUID, str | None] = field(default_factory=dict)
    """Of each way that there ever was, the address as a child would compare it."""
    noes: dict[str | None, int] = field(default_factory=dict)
    """Address → when the last no to it was stored."""
    erasing: set[UUID] = field(default_factory=set)
    erased: set[UUID] = field(default_factory=set)
    read: int = 0

    def judge(self, history: Iterable[Any]) -> None:
        """Read what comes next of a history; the first time, its beginning."""
        for event in history:
            self.versions[event.originator_id] = event.originator_version
            self.read += 1
            match event:
                case ContactPreference.ChannelDeclaredSafe():
                    self._declared(event)
                case ContactPreference.ChannelConfirmed():
                    self._confirmed(event)
                case ContactPreference.PreferenceVerified():
                    self._verified(event)
                case ContactPreference.ChannelDeclaredUnsafe():
                    del self.channels[event.channel_id]
                    self.noes[self.leads_to[event.channel_id]] = self.read
                case ContactPreference.ChannelReplaced():
                    del self.channels[event.channel_id]
                    same = self.leads_to[event.replaced_by]
                    assert self.leads_to[event.channel_id] == same, "another way was replaced"
                case ContactPreference.ContactErasureRequested():
                    assert event.erasure_id not in self.erased
                    self.erasing.add(event.erasure_id)
                    self.channels.clear()
                case ContactPreference.ContactErased():
                    self.erasing.discard(event.erasure_id)
                    self.erased.add(event.erasure_id)
                    self.channels.clear()
                case TopicChoice.TopicChosen():
                    waits = event.decision.told_by_staff
                    assert event.topic not in self.topics
                    self.topics[event.topic] = event.decision if waits else None
                case TopicChoice.TopicConfirmed():
                    recorded = self.topics[event.topic]
                    assert recorded is not None
                    self._check_confirmer(recorded, event.decision)
                    self.topics[event.topic] = None
                case TopicChoice.TopicDropped():
                    del self.topics[event.topic]
                case Notice.NoticeRequested():
                    assert event.topic in self.topics, "R26: not chosen"
                    assert self.topics[event.topic] is None, "R71: chosen by staff alone"
                case Notice.NoticeQueued():
                    self._queued(event)
                    self.notices[event.originator_id] = "queued", event.channel_id
                case Notice.NoticePutOff():
                    assert self._state(event) in ("queued", "sending")
                    self._becomes(event, "queued")
                case Notice.NoticeSending():
                    assert self._state(event) == "queued", "sent again"
                    self._sending(event)
                    self._becomes(event, "sending")
                case Notice.NoticeSent():
                    assert self._state(event) in ("sending", "unknown"), "sent without an intent"
                    self._becomes(event, "ended")
                case Notice.NoticeOutcomeUnknown():
                    assert self._state(event) == "sending"
                    self._becomes(event, "unknown")
                case Notice.NoticeFailed():
                    assert self._state(event) in ("queued", "sending")
                    self._becomes(event, "ended")
                case Notice.NoticeSuppressed() if event.originator_id in self.notices:
                    assert self._state(event) == "queued"
                    self._becomes(event, "ended")

    def _declared(self, event: ContactPreference.ChannelDeclaredSafe) -> None:
        own = not event.decision.told_by_staff
        assert not self.erasing, "declared while the key is about to be destroyed"
        assert own or event.channel_id not in self.leads_to, "staff changed what was there"
        words = event.address._words if event.address else None
        self.leads_to[event.channel_id] = words and words.lower().replace("+list@", "@")
        last = event.verified_on + timedelta(days=event.stale_after_days)
        self.channels[event.channel_id] = _Channel(
            [last],
            event.verified_on,
            event.decision,
            event.stale_after_days,
            event.hours,
            own,
            self.read,
        )

    def _confirmed(self, event: ContactPreference.ChannelConfirmed) -> None:
        channel = self.channels[event.channel_id]
        self._check_no(event.channel_id)
        if channel.waiting:
            day, recorded = channel.waiting
            self._check_confirmer(recorded, event.decision)
            channel.last_days.append(day + timedelta(days=channel.days))
            channel.waiting = None
        else:
            assert not channel.live, "confirmed without anything that waits"
            self._check_confirmer(channel.recorded, event.decision)
            channel.live = True

    def _verified(self, event: ContactPreference.PreferenceVerified) -> None:
        channel = self.channels[event.channel_id]
        assert channel.live, "R71: a window of an unconfirmed way was renewed"
        if event.decision.told_by_staff:
            channel.waiting = (event.verified_on, event.decision)
        else:
            channel.last_days.append(event.verified_on + timedelta(days=channel.days))
            if channel.waiting and channel.waiting[0] <= event.verified_on:
                channel.waiting = None

    def _queued(self, event: Notice.NoticeQueued) -> None:
        assert event.channel_id in self.channels, "I09: declared unsafe, erased, or never declared"
        channel = self.channels[event.channel_id]
        assert channel.live, "R71: nobody confirmed it"
        self._check_no(event.channel_id)
        assert event.send_from >= event.at
        for day in (event.at.date(), event.send_from.date()):
            assert channel.first_day <= day <= max(channel.last_days), "I09: stale"

    def _sending(self, event: Notice.NoticeSending) -> None:
        assert self.topics.get(event.topic, event) is None, "R26: not chosen any more"
        assert event.channel_id == self.notices[event.originator_id][1], "I09: another channel"
        assert event.channel_id in self.channels, "I09: declared unsafe, erased, or never declared"
        channel = self.channels[event.channel_id]
        assert channel.live, "R71: nobody confirmed it"
        self._check_no(event.channel_id)
        assert channel.first_day <= event.at.date() <= max(channel.last_days), "I09: stale"
        assert channel.hours.next_window(event.at)[0] == event.at, "I09: outside safe hours"
        assert event.at < event.until <= channel.hours.next_window(event.at)[1]
        assert event.preference_version == self.versions[event.preference_id], "I09: not the latest"
        choice = TopicChoice.create_id(event.participation_id)
        assert event.topics_version == self.versions[choice], "R26: not the latest choice"

    def _check_no(self, channel_id: UUID) -> None:
        said_no = self.noes.get(self.leads_to[channel_id], 0)
        assert self.channels[channel_id].declared_at > said_no, "I09: they said no to this address"

    def _state(self, event: Any) -> str:
        return self.notices[event.originator_id][0]

    def _becomes(self, event: Any, state: str) -> None:
        self.notices[event.originator_id] = state, self.notices[event.originator_id][1]

    def _check_confirmer(self, recorded: Decision, confirming: Decision) -> None:
        who = confirming.recorded_by.actor_id
        if confirming.told_by_staff:
            assert who != recorded.recorded_by.actor_id, "R71: confirmed by who recorded it"
            assert who in self.trained, "R71: confirmed by somebody untrained"
            agency = confirming.recorded_by.agency_id
            assert agency in self.agencies, "R71: confirmed by another agency"


def trained(*staff: Principal) -> frozenset[UUID]:
    """Those of ``staff`` who are trained."""
    return frozenset(s.id for s in staff if s.trained and isinstance(s.id, UUID))
