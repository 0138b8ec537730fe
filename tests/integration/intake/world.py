"""The intake service on PostgreSQL, with a clock the test sets and keys it can destroy."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg2

from services.intake.application import IntakeApplication
from services.intake.service import Intake, build
from shared.contracts import intake as asked
from shared.contracts.base import Done, Message, Request
from shared.contracts.consent import (
    HAND_OVER_WITHIN,
    ConfirmDisclosure,
    DisclosureConfirmed,
    DisclosureTaken,
    TakeDisclosure,
)
from shared.contracts.items import ItemRef
from shared.contracts.refusal import NotFound, Unavailable
from shared.eventstore.edge import Edge
from shared.eventstore.rebuild import rebuild
from shared.eventstore.work import Context
from shared.identity.principal import Principal
from shared.sealing.keys import DataKey, KeyDestroyed
from tests.support.examples import COMMUNITY_AGENCY, HOUSING_AGENCY, NOON, ROSA, an_id
from tests.support.postgres import Databases

HOUSING = Principal.agency(HOUSING_AGENCY)
COORDINATOR = Principal.staff(an_id("coordinator"), "coordinator", COMMUNITY_AGENCY)
NEED = "I want to sleep at night, says the canary."


class Keys:
    """A keyring in memory: one key a participation and class, destroyed for good."""

    def __init__(self) -> None:
        self.holder = uuid4()
        self.keys: dict[tuple[UUID, str], DataKey] = {}
        self.destroyed: set[tuple[UUID, str]] = set()
        self.forgotten: list[tuple[UUID, tuple[str, ...]]] = []

    def current(self, participation_id: UUID, record_class: str) -> DataKey:
        subject = (participation_id, record_class)
        if subject in self.destroyed:
            raise KeyDestroyed()
        if subject not in self.keys:
            self.keys[subject] = DataKey(uuid4(), participation_id, record_class, uuid4().bytes * 2)
        return self.keys[subject]

    def by_id(self, key_id: UUID) -> DataKey:
        for subject, key in self.keys.items():
            if key.key_id == key_id and subject not in self.destroyed:
                return key
        raise KeyDestroyed()

    def forget(self, participation_id: UUID, record_classes: Iterable[str]) -> None:
        self.forgotten.append((participation_id, tuple(record_classes)))


class Others:
    """Consent and the keyring, as far as intake asks them."""

    def __init__(self) -> None:
        self.disclosures: dict[UUID, DisclosureConfirmed] = {}
        self.confirmed: list[Any] = []
        self.taken: dict[UUID, UUID | None] = {}
        """What was taken, and under which command."""
        self.away = False

    def call(
        self,
        service: str,
        method: str,
        request: Request,
        ctx: Any,
        command_id: UUID | None = None,
    ) -> Any:
        if self.away:
            raise Unavailable()
        if (service, method) == ("keyring", "confirm_forgotten"):
            self.confirmed.append(request)
            return Done(state="confirmed")
        assert isinstance(request, ConfirmDisclosure | TakeDisclosure)
        found = self.disclosures.get(request.disclosure_id)
        if found is None:
            raise NotFound()
        if isinstance(request, ConfirmDisclosure):
            return found
        if self.taken.setdefault(found.disclosure_id, command_id) != command_id:
            raise NotFound()
        return DisclosureTaken(
            disclosure_id=found.disclosure_id,
            participation_id=found.participation_id,
            agency_id=found.agency_id,
            item=found.item,
            taken_at=ctx.now,
            hand_over_within=HAND_OVER_WITHIN.total_seconds(),
        )


class World:
    """People use intake; what they get is what the service answers."""

    def __init__(self, stores: Databases) -> None:
        self.now = NOON
        self.stores = stores
        self.keys = Keys()
        self.others = Others()
        self.heard: dict[str, int] = {}
        app = build(
            Edge(
                service="intake",
                dsn=stores.role("intake"),
                keys=self.keys,
                caller=self.others,
                fingerprint_key=bytes(32),
                clock=lambda: self.now,
                secrets={"index_key": bytes(range(32))},
            )
        )["app"]
        assert isinstance(app, Intake)
        self.app = app
        begun = self.do(Principal.anyone(), asked.BeginInquiry())
        self.code: str = begun.possession_code
        self.case_id: UUID = begun.case_id
        self.me: UUID = begun.participation_id
        self.survivor = Principal.survivor(self.me)

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

    def say(self, request: type[Any], who: Principal | None = None, **fields: Any) -> Any:
        """The survivor asks, or ``who`` does."""
        return self.do(who or self.survivor, request(participation_id=self.me, **fields))

    def hear(self, message: Message) -> None:
        """Another service publishes, intake follows."""
        producer = message.type.split(".")[0]
        place = (producer, self.heard.get(producer, 0) + 1)
        self.app.react(
            message,
            self.ctx(Principal.system("intake"), causation=f"{producer}/{place[1]}", message=place),
        )
        self.heard[producer] = place[1]

    def told(self) -> None:
        """The survivor reads the platform's own notice."""
        self.say(asked.GiveConfidentialityNotice, base="alone", notice_version="alone-1")

    def accompanied(self) -> None:
        """Rosa is asked for, assigned, and explains."""
        self.say(asked.RequestAdvocate, base="community")
        self.say(
            asked.AssignAdvocate,
            COORDINATOR,
            advocate_id=ROSA.id,
            base="community",
            agency_id=COMMUNITY_AGENCY,
        )
        self.say(
            asked.GiveConfidentialityNotice, ROSA, base="community", notice_version="community-1"
        )

    def need(self) -> ItemRef:
        """A need in the survivor's words."""
        stated = self.say(asked.StateNeed, words=NEED)
        return ItemRef(service="intake", kind="need", item_id=stated.need_id)

    def disclosure(self, item: ItemRef, **changed: Any) -> UUID:
        """Consent recorded that the housing agency may take this item."""
        fields: dict[str, Any] = {
            "disclosure_id": uuid4(),
            "participation_id": self.me,
            "agency_id": HOUSING_AGENCY,
            "item": item,
            "take_before": self.now + timedelta(seconds=60),
        }
        made = DisclosureConfirmed(**(fields | changed))
        self.others.disclosures[fields["disclosure_id"]] = made
        return fields["disclosure_id"]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Anything in the database, as a superuser sees it."""
        with (
            closing(psycopg2.connect(self.stores.dsn("intake", "superuser"))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
            return cursor.fetchall()

    def log(self) -> list[str]:
        """The names of all stored events, in order."""
        topics = self.rows("SELECT topic FROM events ORDER BY position")
        return [topic.rsplit(".", 1)[1] for (topic,) in topics]

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every read table."""
        return {t: self.rows(f"SELECT * FROM {t} ORDER BY 1") for t in IntakeApplication.tables}

    def rebuild(self) -> int:
        """Fold the log again, as ``make rebuild`` does."""
        return rebuild(IntakeApplication, self.stores.dsn("intake", "owner"))

    def timeline(self) -> list[Any]:
        return list(self.say(asked.GetTimeline).entries)
