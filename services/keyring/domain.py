"""An erasure: keys are destroyed at once; it is complete when nobody holds one any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from eventsourcing.domain import event

from shared.contracts.refusal import Because, Refused
from shared.eventstore.aggregate import Aggregate


class AnotherErasure(Refused):
    """The erasure's id was used before, for other keys."""

    code = "another_erasure"
    because: Because = "conflict"
    detail = "This erasure was carried out before, for another participation or other classes."
    what_to_do = "Send a new erasure with an id of its own."


@dataclass(frozen=True)
class Lease:
    """A process of a service that may hold a key until then."""

    service: str
    holder: UUID
    until: datetime


class Erasure(Aggregate):
    """The end of a participation's keys in some record classes: one named key a class.

    destroyed → complete. Nothing leads back; what is recorded later has a key of its own.
    """

    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class KeysDestroyed(Aggregate.Created):
        erasure_id: UUID
        participation_id: UUID
        record_classes: tuple[str, ...]
        key_ids: tuple[UUID, ...]

    class HolderForgot(Aggregate.Event):
        service: str
        holder: UUID

    class ErasureCompleted(Aggregate.Event):
        participation_id: UUID
        record_classes: tuple[str, ...]

    @staticmethod
    def create_id(erasure_id: UUID) -> UUID:
        """The id under which the wish is on record where it was expressed."""
        return erasure_id

    @event(KeysDestroyed)
    def __init__(
        self,
        erasure_id: UUID,
        participation_id: UUID,
        record_classes: tuple[str, ...],
        key_ids: tuple[UUID, ...],
    ) -> None:
        self.participation_id = participation_id
        self.record_classes = tuple(record_classes)
        self.key_ids = tuple(key_ids)
        self.forgot: set[tuple[str, UUID]] = set()
        self.is_complete = False

    @property
    def state(self) -> str:
        """``complete``, or ``keys_destroyed`` while somebody may still hold one."""
        return "complete" if self.is_complete else "keys_destroyed"

    def same_as(self, participation_id: UUID, record_classes: Iterable[str]) -> None:
        """A repeat changes nothing; ``AnotherErasure`` where it is none."""
        if (self.participation_id, set(self.record_classes)) != (
            participation_id,
            set(record_classes),
        ):
            raise AnotherErasure()

    def confirm(self, service: str, holder: UUID) -> None:
        """A holder has forgotten the keys."""
        if not self.is_complete and (service, holder) not in self.forgot:
            self._confirm(service=service, holder=holder)

    def complete(self, leases: Iterable[Lease], now: datetime) -> None:
        """Complete it if every holder has confirmed or its loan has run out.

        ``leases`` are those of destroyed keys, read after these were destroyed:
        from then on there can be no new ones.
        """
        if not self.is_complete and not self.waits_for(leases, now):
            self._complete(
                participation_id=self.participation_id, record_classes=self.record_classes
            )

    def waits_for(self, leases: Iterable[Lease], now: datetime) -> list[Lease]:
        """The loans that have neither been confirmed nor run out."""
        return [
            lease
            for lease in leases
            if lease.until > now and (lease.service, lease.holder) not in self.forgot
        ]

    @event(HolderForgot)
    def _confirm(self, service: str, holder: UUID) -> None:
        self.forgot.add((service, holder))

    @event(ErasureCompleted)
    def _complete(self, participation_id: UUID, record_classes: tuple[str, ...]) -> None:
        self.is_complete = True
