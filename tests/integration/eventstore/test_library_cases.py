"""The library's own recorder and factory cases, under the role of a committer.

Each case gets a database of its own, migrated by its owner; the committer may
only SELECT and INSERT on events. The ``optional_`` case of subscriptions is run too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eventsourcing.persistence import AggregateRecorder, ApplicationRecorder, ProcessRecorder
from eventsourcing.persistence import TrackingRecorder as LibraryTrackingRecorder
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)
from eventsourcing.utils import Environment

from shared.eventstore.database import Database
from shared.eventstore.persistence import (
    Datastore,
    LogAggregateRecorder,
    LogApplicationRecorder,
    LogFactory,
    LogProcessRecorder,
    LogTrackingRecorder,
)
from tests.support.postgres import Databases


class Committer:
    """Gives a case its own database, seen as the committer."""

    dsn: str

    @pytest.fixture(autouse=True)
    def _own_database(self, databases: Callable[..., Databases]) -> Any:
        self.dsn = databases("probe").dsn("probe", "committer")
        self.datastore = Datastore(Database(self.dsn))
        yield
        self.datastore.database.close()


class TestAggregateRecorder(Committer, AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return LogAggregateRecorder(self.datastore)


class TestApplicationRecorder(Committer, ApplicationRecorderTestCase):
    def create_recorder(self) -> ApplicationRecorder:
        return LogApplicationRecorder(self.datastore)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleaving(Committer, NonInterleavingNotificationIDsBaseCase):
    insert_num = 1000

    def create_recorder(self) -> ApplicationRecorder:
        return LogApplicationRecorder(self.datastore)


class TestTrackingRecorder(Committer, TrackingRecorderTestCase):
    def create_recorder(self) -> LibraryTrackingRecorder:
        return LogTrackingRecorder(self.datastore)


class TestProcessRecorder(Committer, ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return LogProcessRecorder(self.datastore)


class SpecialTrackingRecorder(LogTrackingRecorder):
    """A subclass that the factory is told to make."""


class TestFactory(Committer, InfrastructureFactoryTestCase[LogFactory]):
    def setUp(self) -> None:
        self.env = Environment(
            env={
                "PERSISTENCE_MODULE": "shared.eventstore.persistence",
                "POSTGRES_DSN": self.dsn,
            }
        )
        super().setUp()

    def expected_factory_class(self) -> type[LogFactory]:
        return LogFactory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return LogAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return LogApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[LibraryTrackingRecorder]:
        return LogTrackingRecorder

    def tracking_recorder_subclass(self) -> type[LibraryTrackingRecorder]:
        return SpecialTrackingRecorder

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return LogProcessRecorder


# Only the subclasses are cases; the library's bases have no recorder to try.
del (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)
