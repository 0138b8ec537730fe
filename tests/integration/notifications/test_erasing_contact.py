"""Once an erasure of contact is acknowledged nobody is contacted, whoever has heard of it (I09).

The keyring is the real one, asked by its own gate; the key is on loan here as it is in operation.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from infra.demo.mailbox import Mailbox
from services.notifications.domain.refusals import ErasureUnderWay
from shared.contracts.base import Message
from shared.contracts.intake import ErasureRequestedMessage
from shared.contracts.notifications import ChooseTopic
from shared.contracts.refusal import Unavailable
from shared.contracts.registry import services
from shared.eventstore.edge import Edge
from shared.identity.keys import SigningKey, issuers
from shared.identity.principal import Principal
from shared.identity.tokens import GATEWAY
from shared.messaging.announcement import Announcement
from shared.messaging.assembly import assemble
from shared.messaging.envelope import SigningCaller
from shared.messaging.local import LocalTransport
from shared.messaging.pages import Announcements, MessagesAfter
from shared.messaging.provided import bind
from shared.sealing.keys import CachedKeySource
from tests.integration.keyring.conftest import Desk, Nobody
from tests.integration.notifications.world import World, relay_at
from tests.support.examples import MARIA, NOON, an_id
from tests.support.postgres import Databases
from tests.unit.notifications import news

pytestmark = [pytest.mark.rule("I09"), pytest.mark.rule("R09")]


class Lending(World):
    """Notifications with its keys on loan from a keyring, beside an intake of the test's.

    ``heard_when_asked``: whether what intake has said arrives here while it is asked for.
    """

    def __init__(self, stores: Databases, keyring: Databases, port: int) -> None:
        super().__init__(stores, relay_at(port))
        self.app.close()
        nobody: Any = Nobody()
        edge = Edge(
            service="keyring",
            dsn=keyring.role("keyring"),
            keys=nobody,
            caller=nobody,
            fingerprint_key=b"f" * 32,
            clock=lambda: self.now,
            secrets={"kek": b"1" * 32},
        )
        self.desk = Desk(edge)
        self.desk.now = self.now
        signing = {n: SigningKey.from_seed(n, os.urandom(32)) for n in (*services(), GATEWAY)}
        gate = assemble("keyring", edge, issuers({n: key.public for n, key in signing.items()}))
        self._closing = [gate.app.close, self.desk.app.close]
        self.line = LocalTransport()
        self.line.add("keyring", bind(gate.service_class, gate.provided))
        asking = SigningCaller(signing["notifications"], self.line, lambda: self.now)
        self.keyring_is_away = False
        self.lent: Any = CachedKeySource(
            self, Principal.service("notifications"), monotonic=self._seconds
        )
        self.asking, self.unheard = asking, list[Message]()
        self.heard_when_asked = True
        self.keys = self.lent
        self.caller = self  # type: ignore[assignment]
        self.app = self._started()

    def call(self, service: str, method: str, request: Any = None, *more: Any, **named: Any) -> Any:
        """Whom the service asks: intake here, the keyring by its gate."""
        if isinstance(request, MessagesAfter):
            return self._said(service)
        if self.keyring_is_away:
            raise Unavailable()
        return self.asking.call(service, method, request, *more, **named)

    def _seconds(self) -> float:
        return self.now.timestamp()

    def _said(self, service: str) -> Announcements:
        told = [_announced(message) for message in self.unheard]
        if self.heard_when_asked:
            while self.unheard:
                self.hear(self.unheard.pop(0))
        return Announcements(events=tuple(told) if service == "intake" else ())

    def intake_acknowledged(self) -> ErasureRequestedMessage:
        """The survivor's wish is stored; nobody has heard of it yet."""
        message = news.erasure_requested(erasure_id=uuid4())
        self.unheard.append(message)
        return message

    def close(self) -> None:
        for close in (self.app.close, *self._closing, self.line.close):
            close()


def _announced(message: Message) -> str:
    return (
        Announcement(
            producer="intake",
            position=99,
            previous=0,
            stream_id=str(MARIA),
            type=type(message).type,
            time=NOON,
            correlation_id=an_id("correlation"),
            data=message.model_dump(mode="json"),
        )
        .to_json()
        .decode()
    )


