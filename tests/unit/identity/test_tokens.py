"""Between two processes only what the right issuer signed, for this audience, just now, counts."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest

from shared.identity.keys import SigningKey, issuers
from shared.identity.principal import Principal
from shared.identity.tokens import TokenRefused, sign, verify
from tests.support.examples import MARIA, NOON, ROSA, SURVIVOR

GATEWAY = SigningKey.from_seed("gateway", b"g" * 32)
CONSENT = SigningKey.from_seed("consent", b"c" * 32)
STRANGER = SigningKey.from_seed("gateway", b"s" * 32)
PINNED = issuers({"gateway": GATEWAY.public, "consent": CONSENT.public})


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def signed(claims: dict[str, Any], key: SigningKey = GATEWAY, **header: Any) -> str:
    headers = {"kid": key.key_id, "typ": "sayso-principal+jwt", **header}
    return jwt.encode(claims, key.private, algorithm="EdDSA", headers=headers)


def test_a_service_learns_for_whom_the_gateway_speaks() -> None:
    token = sign(SURVIVOR, "intake", GATEWAY, NOON)
    assert verify(token, "intake", PINNED, NOON) == SURVIVOR


def test_a_token_for_one_service_is_worth_nothing_at_another() -> None:
    token = sign(SURVIVOR, "intake", GATEWAY, NOON)
    with pytest.raises(TokenRefused):
        verify(token, "consent", PINNED, NOON)


@pytest.mark.parametrize(
    "later", [timedelta(seconds=60), timedelta(days=365), timedelta(seconds=-6)]
)
def test_a_token_is_worth_nothing_outside_its_minute(later: timedelta) -> None:
    token = sign(SURVIVOR, "intake", GATEWAY, NOON)
    with pytest.raises(TokenRefused):
        verify(token, "intake", PINNED, NOON + later)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=59), timedelta(seconds=-5)])
def test_a_token_holds_within_its_minute_and_a_small_difference_of_clocks(later: timedelta) -> None:
    token = sign(SURVIVOR, "intake", GATEWAY, NOON)
    assert verify(token, "intake", PINNED, NOON + later) == SURVIVOR


def test_a_key_that_is_not_pinned_proves_nothing_even_under_the_right_name() -> None:
    token = sign(SURVIVOR, "intake", STRANGER, NOON)
    with pytest.raises(TokenRefused):
        verify(token, "intake", PINNED, NOON)
    borrowed = signed(claims_of(token), STRANGER, kid=GATEWAY.key_id)
    with pytest.raises(TokenRefused):
        verify(borrowed, "intake", PINNED, NOON)


def test_a_service_cannot_speak_for_a_person() -> None:
    with pytest.raises(ValueError, match="may not speak"):
        sign(SURVIVOR, "intake", CONSENT, NOON)
    forged = {**claims_of(sign(SURVIVOR, "intake", GATEWAY, NOON)), "iss": "consent"}
    with pytest.raises(TokenRefused):
        verify(signed(forged, CONSENT), "intake", PINNED, NOON)


def test_a_service_speaks_for_itself_and_for_no_other_service() -> None:
    own = Principal.service("consent")
    assert verify(sign(own, "intake", CONSENT, NOON), "intake", PINNED, NOON) == own
    with pytest.raises(ValueError, match="may not speak"):
        sign(Principal.service("intake"), "keyring", CONSENT, NOON)
    with pytest.raises(ValueError, match="may not speak"):
        sign(Principal.service("intake"), "keyring", GATEWAY, NOON)


def test_nobody_signs_for_a_services_own_clock() -> None:
    with pytest.raises(ValueError, match="may not speak"):
        sign(Principal.system("consent"), "consent", CONSENT, NOON)


def test_a_token_without_a_signature_is_refused() -> None:
    claims = claims_of(sign(SURVIVOR, "intake", GATEWAY, NOON))
    headers = {"kid": GATEWAY.key_id, "typ": "sayso-principal+jwt"}
    unsigned = jwt.encode(claims, "", algorithm="none", headers=headers)
    with pytest.raises(TokenRefused):
        verify(unsigned, "intake", PINNED, NOON)


def test_the_public_key_is_no_secret_to_sign_with() -> None:
    claims = claims_of(sign(SURVIVOR, "intake", GATEWAY, NOON))
    headers = {"kid": GATEWAY.key_id, "typ": "sayso-principal+jwt"}
    secret = b"any shared secret of enough length"
    forged = jwt.encode(claims, secret, algorithm="HS256", headers=headers)
    with pytest.raises(TokenRefused):
        verify(forged, "intake", PINNED, NOON)


@pytest.mark.parametrize("left_out", ["iss", "aud", "iat", "exp", "principal"])
def test_a_token_that_leaves_something_out_is_refused(left_out: str) -> None:
    claims = claims_of(sign(SURVIVOR, "intake", GATEWAY, NOON))
    del claims[left_out]
    with pytest.raises(TokenRefused):
        verify(signed(claims), "intake", PINNED, NOON)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": int(NOON.timestamp()) + 3600},
        {"exp": True},
        {"iat": 1.5},
        {"exp": "soon"},
        {"aud": ["intake", "consent"]},
        {"admin": True},
        {"principal": {"kind": "root", "id": "x"}},
        {"principal": "maria"},
        {"principal": None},
        {"iss": ["gateway"]},
    ],
)
def test_a_rightly_signed_token_of_another_form_is_refused(changed: dict[str, Any]) -> None:
    claims = {**claims_of(sign(SURVIVOR, "intake", GATEWAY, NOON)), **changed}
    segments = [
        {"alg": "EdDSA", "kid": GATEWAY.key_id, "typ": "sayso-principal+jwt"},
        claims,
    ]
    text = b".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in segments
    )
    signature = base64.urlsafe_b64encode(GATEWAY.private.sign(text)).rstrip(b"=")
    with pytest.raises(TokenRefused):
        verify((text + b"." + signature).decode(), "intake", PINNED, NOON)


def test_a_token_of_another_type_is_refused() -> None:
    claims = claims_of(sign(SURVIVOR, "intake", GATEWAY, NOON))
    with pytest.raises(TokenRefused):
        verify(signed(claims, typ="sayso-session+jwt"), "intake", PINNED, NOON)


@pytest.mark.parametrize(
    "garbage", ["", ".", "..", "a.b.c", "\x00", "é.é.é", "e30.e30.", "x" * 5000, None, 7]
)
def test_garbage_is_refused_and_nothing_else_happens(garbage: Any) -> None:
    with pytest.raises(TokenRefused):
        verify(garbage, "intake", PINNED, NOON)


def test_every_changed_byte_is_found() -> None:
    token = sign(ROSA, "consent", GATEWAY, NOON)
    for at in range(0, len(token), 7):
        other = "A" if token[at] != "A" else "B"
        changed = token[:at] + other + token[at + 1 :]
        try:
            found = verify(changed, "consent", PINNED, NOON)
        except TokenRefused:
            continue
        assert found == ROSA, "base64 may spell the same bytes in two ways, and only that"


def test_two_keys_of_one_issuer_hold_while_one_replaces_the_other() -> None:
    both = issuers({"gateway": (GATEWAY.public, STRANGER.public)})
    for key in (GATEWAY, STRANGER):
        assert verify(sign(SURVIVOR, "intake", key, NOON), "intake", both, NOON) == SURVIVOR


def test_a_long_life_is_not_signed() -> None:
    with pytest.raises(ValueError, match="two minutes"):
        sign(SURVIVOR, "intake", GATEWAY, NOON, ttl=121)


def test_a_key_survives_its_file_and_never_shows_itself() -> None:
    again = SigningKey.from_pem("gateway", GATEWAY.pem())
    assert again.key_id == GATEWAY.key_id
    assert "private" not in repr(again)


def test_the_reason_of_a_refusal_is_for_the_log_alone() -> None:
    with pytest.raises(TokenRefused) as refused:
        verify(sign(Principal.survivor(MARIA), "intake", STRANGER, NOON), "intake", PINNED, NOON)
    assert refused.value.reason not in str(refused.value.as_data())
