"""The broker restarted while messages flow, poison, and what it refuses to take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from threading import Event, Thread

import amqp
import pytest

from shared.eventstore.database import Database
from shared.messaging.amqp.background import Part, forever
from shared.messaging.amqp.following import FollowerPart
from shared.messaging.amqp.publisher import ConfirmingPublisher, NotConfirmed
from shared.messaging.amqp.relaying import RelayPart, StoreRelayLog
from shared.messaging.doorbell import Doorbell
from shared.messaging.relay import Relay
from shared.messaging.topology import DEAD, EVENTS, EVENTS_VHOST, queue_from
from shared.scheduler.alone import RELAY, Alone
from tests.integration.messaging.tales import CONTRACTS, Pair, Poison
from tests.support.eventually import eventually
from tests.support.rabbitmq import RabbitMQ


@pytest.fixture
def broker(rabbitmq: RabbitMQ) -> RabbitMQ:
    """The broker with the topology of the two small services, empty."""
    rabbitmq.require(4)
    rabbitmq.also(CONTRACTS)
    return rabbitmq


@contextmanager
def running(*parts: Part) -> Iterator[None]:
    """Each part in a thread, as a service runs it."""
    stopping = Event()
    threads = [Thread(target=forever, args=(part, "test", stopping)) for part in parts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(30)


@contextmanager
def telling(pair: Pair, bell: Doorbell) -> Iterator[None]:
    """Tell on and on, a few hundred parts a second at most."""
    stopping = Event()

    def tell() -> None:
        for tale in cycle(pair.tales):
            if stopping.wait(0.005):
                return
            pair.teller.tell(tale)
            bell.ring()

    thread = Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(30)


def relay_part(pair: Pair, broker: RabbitMQ, bell: Doorbell) -> RelayPart:
    dsn = pair.teller.edge.dsn("relay")
    log = StoreRelayLog("teller", pair.teller, Database(dsn, size=1))
    return RelayPart(
        lambda publisher: Relay("teller", log, publisher.publish),
        ConfirmingPublisher(broker.broker("teller")),
        Alone(dsn, RELAY),
        bell,
    )


def follower_part(pair: Pair, broker: RabbitMQ) -> FollowerPart:
    return FollowerPart(broker.broker("hearer"), pair.follower())


def all_heard(pair: Pair) -> bool:
    return pair.heard() == pair.told()


def test_a_broker_that_is_restarted_in_order_loses_repeats_and_reorders_nothing(
    pair: Pair, broker: RabbitMQ
) -> None:
    """Killed and wiped it is in ``tests/chaos``, with all services on it."""
    pair.begin(5)
    bell = Doorbell()
    with running(relay_part(pair, broker, bell), follower_part(pair, broker)):
        with telling(pair, bell):
            eventually(lambda: min(map(len, pair.heard().values())) > 5, within=20)
            broker.stop_and_start()
            reached = min(map(len, pair.told().values()))
            eventually(lambda: min(map(len, pair.heard().values())) > reached, within=45)
        eventually(lambda: all_heard(pair), within=45)
    assert all(heard == list(range(1, len(heard) + 1)) for heard in pair.heard().values())
    assert pair.parked() == 0


def test_a_message_is_heard_at_once_because_the_bell_rings(pair: Pair, broker: RabbitMQ) -> None:
    pair.begin(1)
    bell = Doorbell()
    with running(relay_part(pair, broker, bell), follower_part(pair, broker)):
        eventually(lambda: all_heard(pair), within=20)
        pair.teller.tell(pair.tales[0])
        bell.ring()
        # Far sooner than the 30 s after which a follower asks by itself.
        eventually(lambda: pair.heard() == {pair.tales[0]: [1, 2]}, within=5)


def test_a_handler_that_raises_loses_and_reorders_nothing_of_its_stream(
    pair: Pair, broker: RabbitMQ
) -> None:
    pair.begin(4)
    bell = Doorbell()
    for number in (2, 5, 6):
        pair.hearer.poison[Poison(pair.tales[0], number)] = 1
    with running(relay_part(pair, broker, bell), follower_part(pair, broker)):
        for _ in range(10):
            for tale in pair.tales:
                pair.teller.tell(tale)
            bell.ring()
        others = pair.tales[1:]
        eventually(lambda: all(len(pair.hearer.heard(tale)) == 11 for tale in others), within=20)
        eventually(lambda: all_heard(pair), within=30)
    assert pair.hearer.heard(pair.tales[0]) == list(range(1, 12))
    assert pair.parked() == 0


def test_a_body_that_is_no_message_is_set_aside_and_stops_nothing(
    pair: Pair, broker: RabbitMQ
) -> None:
    pair.begin(1)
    with running(follower_part(pair, broker)):
        connection = broker.broker("teller").connect(EVENTS_VHOST)
        channel = connection.channel()
        for body in (b"", b"garbage", b'{"id":"teller/1"}'):
            channel.basic_publish_confirm(amqp.Message(body), EVENTS, "teller.tale.told.v1")
        connection.close()
        eventually(lambda: _waiting(broker, DEAD) == 3, within=30)
        eventually(lambda: all_heard(pair), within=40)


def test_only_one_relay_of_a_service_is_active_and_another_takes_over(pair: Pair) -> None:
    dsn = pair.teller.edge.dsn("relay")
    first, second = Alone(dsn, RELAY), Alone(dsn, RELAY)
    assert first.hold()
    assert not second.hold()
    assert first.hold(), "asking again keeps the place"
    first.release()
    eventually(second.hold)
    assert not first.hold()
    second.release()
    first.release()


def test_a_place_that_is_sure_is_not_asked_for_each_time_and_only_for_so_long(pair: Pair) -> None:
    dsn = pair.teller.edge.dsn("relay")
    sure, other = Alone(dsn, RELAY, sure_for=1.0), Alone(dsn, RELAY)
    assert sure.hold()
    Database(dsn, size=1).query(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        " AND objid = %s AND database = (SELECT oid FROM pg_database"
        " WHERE datname = current_database())",
        (RELAY,),
    )
    eventually(other.hold, within=1)
    assert sure.hold(), "nobody was asked yet"
    eventually(lambda: not sure.hold(), within=10)
    other.release()
    eventually(sure.hold, within=10)
    sure.release()


def test_a_message_that_no_queue_takes_is_not_taken_as_announced(
    pair: Pair, broker: RabbitMQ
) -> None:
    pair.begin(1)
    broker.api("DELETE", f"/api/exchanges/{EVENTS_VHOST}/sayso.unrouted")
    broker.api("DELETE", f"/api/queues/{EVENTS_VHOST}/{queue_from('hearer', 'teller')}")
    [told] = pair.teller.announcements(0, 1)
    publisher = ConfirmingPublisher(broker.broker("teller"))
    with pytest.raises(NotConfirmed):
        publisher.publish([told])


def test_a_service_cannot_speak_for_another_on_the_events_exchange(
    pair: Pair, broker: RabbitMQ
) -> None:
    pair.begin(1)
    [told] = pair.teller.announcements(0, 1)
    for user in ("hearer", "gateway"):
        publisher = ConfirmingPublisher(broker.broker(user))
        with pytest.raises((amqp.exceptions.AMQPError, OSError)):
            publisher.publish([told])


def _waiting(broker: RabbitMQ, queue: str) -> int:
    return int(broker.api("GET", f"/api/queues/{EVENTS_VHOST}/{queue}").get("messages", 0))
