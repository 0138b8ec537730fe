"""The persistence module of the ``eventsourcing`` library on psycopg2.

Set ``PERSISTENCE_MODULE=shared.eventstore.persistence`` and ``POSTGRES_DSN``.
Works under a role that may only SELECT and INSERT on ``events``; creates no
table (``shared.eventstore.migrate`` does). The same log as the applications'.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg2
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    IntegrityError,
    Notification,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic

from shared.contracts.refusal import Unavailable
from shared.eventstore.batch import AlreadyDone, Decision, Entry, VersionConflict
from shared.eventstore.database import Database
from shared.eventstore.log import EventLog

_STREAM = (
    "SELECT originator_id, originator_version, topic, state FROM events WHERE originator_id = %s"
    " AND originator_version > %s AND (%s::bigint IS NULL OR originator_version <= %s)"
    " ORDER BY originator_version LIMIT %s"
)
_STREAM_BACKWARDS = _STREAM.replace("BY originator_version", "BY originator_version DESC")
_LOG = (
    "SELECT originator_id, originator_version, topic, state, position FROM events"
    " WHERE position >= %s AND (%s::bigint IS NULL OR position <= %s)"
    " AND (%s OR topic = ANY(%s)) ORDER BY position LIMIT %s"
)


class Datastore:
    """One database under one role, and its log."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.log = EventLog(database)

    def store(self, decision: Decision) -> list[int]:
        """Store it; the library's errors instead of ours."""
        try:
            return self.log.store(decision)
        except (VersionConflict, AlreadyDone, psycopg2.IntegrityError) as error:
            raise IntegrityError(str(error)) from error
        except Unavailable as error:
            raise OperationalError(str(error)) from error


class LogAggregateRecorder(AggregateRecorder):
    """Streams of aggregates in the log."""

    def __init__(self, datastore: Datastore) -> None:
        self.datastore = datastore

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Store all or none; ``IntegrityError`` when a place in a stream is taken."""
        self._insert(stored_events, **kwargs)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one stream, by version."""
        rows = self.datastore.database.query(
            _STREAM_BACKWARDS if desc else _STREAM,
            (originator_id, -1 if gt is None else gt, lte, lte, limit),
        )
        return [StoredEvent(id, n, topic, bytes(state)) for id, n, topic, state in rows]

    def _insert(
        self, stored_events: Sequence[StoredEvent], tracking: Tracking | None = None, **_: Any
    ) -> list[int]:
        if not stored_events and tracking is None:
            return []
        message = (tracking.application_name, tracking.notification_id) if tracking else None
        return self.datastore.store(
            Decision(entries=tuple(Entry(event) for event in stored_events), message=message)
        )


class LogApplicationRecorder(LogAggregateRecorder, ApplicationRecorder):
    """The log as a sequence of notifications; ids are positions: dense, in commit order."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Store all or none and return their positions."""
        return self._insert(stored_events, **kwargs)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The events from ``start`` to ``stop``, perhaps of some topics only."""
        first = (start or 0) + (0 if inclusive_of_start or start is None else 1)
        rows = self.datastore.database.query(
            _LOG,
            (first, stop, stop, not topics, list(topics), limit),
        )
        return [
            Notification(id, version, topic, bytes(state), position)
            for id, version, topic, state, position in rows
        ]

    def max_notification_id(self) -> int | None:
        """The last position, or nothing."""
        found: int | None = self.datastore.database.query("SELECT max(position) FROM events")[0][0]
        return found

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """The log from a position on, followed by polling, without a thread of its own."""
        return PollingSubscription(self, gt, topics)


class PollingSubscription(Subscription[ApplicationRecorder]):
    """Follows the log by asking; what comes after the last entry is waited for."""

    _PAGE = 500
    _PAUSE = 0.05

    def __init__(
        self, recorder: ApplicationRecorder, gt: int | None, topics: Sequence[str]
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._page: list[Notification] = []
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the iteration, also one that waits."""
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        while not self._stopped.is_set():
            if not self._page:
                self._page = list(
                    self._recorder.select_notifications(
                        start=self._last_notification_id or 0,
                        limit=self._PAGE,
                        topics=self._topics,
                        inclusive_of_start=False,
                    )
                )
            if self._page:
                notification = self._page.pop(0)
                self._last_notification_id = notification.id
                return notification
            self._stopped.wait(self._PAUSE)
        raise StopIteration


class LogTrackingRecorder(TrackingRecorder):
    """How far each producer's log was consumed: the inbox."""

    def __init__(self, datastore: Datastore) -> None:
        self.datastore = datastore

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move the cursor; ``IntegrityError`` when it is there or further already."""
        self.datastore.store(
            Decision(message=(tracking.application_name, tracking.notification_id))
        )

    def max_tracking_id(self, application_name: str) -> int | None:
        """Where the cursor is, or nothing."""
        rows = self.datastore.database.query(
            "SELECT position FROM inbox WHERE producer = %s", (application_name,)
        )
        return rows[0][0] if rows else None


class LogProcessRecorder(LogTrackingRecorder, LogApplicationRecorder, ProcessRecorder):
    """Events and the cursor in one transaction."""


class LogFactory(InfrastructureFactory[LogTrackingRecorder]):
    """Makes the recorders of one database.

    ``POSTGRES_DSN`` says which. Recorders share its connections and its log, so
    that decisions of one process are committed together.
    """

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        dsn = self.env.get("POSTGRES_DSN")
        if not dsn:
            raise InfrastructureFactoryError("POSTGRES_DSN says which database; it is not set")
        self.datastore = Datastore(Database(dsn))

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Streams of events; no other purpose has a table here."""
        if purpose != "events":
            raise InfrastructureFactoryError(f"there is no table of {purpose}")
        return LogAggregateRecorder(self.datastore)

    def application_recorder(self) -> ApplicationRecorder:
        """The log, or the class that ``APPLICATION_RECORDER_TOPIC`` names."""
        cls: type[LogApplicationRecorder] = self._named(
            self.APPLICATION_RECORDER_TOPIC, LogApplicationRecorder
        )
        return cls(self.datastore)

    def tracking_recorder(
        self, tracking_recorder_class: type[LogTrackingRecorder] | None = None
    ) -> LogTrackingRecorder:
        """The inbox, or the given class, or the one that ``TRACKING_RECORDER_TOPIC`` names."""
        cls: type[LogTrackingRecorder] = tracking_recorder_class or self._named(
            self.TRACKING_RECORDER_TOPIC, LogTrackingRecorder
        )
        return cls(self.datastore)

    def process_recorder(self) -> ProcessRecorder:
        """Both, or the class that ``PROCESS_RECORDER_TOPIC`` names."""
        cls: type[LogProcessRecorder] = self._named(self.PROCESS_RECORDER_TOPIC, LogProcessRecorder)
        return cls(self.datastore)

    def close(self) -> None:
        """Close the connections."""
        self.datastore.database.close()

    def _named(self, setting: str, default: type[Any]) -> type[Any]:
        topic = self.env.get(setting)
        found: type[Any] = resolve_topic(topic) if topic else default
        if not issubclass(found, default):
            raise InfrastructureFactoryError(f"{topic} is no {default.__name__}")
        return found