@pytest.fixture
def lending(databases: Callable[..., Databases], mailbox: Mailbox) -> Iterator[Lending]:
    world = Lending(databases("notifications"), databases("keyring"), mailbox.port)
    world.are_told()
    yield world
    world.close()


def queued(world: World) -> None:
    world.do(news.declare_safe())
    world.do(ChooseTopic(participation_id=MARIA, topic="sharing"))
    world.hear(news.grant_given())


def test_with_a_key_on_loan_what_is_queued_is_sent_while_nobody_asked_for_an_erasure(
    lending: Lending, mailbox: Mailbox
) -> None:
    queued(lending)
    lending.keyring_is_away = True
    lending.run_due()

    assert len(mailbox.received) == 1


def test_an_erasure_that_nobody_has_heard_of_yet_holds_while_the_key_is_on_loan(
    lending: Lending, mailbox: Mailbox
) -> None:
    """The keyring has not read it, or is away: the loan would open the address for a minute."""
    queued(lending)
    lending.intake_acknowledged()
    lending.keyring_is_away = True
    lending.run_due()

    assert mailbox.received == []
    assert lending.states() == [("suppressed", "no_channel")]


def test_what_cannot_be_heard_in_time_is_not_sent_meanwhile(
    lending: Lending, mailbox: Mailbox
) -> None:
    queued(lending)
    lending.intake_acknowledged()
    lending.heard_when_asked = False
    lending.run_due()

    assert (mailbox.received, lending.states()) == ([], [("queued", None)])
    lending.heard_when_asked = True
    lending.now += timedelta(seconds=31)
    lending.run_due()
    assert (mailbox.received, lending.states()) == ([], [("suppressed", "no_channel")])


def test_keys_destroyed_at_the_keyring_open_nothing_here_for_the_rest_of_their_loan(
    lending: Lending, mailbox: Mailbox
) -> None:
    queued(lending)
    key = lending.lent.current(MARIA, "contact")
    wish = lending.intake_acknowledged()
    lending.desk.react(wish)
    assert lending.lent.by_id(key.key_id) == key, "it is on loan"
    lending.run_due()

    assert mailbox.received == []
    assert lending.states() == [("suppressed", "no_channel")]


def test_after_the_erasure_a_way_is_declared_anew_and_used_again(
    lending: Lending, mailbox: Mailbox
) -> None:
    queued(lending)
    wish = lending.intake_acknowledged()
    lending.keyring_is_away = True
    with pytest.raises(ErasureUnderWay):
        lending.do(news.declare_safe())
    lending.keyring_is_away = False
    lending.desk.react(wish)
    lending.hear(news.keys_destroyed(erasure_id=wish.erasure_id))
    lending.now += timedelta(seconds=61)
    lending.desk.now = lending.now
    lending.desk.run_due()
    queued(lending)
    lending.run_due()

    assert [c.state for c in lending.preference().channels] == ["erased", "safe"]
    assert [state for state, _ in lending.states()] == ["suppressed", "sent"]


def test_a_wish_that_is_heard_after_its_keys_were_destroyed_ends_nothing_declared_since(
    world: World,
) -> None:
    world.do(news.declare_safe())
    world.hear(news.keys_destroyed())
    world.do(news.declare_safe())
    world.hear(news.erasure_requested())

    assert [c.state for c in world.preference().channels] == ["erased", "safe"]


@pytest.mark.parametrize("first", ["intake", "keyring"])
def test_whoever_declared_nothing_may_do_so_after_their_erasure(world: World, first: str) -> None:
    heard = [news.erasure_requested(), news.keys_destroyed()]
    for message in heard if first == "intake" else reversed(heard):
        world.hear(message)

    assert world.do(news.declare_safe()).state == "safe"


def test_an_erasure_of_other_words_ends_no_way_of_contact(sending: World, mailbox: Mailbox) -> None:
    queued(sending)
    sending.hear(news.erasure_requested(of="needs"))
    sending.run_due()

    assert len(mailbox.received) == 1


def test_between_the_wish_and_the_keys_nothing_can_be_read_either(world: World) -> None:
    world.do(news.declare_safe())
    world.hear(news.erasure_requested())

    [channel] = world.preference().channels
    assert (channel.state, channel.address) == ("erased", None)
