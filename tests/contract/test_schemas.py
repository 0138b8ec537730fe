"""The schemas are what the types say, and what travels is what the schemas say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from shared.contracts import generate
from shared.contracts.base import Command, Message, ServiceContract, personal_fields
from shared.contracts.consent import GrantRevokedMessage
from shared.contracts.registry import messages, services
from shared.messaging.announcement import Announcement

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOME_ID = UUID("6f1c2a34-5b6d-4e7f-8a90-b1c2d3e4f506")
PUBLISHED = sorted(messages().values(), key=lambda m: m.type)


def schema(path: str) -> Draft202012Validator:
    described = json.loads((generate.SCHEMAS / path).read_text("utf-8"))
    Draft202012Validator.check_schema(described)
    return Draft202012Validator(described, format_checker=FormatChecker())


def example_of(message: type[Message]) -> Message:
    """One message with every field filled from its schema."""
    return message.model_validate_json(
        json.dumps(
            {
                name: example_value(described)
                for name, described in message.model_json_schema()["properties"].items()
            }
        )
    )


def example_value(described: dict[str, Any]) -> Any:
    if "enum" in described:
        return described["enum"][0]
    if described.get("type") == "array":
        return [example_value(described["items"])]
    if "anyOf" in described:
        return example_value(described["anyOf"][0])
    return {
        ("string", "uuid"): str(SOME_ID),
        ("string", "date-time"): NOON.isoformat(),
        ("string", None): "word",
        ("integer", None): 1,
        ("boolean", None): True,
    }[described["type"], described.get("format")]


def announced(message: Message) -> dict[str, Any]:
    return json.loads(
        Announcement(
            producer=type(message).type.split(".")[0],
            position=7,
            previous=3,
            stream_id=str(SOME_ID),
            type=type(message).type,
            time=NOON,
            correlation_id=SOME_ID,
            data=message.model_dump(mode="json"),
        ).to_json()
    )


def test_the_committed_schemas_are_what_the_types_say() -> None:
    assert generate.drift(generate.generate(services().values()), generate.SCHEMAS) == []


def test_a_schema_that_drifted_is_missing_or_left_over_is_found(tmp_path: Path) -> None:
    files = generate.generate(services().values())
    generate.write(files, tmp_path)
    (tmp_path / "consent/revoke_grant.request.json").write_text("{}")
    (tmp_path / "consent/give_grant.request.json").unlink()
    (tmp_path / "consent/burn_grant.request.json").write_text("{}")
    assert generate.drift(files, tmp_path) == [
        "consent/burn_grant.request.json belongs to nothing",
        "consent/give_grant.request.json is missing",
        "consent/revoke_grant.request.json is not what the types say",
    ]


def test_every_request_and_every_message_has_a_schema() -> None:
    for name, service in services().items():
        for request in service.requests:
            schema(f"{name}/{request.method()}.request.json")
            schema(f"{name}/{request.method()}.answer.json")
        for message in service.publishes:
            schema(f"{name}/{message.type}.json")


@pytest.mark.parametrize("message", PUBLISHED, ids=lambda m: m.type)
def test_a_published_message_travels_as_a_cloud_event_and_as_described(
    message: type[Message],
) -> None:
    event = announced(example_of(message))
    schema("cloudevent.json").validate(event)
    schema(f"{event['type'].split('.')[0]}/{event['type']}.json").validate(event["data"])


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"id": "consent"},
        {"position": 0},
        {"type": "consent.grant.revoked"},
        {"time": "yesterday"},
        {"correlationid": "mine"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_envelope_schema_refuses_what_no_relay_of_ours_sends(change: dict[str, Any]) -> None:
    event = {**announced(example_of(GrantRevokedMessage)), **change}
    with pytest.raises(ValidationError):
        schema("cloudevent.json").validate(event)


@pytest.mark.parametrize("message", PUBLISHED, ids=lambda m: m.type)
def test_a_published_message_holds_no_personal_field(message: type[Message]) -> None:
    assert personal_fields(message) == {}
    assert not {"words", "name", "address", "note", "text", "phone", "email"} & set(
        message.model_fields
    )


@pytest.mark.parametrize("message", PUBLISHED, ids=lambda m: m.type)
def test_a_reader_ignores_fields_that_it_does_not_know(message: type[Message]) -> None:
    data = example_of(message).model_dump(mode="json")
    later = {**data, "added_in_a_later_version": 1}
    assert message.model_validate_json(json.dumps(later)).model_dump(mode="json") == data


def test_routing_keys_name_their_service_and_version() -> None:
    for name, service in services().items():
        for message in service.publishes:
            owner, _aggregate, _verb, version = message.type.split(".")
            assert owner == name
            assert version[0] == "v"
            assert version[1:].isdigit()


def test_a_service_follows_only_what_somebody_publishes_and_calls_only_services() -> None:
    for service in services().values():
        for producer, types in service.follows.items():
            published = {m.type for m in services()[producer].publishes}
            assert set(types) <= published
        assert set(service.calls) <= set(services())


def test_method_names_are_unique_across_the_platform_because_they_are_actions() -> None:
    names = [r.method() for s in services().values() for r in s.requests]
    assert len(names) == len(set(names))


def test_the_lock_holds_every_released_message_as_it_was() -> None:
    lock = json.loads(generate.LOCK.read_text("utf-8"))
    assert lock
    generate.released(messages(), lock)


def test_changing_a_released_message_is_refused_by_name() -> None:
    class WithoutWhom(Message):
        type = "consent.grant.revoked.v1"
        grant_id: UUID

    lock = generate.released(messages(), {})
    changed = {**messages(), "consent.grant.revoked.v1": WithoutWhom}
    with pytest.raises(generate.ReleasedChanged, match=r"consent\.grant\.revoked\.v1.*changed"):
        generate.released(changed, lock)


def test_taking_a_released_message_away_is_refused_by_name() -> None:
    lock = generate.released(messages(), {})
    fewer = {t: m for t, m in messages().items() if t != "consent.grant.revoked.v1"}
    with pytest.raises(generate.ReleasedChanged, match=r"consent\.grant\.revoked\.v1.*gone"):
        generate.released(fewer, lock)


def test_a_new_version_beside_a_released_one_is_welcome() -> None:
    class Next(GrantRevokedMessage):
        type = "consent.grant.revoked.v2"
        reason_code: str

    lock = generate.released(messages(), {})
    assert set(generate.released({**messages(), Next.type: Next}, lock)) - set(lock) == {Next.type}


def test_prose_may_change_after_a_release_but_a_field_called_title_may_not() -> None:
    class Before(Message):
        """Said one way."""

        type = "consent.thing.done.v1"
        title: str

    class Reworded(Message):
        """Said another way."""

        type = "consent.thing.done.v1"
        title: str

    class Without(Message):
        type = "consent.thing.done.v1"

    assert generate.fingerprint(Before) != generate.fingerprint(Without)
    # The class name is a title too, and no reader ever sees it.
    assert generate.fingerprint(Before) == generate.fingerprint(Reworded)


def test_a_service_without_requests_or_messages_has_no_schemas() -> None:
    files = generate.generate([ServiceContract(name="quiet")])
    assert set(files) == {"cloudevent.json"}


def test_a_command_with_somebodys_words_says_whose_they_are() -> None:
    """Their data key tells a repeat from other words under the same Idempotency-Key."""
    for service in services().values():
        for request in service.requests:
            if issubclass(request, Command) and personal_fields(request):
                assert "participation_id" in request.model_fields, request.__name__
