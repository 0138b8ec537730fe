"""The consent service on PostgreSQL, with a clock that the test sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg2

from services.consent.service import Consent, build
from shared.accompaniment.company import ALONE
from shared.contracts.base import Message, Request
from shared.contracts.consent import (
    ConfirmDisclosure,
    ConfirmGrant,
    DeclineGrant,
    ExplainGrant,
    GetGrants,
    GiveGrant,
    GrantProposed,
    GrantView,
    ProposeGrant,
    RequestDisclosure,
    RevokeGrant,
    TakeDisclosure,
)
from shared.contracts.intake import (
    AdvocateAssignedMessage,
    AdvocateAssignmentEndedMessage,
    CaseStateMessage,
    ItemsErasedMessage,
    NoticeGivenMessage,
)
from shared.contracts.items import ConfirmItems, ItemRef, ItemsConfirmed
from shared.contracts.refusal import NotFound, Refused, Unavailable
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context
from shared.identity.principal import Principal
from shared.messaging.announcement import Announcement
from shared.messaging.pages import Announcements, MessagesAfter
from shared.sealing.keys import DataKey
from tests.support.examples import DANA, HOUSING_AGENCY, MARIA, NOON, ROSA, SURVIVOR
from tests.support.postgres import Databases

DAY = timedelta(days=1)
INTAKE = Principal.service("intake")
HOUSING = Principal.agency(HOUSING_AGENCY)


class NobodysKeys:
    """Consent keeps no words, so it never asks for a key."""

    def current(self, participation_id: UUID, record_class: str) -> DataKey:
        raise AssertionError("consent asked for a key")

    def by_id(self, key_id: UUID) -> DataKey:
        raise AssertionError("consent asked for a key")

    def forget(self, participation_id: UUID, classes: Any = None) -> None:
        raise AssertionError("consent asked for a key")


class Intake:
    """What intake has published and consent has not heard yet, and what it keeps.

    Asked for nothing else.
    """

    def __init__(self) -> None:
        self.on_its_way: list[UUID] = []
        self.not_there: set[UUID] = set()
        self.away = False
        self.when_asked: Callable[[], None] = lambda: None

    def call(self, service: str, method: str, request: Any, *_: Any, **__: Any) -> Any:
        if (service, type(request)) == ("intake", ConfirmItems):
            if self.away:
                raise Unavailable()
            if self.not_there & {item.item_id for item in request.items}:
                raise NotFound()
            return ItemsConfirmed(participation_id=request.participation_id, items=request.items)
        assert (service, type(request)) == ("intake", MessagesAfter), "consent asked for more"
        self.when_asked()
        if self.away:
            raise Unavailable()
        told = (
            Announcement(
                producer="intake",
                position=number,
                previous=number - 1,
                stream_id=str(whose),
                type="intake.assignment.ended.v1",
                time=NOON,
                correlation_id=uuid4(),
                data={"participation_id": str(whose)},
            )
            for number, whose in enumerate(self.on_its_way, start=1_000)
        )
        return Announcements(events=tuple(each.to_json().decode() for each in told))


class World:
    def __init__(self, stores: Databases) -> None:
        self.now = NOON
        self.stores = stores
        self.intake_position = 0
        self.intake = Intake()
        self.app = self.replica()
        self.need = ItemRef(service="intake", kind="need", item_id=uuid4())
        self.other_need = ItemRef(service="intake", kind="need", item_id=uuid4())

    def replica(self) -> Consent:
        """Another process of the service, as far as the database can tell."""
        app = build(
            Edge(
                service="consent",
                dsn=self.stores.role("consent"),
                keys=NobodysKeys(),
                caller=self.intake,
                fingerprint_key=bytes(32),
                clock=lambda: self.now,
                secrets={"index_key": bytes(range(32))},
            )
        )["app"]
        assert isinstance(app, Consent)
        return app

    def ctx(self, who: Principal, key: UUID | None = None, **changed: Any) -> Context:
        fields: dict[str, Any] = {
            "principal": who,
            "command_id": key,
            "correlation_id": uuid4(),
            "causation": f"command/{key}",
            "now": self.now,
        }
        return Context(**(fields | changed))

    def do(self, who: Principal, request: Request, key: UUID | None = None) -> Any:
        """What the service answers; a command without a key gets one of its own."""
        return self.app.run(request, self.ctx(who, key or uuid4()))

    def hear(self, message: Message) -> None:
        """Intake publishes, consent follows."""
        self.intake_position += 1
        place = ("intake", self.intake_position)
        ctx = self.ctx(Principal.system("consent"), causation=f"intake/{place[1]}", message=place)
        self.app.react(message, ctx)

    def assign(self, advocate: Principal = ROSA, participation_id: UUID = MARIA) -> None:
        assert isinstance(advocate.id, UUID)
        assert advocate.base is not None
        assert advocate.agency_id is not None
        self.hear(
            AdvocateAssignedMessage(
                participation_id=participation_id,
                advocate_id=advocate.id,
                base=advocate.base,
                agency_id=advocate.agency_id,
                at=self.now,
            )
        )

    def unassign(self, advocate: Principal = ROSA) -> None:
        assert isinstance(advocate.id, UUID)
        self.hear(
            AdvocateAssignmentEndedMessage(
                participation_id=MARIA, advocate_id=advocate.id, at=self.now
            )
        )

    def notice(self, base: str = "community", participation_id: UUID = MARIA) -> None:
        self.hear(
            NoticeGivenMessage(
                participation_id=participation_id,
                base=base,
                notice_version=f"{base}-1",
                at=self.now,
            )
        )

    def are_told(self) -> None:
        """The survivors, who began alone, have read the platform's own notice."""
        for whose in (MARIA, DANA):
            self.notice(ALONE, whose)

    def case(self, state: str, participation_id: UUID = MARIA) -> None:
        self.hear(
            CaseStateMessage(
                case_id=uuid4(), participation_id=participation_id, state=state, at=self.now
            )
        )

    def erase(self, *items: ItemRef) -> None:
        self.hear(
            ItemsErasedMessage(
                participation_id=MARIA,
                erasure_id=uuid4(),
                item_kind="need",
                item_ids=tuple(item.item_id for item in items),
                at=self.now,
            )
        )

    def park(self, participation_id: UUID) -> None:
        """A message of intake about them could not be heard, and waits to be heard again."""
        about = json.dumps({"data": {"participation_id": str(participation_id)}})
        self.app.committer.execute(
            "INSERT INTO parked (producer, position, stream_id, message, reason, retry_at)"
            " VALUES ('intake', 1000, %s, %s, 'failed', now())",
            (str(uuid4()), about),  # the stream of their case, for instance
        )

    def propose(self, who: Principal = SURVIVOR, **changed: Any) -> GrantProposed:
        fields: dict[str, Any] = {
            "participation_id": who.participation_id or MARIA,
            "recipient_agency_id": HOUSING_AGENCY,
            "items": (self.need,),
            "purpose": "housing",
            "expires_at": self.now + 14 * DAY,
        } | changed
        answer: GrantProposed = self.do(who, ProposeGrant(**fields))
        return answer

    def explained(self, who: Principal = SURVIVOR, **changed: Any) -> GrantProposed:
        grant = self.propose(who, **changed)
        self.do(
            who,
            ExplainGrant(
                participation_id=who.participation_id or MARIA,
                grant_id=grant.grant_id,
                explanation_version="release-1",
            ),
        )
        return grant

    def given(self, **changed: Any) -> GrantProposed:
        grant = self.explained(**changed)
        assert self.give(grant).state == "given"
        return grant

    def give(self, grant: GrantProposed, who: Principal = SURVIVOR) -> Any:
        return self.do(who, GiveGrant(participation_id=MARIA, grant_id=grant.grant_id))

    def confirm(self, grant: GrantProposed, who: Principal = SURVIVOR) -> Any:
        return self.do(who, ConfirmGrant(participation_id=MARIA, grant_id=grant.grant_id))

    def decline(self, grant: GrantProposed, who: Principal = SURVIVOR) -> Any:
        return self.do(who, DeclineGrant(participation_id=MARIA, grant_id=grant.grant_id))

    def revoke(self, grant: GrantProposed, who: Principal = SURVIVOR) -> Any:
        return self.do(who, RevokeGrant(participation_id=MARIA, grant_id=grant.grant_id))

    def request(self, reference: UUID, **changed: Any) -> RequestDisclosure:
        asked: dict[str, Any] = {
            "agency_reference": reference,
            "item": self.need,
            "purpose": "housing",
        } | changed
        return RequestDisclosure(**asked)

    def ask(self, reference: UUID, who: Principal = HOUSING, **changed: Any) -> Any:
        return self.do(who, self.request(reference, **changed))

    def answer(self, reference: UUID, who: Principal = HOUSING, **changed: Any) -> dict[str, str]:
        """What an asker is told who is not granted anything."""
        try:
            granted = self.ask(reference, who, **changed)
        except Refused as refused:
            return refused.as_data()
        raise AssertionError(f"granted: {granted}")

    def may_hand_over(self, disclosure_id: UUID, who: Principal = INTAKE, **changed: Any) -> Any:
        asked: dict[str, Any] = {
            "disclosure_id": disclosure_id,
            "agency_id": HOUSING_AGENCY,
            "item": self.need,
        } | changed
        return self.app.run(ConfirmDisclosure(**asked), self.ctx(who))

    def take(
        self, disclosure_id: UUID, key: UUID | None = None, who: Principal = INTAKE, **changed: Any
    ) -> Any:
        asked: dict[str, Any] = {
            "disclosure_id": disclosure_id,
            "agency_id": HOUSING_AGENCY,
            "item": self.need,
        } | changed
        return self.do(who, TakeDisclosure(**asked), key)

    def view(self, grant: GrantProposed) -> GrantView:
        answer = self.app.run(GetGrants(participation_id=MARIA), self.ctx(SURVIVOR))
        [found] = [g for g in answer.grants if g.grant_id == grant.grant_id]  # type: ignore[attr-defined]
        view: GrantView = found
        return view

    def rows(self, sql: str, *params: Any, role: str = "superuser") -> list[tuple[Any, ...]]:
        with (
            closing(psycopg2.connect(self.stores.dsn("consent", role))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, params)
            return cursor.fetchall()

    def log(self, stream_id: UUID | None = None) -> list[str]:
        """The names of the stored events, in order; of one stream if said."""
        where = "WHERE originator_id = %s" if stream_id else ""
        params = (str(stream_id),) if stream_id else ()
        found = self.rows(f"SELECT topic FROM events {where} ORDER BY position", *params)
        return [topic.rsplit(".", 1)[-1] for (topic,) in found]

    def count(self) -> int:
        return len(self.log())

    def later(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now
