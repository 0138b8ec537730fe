"""Who is recognised at the door, and who is not: one answer for every reason."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from services.gateway import agencies
from services.gateway.agencies import AgencyKey, AgencyKeys, KeyRefused, hashed
from services.gateway.dev_issuer import AUDIENCE, ISSUER
from services.gateway.sessions import Sessions
from services.gateway.staff import BadIssuers, StaffTokens, read_issuers
from shared.identity.keys import SigningKey
from shared.identity.tokens import TokenRefused, sign
from tests.support.examples import COMMUNITY_AGENCY, HOUSING_AGENCY, MARIA, NOON, NOOR, SURVIVOR
from tests.unit.gateway.door import (
    HOUSING_KEY,
    ISSUER_KEY,
    KEY,
    PEPPER,
    Door,
    agency_keys,
    path_of,
    problem,
    row_of,
)

CASE = path_of(row_of("get_case"))
RSA = generate_private_key(65537, 2048)
IN_AN_HOUR = int(NOON.timestamp()) + 3600


def claims(**changed: Any) -> dict[str, Any]:
    found = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(NOOR.id),
        "iat": int(NOON.timestamp()),
        "exp": IN_AN_HOUR,
        "sayso_role": "advocate",
        "sayso_agency_id": str(COMMUNITY_AGENCY),
        "sayso_base": "community",
        "sayso_unit_kind": "community",
        "sayso_trained": True,
        **changed,
    }
    return {name: value for name, value in found.items() if value is not ...}


def staff_token(algorithm: str = "EdDSA", key: Any = None, kid: str = "", **changed: Any) -> str:
    return jwt.encode(
        claims(**changed),
        ISSUER_KEY.private if key is None else key,
        algorithm=algorithm,
        headers={"kid": kid or ISSUER_KEY.key_id},
    )


def jwk_of(key: Any, **more: Any) -> dict[str, Any]:
    public = key.public_key()
    rsa = isinstance(key, RSAPrivateKey)
    jwk = (RSAAlgorithm if rsa else OKPAlgorithm).to_jwk(public, as_dict=True)  # type: ignore[attr-defined]
    return {**jwk, "alg": "RS256" if rsa else "EdDSA", **more}


def pinned(*jwks: dict[str, Any]) -> str:
    return json.dumps([{"issuer": ISSUER, "audience": AUDIENCE, "jwks": {"keys": list(jwks)}}])


def refused(door: Door, **headers: str) -> dict[str, Any]:
    found = problem(door.ask("GET", CASE, headers=headers))
    del found["instance"]
    return found


def test_staff_are_who_their_token_says(door: Door) -> None:
    tokens = StaffTokens(read_issuers(door.issuer.pinned()))
    assert tokens.whose(staff_token(), NOON) == NOOR
    assert tokens.whose(door.issuer.token(NOOR), NOON) == NOOR


def test_an_rs256_issuer_is_believed_where_its_key_is_pinned_as_such() -> None:
    tokens = StaffTokens(read_issuers(pinned(jwk_of(RSA, kid="rsa"))))
    assert tokens.whose(staff_token("RS256", RSA, "rsa"), NOON) == NOOR


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "urn:somebody-else"},
        {"iss": ...},
        {"aud": "another-platform"},
        {"aud": ...},
        {"exp": int(NOON.timestamp())},
        {"exp": ...},
        {"exp": IN_AN_HOUR + 1},
        {"exp": "tomorrow"},
        {"iat": int(NOON.timestamp()) + 60},
        {"iat": ...},
        {"sub": "not-an-id"},
        {"sub": ...},
        {"sayso_role": ...},
        {"sayso_role": "ADVOCATE"},
        {"sayso_role": ["advocate"]},
        {"sayso_agency_id": ...},
        {"sayso_base": "police"},
        {"sayso_unit_kind": 7},
        {"sayso_unit_kind": ...},
        {"sayso_unit_kind": ""},
        {"sayso_unit_kind": "Parole"},
        {"sayso_unit_kind": "parole_unit"},
        {"sayso_trained": "yes"},
    ],
)
def test_a_staff_token_that_is_not_as_it_must_be_is_refused(
    changed: dict[str, Any], door: Door
) -> None:
    assert refused(door, Authorization=f"Bearer {staff_token(**changed)}")["status"] == 401


def test_the_algorithm_comes_from_the_pinned_key_and_not_from_the_token(door: Door) -> None:
    public = ISSUER_KEY.public_pem()
    unsigned = jwt.encode(claims(), "", algorithm="none", headers={"kid": ISSUER_KEY.key_id})
    with_a_secret = jwt.encode(
        claims(), b"k" * 64, algorithm="HS256", headers={"kid": ISSUER_KEY.key_id}
    )
    as_rsa = staff_token("RS256", RSA)
    for token in (unsigned, with_a_secret, as_rsa):
        assert refused(door, Authorization=f"Bearer {token}")["status"] == 401
    assert public


def test_a_key_that_is_not_pinned_proves_nothing(door: Door) -> None:
    stranger = Ed25519PrivateKey.generate()
    for kid in (ISSUER_KEY.key_id, "unknown"):
        token = staff_token("EdDSA", stranger, kid)
        assert refused(door, Authorization=f"Bearer {token}")["status"] == 401


def test_a_token_that_brings_its_own_key_or_address_is_not_listened_to(door: Door) -> None:
    stranger = Ed25519PrivateKey.generate()
    headers = {"kid": ISSUER_KEY.key_id, "jwk": jwk_of(stranger), "jku": "https://evil.example"}
    token = jwt.encode(claims(), stranger, algorithm="EdDSA", headers=headers)
    assert refused(door, Authorization=f"Bearer {token}")["status"] == 401


def test_an_internal_token_opens_no_door(door: Door) -> None:
    token = sign(SURVIVOR, "intake", KEY, NOON)
    assert refused(door, Authorization=f"Bearer {token}")["status"] == 401


def test_a_session_ends_after_fifteen_minutes() -> None:
    sessions = Sessions(KEY)
    token, ends = sessions.open(MARIA, NOON)
    assert ends == NOON + timedelta(minutes=15)
    assert sessions.whose(token, NOON + timedelta(minutes=14, seconds=59)) == SURVIVOR
    with pytest.raises(TokenRefused):
        sessions.whose(token, NOON + timedelta(minutes=15))


def test_a_session_of_another_gateways_key_is_refused(door: Door) -> None:
    token, _ = Sessions(SigningKey.from_seed("gateway", b"x" * 32)).open(MARIA, NOON)
    assert refused(door, Authorization=f"Bearer {token}")["status"] == 401


def test_a_staff_token_called_a_session_is_refused(door: Door) -> None:
    headers = {"kid": ISSUER_KEY.key_id, "typ": "sayso-session+jwt"}
    token = jwt.encode(claims(), ISSUER_KEY.private, algorithm="EdDSA", headers=headers)
    assert refused(door, Authorization=f"Bearer {token}")["status"] == 401


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer a b", "Bearer ..", "Bearer " + "x" * 5000],
)
def test_every_bad_credential_is_answered_in_the_same_words(header: str, door: Door) -> None:
    assert refused(door, Authorization=header) == refused(door)


def test_a_wrong_api_key_is_answered_in_the_same_words_too(door: Door) -> None:
    for key in ("", "sayso_" + "33" * 32, HOUSING_KEY[:-1], HOUSING_KEY.upper(), "\x7f"):
        assert refused(door, **{"X-API-Key": key}) == refused(door)


def test_two_credentials_at_once_are_not_guessed_between(door: Door) -> None:
    both = {**door.as_("Maria"), **door.as_("housing agency")}
    assert problem(door.ask("GET", CASE, headers=both))["code"] == "several_credentials"


def test_a_refusal_says_how_to_sign_in(door: Door) -> None:
    assert door.ask("GET", CASE).headers["WWW-Authenticate"].startswith("Bearer")


def test_every_key_is_compared_in_full_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    real = agencies.hmac.compare_digest

    def counting(kept: str, given: str) -> bool:
        compared.append(kept)
        return real(kept, given)

    monkeypatch.setattr(agencies.hmac, "compare_digest", counting)
    rows = [AgencyKey(uuid4(), "housing", hashed(f"key {n}", PEPPER)) for n in range(5)]
    keys = AgencyKeys(rows, PEPPER)
    for key in ("key 0", "key 4", "no key"):
        compared.clear()
        try:
            assert keys.whose(key).agency_id is not None
        except KeyRefused:
            assert key == "no key"
        assert compared == [row.key_hash for row in rows]


def test_a_hash_without_its_pepper_recognises_nobody() -> None:
    row = AgencyKey(HOUSING_AGENCY, "housing", hashed(HOUSING_KEY, PEPPER))
    with pytest.raises(KeyRefused):
        AgencyKeys((row,), b"q" * 32).whose(HOUSING_KEY)
    assert agency_keys().whose(HOUSING_KEY).agency_id == HOUSING_AGENCY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[{}]",
        "[1]",
        pinned({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "1"}),
        pinned({**jwk_of(RSA), "alg": "EdDSA", "kid": "1"}),
        pinned({**jwk_of(RSA), "alg": "RS512", "kid": "1"}),
        pinned(jwk_of(generate_private_key(65537, 1024), kid="short")),
        pinned(jwk_of(RSA)),
        pinned({**jwk_of(RSA, kid="private"), "d": "AQAB"}),
        json.dumps(json.loads(pinned(jwk_of(RSA, kid="1"))) * 2),
    ],
)
def test_a_file_of_issuers_that_cannot_be_right_does_not_start(text: str) -> None:
    with pytest.raises(BadIssuers):
        read_issuers(text)
