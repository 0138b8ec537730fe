"""The whole platform in one process."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from shared.contracts.intake import BeginInquiry, GetOptions
from shared.contracts.refusal import Refused
from shared.identity.principal import Principal
from shared.messaging.assembly import Incomplete, written
from shared.messaging.embedded import Installation
from shared.messaging.envelope import seal_request
from shared.messaging.pages import MessagesAfter
from shared.messaging.provided import Unbound
from shared.run import embedded
from tests.support.eventually import eventually

ANYONE = Principal.anyone()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="sayso-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def platform(folder: Path) -> Iterator[Installation]:
    made = embedded(folder)
    yield made
    made.stop()


def test_every_written_service_runs_and_answers_the_gateway(platform: Installation) -> None:
    assert set(platform.names) == set(written()) >= {"intake", "consent", "keyring"}
    answer = platform.caller("gateway").call("intake", "get_options", GetOptions(), ANYONE)
    assert isinstance(answer, GetOptions.returns)


def test_the_gateways_bus_takes_and_gives_data(platform: Installation) -> None:
    request = GetOptions()
    envelope = seal_request(
        platform.key("gateway"), platform.clock(), "intake", request, ctx=ANYONE
    )
    answer = asyncio.run(platform.transport.call("intake", "get_options", envelope, 10))
    assert set(answer) == {"ok"}


def test_followers_hear_what_others_announce(platform: Installation) -> None:
    platform.caller("gateway").call("intake", "begin_inquiry", BeginInquiry(), ANYONE, uuid4())
    pulled = platform.services["intake"].app.messages_after(0, 500)
    consent = platform.services["consent"].app

    def cursor() -> bool:
        rows = consent.committer.query("SELECT position FROM inbox WHERE producer = 'intake'")
        return bool(rows) and rows[0][0] == pulled[-1].position

    eventually(cursor, within=10)


def test_only_a_follower_may_read_what_was_published(platform: Installation) -> None:
    request = MessagesAfter(position=0, limit=1)
    platform.caller("consent").call("intake", "messages_after", request)
    for name in ("gateway", "intake"):
        with pytest.raises(Refused) as refused:
            platform.caller(name).call("intake", "messages_after", request, ANYONE)
        assert refused.value.code == "not_allowed"


def test_it_stops_without_leaving_threads_and_comes_back_with_what_it_knew(folder: Path) -> None:
    own = folder / "twice"
    before = set(threading.enumerate())
    # Nobody looks by themselves before an hour is over: whoever waits has to be woken.
    first = embedded(own, names=("intake", "consent", "keyring"), look_every=3600)
    begun = first.caller("gateway").call(
        "intake", "begin_inquiry", BeginInquiry(), ANYONE, command_id := uuid4()
    )
    first.stop()
    eventually(lambda: set(threading.enumerate()) <= before)
    second = embedded(own, names=("intake", "consent", "keyring"))
    try:
        again = second.caller("gateway").call(
            "intake", "begin_inquiry", BeginInquiry(), ANYONE, command_id
        )
        assert again.model_dump()["case_id"] == begun.model_dump()["case_id"]
    finally:
        second.stop()


def test_a_service_that_lacks_a_dependency_or_a_method_starts_nothing(
    platform: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.intake import service
    from shared.messaging.assembly import assemble

    edge = platform.services["intake"].app.edge
    with monkeypatch.context() as patch:
        patch.delattr(service.SERVICE_CLASS, "begin_inquiry")
        with pytest.raises(Incomplete, match="begin_inquiry"):
            assemble("intake", edge, platform.issuers)
    real = service.build
    monkeypatch.setattr(service, "build", lambda edge: {"app": real(edge)["app"]})
    from shared.messaging.provided import Provided

    monkeypatch.setattr(service.SERVICE_CLASS, "mailer", Provided("mailer"), raising=False)
    with pytest.raises(Unbound, match="mailer"):
        assemble("intake", edge, platform.issuers)
