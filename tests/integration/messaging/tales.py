"""Two small services: one tells, the other hears. What was heard is in the hearer's own log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from eventsourcing.domain import event

from shared.contracts.base import Message, Model, ServiceContract
from shared.contracts.refusal import Unavailable
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.edge import Edge, utc_now
from shared.eventstore.work import Context, Work
from shared.identity.principal import Principal
from shared.messaging.announcement import Announcement
from shared.messaging.follower import Follower
from shared.messaging.gate import STORE_AWAY
from shared.messaging.store_inbox import StoreInbox


class TaleTold(Message):
    type: ClassVar[str] = "teller.tale.told.v1"
    tale_id: UUID
    number: int


TELLER = ServiceContract(name="teller", publishes=(TaleTold,))
HEARER = ServiceContract(name="hearer", follows={"teller": (TaleTold.type,)}, calls=("teller",))
CONTRACTS = {"teller": TELLER, "hearer": HEARER}
MESSAGES: dict[str, type[Message]] = {TaleTold.type: TaleTold}


class Tale(Aggregate):
    @event("Begun")
    def __init__(self) -> None:
        self.number = 0

    def tell(self) -> None:
        self._told(number=self.number + 1)
        self._paused()

    @event("Told")
    def _told(self, number: int) -> None:
        self.number = number

    @event("Paused")
    def _paused(self) -> None:
        self.pauses = getattr(self, "pauses", 0) + 1


class Ear(Aggregate):
    @event("Opened")
    def __init__(self, tale_id: UUID) -> None:
        self.tale_id = tale_id
        self.heard: list[int] = []

    @staticmethod
    def create_id(tale_id: UUID) -> UUID:
        return uuid5(NAMESPACE_URL, f"ear of {tale_id}")

    @event("Heard")
    def hear(self, number: int) -> None:
        self.heard.append(number)


def announce(happened: Any) -> Message | None:
    if isinstance(happened, Tale.Told):
        return TaleTold(tale_id=happened.originator_id, number=happened.number)
    return None


class Teller(EventSourcedApplication):
    contract = TELLER
    announce = staticmethod(announce)

    def tell(self, tale_id: UUID | None = None) -> UUID:
        """Tell the next part of a tale, or begin one."""

        def handler(work: Work) -> UUID:
            tale = work.get(Tale, tale_id) if tale_id else Tale()
            tale.tell()
            work.save(tale)
            return tale.id

        told: UUID = self.decide(_context("teller"), handler)
        return told

    def announcements(self, after: int, limit: int) -> Sequence[Announcement]:
        """What a follower pulls."""
        return [Announcement.of("teller", p) for p in self.messages_after(after, limit)]


@dataclass(frozen=True)
class Poison:
    tale_id: UUID
    number: int


class Hearer(EventSourcedApplication):
    contract = HEARER

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge)
        self.poison: Counter[Poison] = Counter()

    def heard(self, tale_id: UUID) -> list[int]:
        """What this service did about a tale, in the order in which it did."""
        found = self.aggregate(Ear.create_id(tale_id))
        return found.heard if isinstance(found, Ear) else []


def hear(app: Hearer, message: TaleTold, work: Work) -> None:
    poison = Poison(message.tale_id, message.number)
    ear = work.find(Ear, Ear.create_id(message.tale_id)) or Ear(message.tale_id)
    ear.hear(message.number)
    work.save(ear)
    if app.poison[poison]:
        app.poison[poison] -= 1
        raise RuntimeError("the handler raised after it had decided")


Hearer.reactions = {TaleTold.type: hear}


class Nobody:
    """A caller and a key source where none is needed."""

    def call(self, *_: Any, **__: Any) -> Model:
        raise Unavailable()

    current = by_id = forget = call


def edge(service: str, dsn: Callable[[str], str]) -> Edge:
    nobody: Any = Nobody()
    return Edge(service=service, dsn=dsn, keys=nobody, caller=nobody, fingerprint_key=b"f" * 32)


@dataclass
class Pair:
    """Both services, on databases of their own."""

    teller: Teller
    hearer: Hearer
    tales: list[UUID] = field(default_factory=list)

    def follower(self) -> Follower:
        inbox = StoreInbox(self.hearer, utc_now)
        pull = self.teller.announcements
        return Follower("hearer", "teller", inbox, pull, utc_now, infrastructure=STORE_AWAY)

    def begin(self, tales: int) -> None:
        self.tales = [self.teller.tell() for _ in range(tales)]

    def told(self) -> dict[UUID, list[int]]:
        """What the teller's log says was told."""
        found: dict[UUID, list[int]] = {tale: [] for tale in self.tales}
        position = 0
        while page := self.teller.announcements(position, 500):
            for announcement in page:
                found[UUID(announcement.stream_id)].append(announcement.data["number"])
            position = page[-1].position
        return found

    def heard(self) -> dict[UUID, list[int]]:
        """What the hearer's log says was heard."""
        return {tale: self.hearer.heard(tale) for tale in self.tales}

    def parked(self) -> int:
        return StoreInbox(self.hearer, utc_now).parked_count("teller")

    def close(self) -> None:
        self.teller.close()
        self.hearer.close()


def _context(service: str) -> Context:
    return Context(Principal.system(service), None, uuid4(), "due/test/1", utc_now())
