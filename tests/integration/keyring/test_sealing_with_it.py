"""Another service's words, sealed and opened through the keyring's own gate, until erased."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.keyring import ConfirmForgotten, DestroyKeys, OpenDataKey
from shared.contracts.refusal import Refused, Unavailable
from shared.contracts.registry import services
from shared.eventstore.edge import utc_now
from shared.identity.keys import SigningKey, issuers
from shared.identity.principal import Principal
from shared.identity.tokens import GATEWAY
from shared.messaging.assembly import assemble
from shared.messaging.envelope import SigningCaller
from shared.messaging.local import LocalTransport
from shared.messaging.provided import bind
from shared.sealing.keys import CachedKeySource, KeyDestroyed, KeyNotYours
from shared.sealing.sealed import Binding, Sealed, close, open_
from tests.integration.keyring.conftest import Desk

PLACE = Binding("intake", uuid4(), 1, "topic", "words")


@dataclass
class Line:
    """The way to the keyring: tokens, policies and JSON bytes; ``is_down`` cuts it."""

    transport: LocalTransport
    keys: dict[str, SigningKey]
    is_down: bool = False

    def send(
        self, service: str, method: str, envelope: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        if self.is_down:
            raise Unavailable()
        return self.transport.send(service, method, envelope, timeout)

    def caller(self, name: str) -> SigningCaller:
        return SigningCaller(self.keys[name], self, utc_now)


@pytest.fixture
def line(desk: Desk) -> Iterator[Line]:
    signing = {name: SigningKey.from_seed(name, os.urandom(32)) for name in (*services(), GATEWAY)}
    known = issuers({name: key.public for name, key in signing.items()})
    service = assemble("keyring", desk.edge, known)
    transport = LocalTransport()
    transport.add("keyring", bind(service.service_class, service.provided))
    yield Line(transport, signing)
    transport.close()
    service.app.close()


def source(line: Line, name: str = "intake") -> CachedKeySource:
    return CachedKeySource(line.caller(name), Principal.service(name))


def sealed(keys: CachedKeySource, person: UUID, words: str = "words") -> Sealed:
    return close(
        Sealed.pending(person, "needs", words), PLACE, keys.current(person, "needs"), os.urandom
    )


def read(keys: CachedKeySource, token: str) -> str:
    value = Sealed.from_token(token)
    assert value.key_id
    return open_(value, keys.by_id(value.key_id))


def test_words_sealed_by_one_process_are_opened_by_another(line: Line) -> None:
    token = sealed(source(line), uuid4(), "I want to be asked").token()
    assert read(source(line), token) == "I want to be asked"


def test_after_an_erasure_no_process_opens_them(line: Line) -> None:
    person, keys = uuid4(), source(line)
    token = sealed(keys, person).token()
    erasure_id = uuid4()
    line.caller("intake").call(
        "keyring",
        "destroy_keys",
        DestroyKeys(erasure_id=erasure_id, participation_id=person, record_classes=("needs",)),
        command_id=uuid4(),
    )
    keys.forget(person, ("needs",))
    for process in (keys, source(line)):
        with pytest.raises(KeyDestroyed):
            read(process, token)
        with pytest.raises(KeyDestroyed):
            sealed(process, person)
    done = line.caller("intake").call(
        "keyring",
        "confirm_forgotten",
        ConfirmForgotten(erasure_id=erasure_id, service="intake", holder=keys.holder),
        command_id=uuid4(),
    )
    assert done.model_dump()["state"] == "complete"


def test_while_the_keyring_is_away_open_subjects_go_on_and_others_do_not(line: Line) -> None:
    keys = source(line)
    token = sealed(keys, uuid4()).token()
    line.is_down = True
    assert read(keys, token) == "words"
    with pytest.raises(Refused) as away:
        sealed(keys, uuid4())
    assert away.value.because == "unavailable"


def test_a_service_cannot_open_anothers_words(line: Line) -> None:
    token = sealed(source(line), uuid4()).token()
    with pytest.raises(KeyNotYours):
        read(source(line, "notifications"), token)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: OpenDataKey(participation_id=uuid4(), record_class="needs", holder=uuid4()),
        lambda: DestroyKeys(
            erasure_id=uuid4(), participation_id=uuid4(), record_classes=("needs",)
        ),
    ],
    ids=["open", "destroy"],
)
@pytest.mark.parametrize(
    "person",
    [
        Principal.survivor(uuid4()),
        Principal.staff(uuid4(), "administrator", uuid4(), trained=True),
        Principal.agency(uuid4()),
        Principal.anyone(),
    ],
    ids=lambda p: p.kind,
)
def test_no_person_and_no_agency_gets_through_to_the_keyring(
    line: Line, person: Principal, ask: Callable[[], Any]
) -> None:
    request = ask()
    with pytest.raises(Refused) as refused:
        line.caller(GATEWAY).call("keyring", request.method(), request, person, uuid4())
    assert refused.value.code == "not_allowed"


def test_only_intake_may_have_keys_destroyed(line: Line) -> None:
    asked = DestroyKeys(erasure_id=uuid4(), participation_id=uuid4(), record_classes=("needs",))
    for name in sorted(set(services()) - {"intake"}):
        with pytest.raises(Refused) as refused:
            line.caller(name).call("keyring", "destroy_keys", asked, command_id=uuid4())
        assert refused.value.code == "not_allowed"
