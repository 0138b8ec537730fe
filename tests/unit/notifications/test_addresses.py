"""Which ways to write an address lead to one place: better one too many than one too few."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.formats.address import comparable, sendable
from shared.sealing.keys import DataKey
from shared.sealing.marks import likeness, mark

SAME = [
    ["robin@example.org", " Robin@Example.ORG\n", "robin+notes@example.org", "robin@example.org."],
    [
        "robin@example.org",
        "robin@example。org",
        "ｒｏｂｉｎ＠ｅｘａｍｐｌｅ．ｏｒｇ",
        "rob\u200bin@example.org",
    ],
    ["robin@bücher.example", "ROBIN@BÜCHER.example", "robin@xn--bcher-kva.example"],
    ["r.o.bin@gmail.com", "robin@googlemail.com", "robin+x@gmail.com", "mailto:robin@gmail.com"],
    ["+1 (555) 010-0199", "tel:+15550100199", "555.010.0199", "010 0199", "５５５ ０１０ ０１９９"],
    [
        "+49 151 2345678",
        "0049 (0)151/2345678",
        "0151 2345678",
        "+٤٩١٥١٢٣٤٥٦٧٨",
        "01512345678 ext. 4",
    ],
    [
        "12 Main St., Apt #5\nSpringfield",
        "12  main st apt 5, springfield",
        "12 Main St Apt 5 SPRINGFIELD",
    ],
    ["Rue de l'Église 3", "rue de l’eglise 3"],
    ["Straße 5, Köln", "STRASSE 5 Koln"],
]
DIFFERENT = [
    ("robin@example.org", "robyn@example.org"),
    ("robin@example.org", "robin@example.com"),
    ("r.obin@example.org", "robin@example.org"),
    ("robin@example.org", "robin@sub.example.org"),
    ("+1 555 010 0199", "+1 555 010 0198"),
    ("12 Main St", "21 Main St"),
    ("12 Xavier St", "12 Xenia St"),
    ("+@example.org", "robin@example.org"),
]


@pytest.mark.rule("I09")
@pytest.mark.parametrize("spellings", SAME, ids=lambda s: s[0])
def test_however_it_is_written_it_is_one_address(spellings: list[str]) -> None:
    assert {comparable(each) for each in spellings} == {comparable(spellings[0])}


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_address_is_another(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


mailboxes = st.from_regex(r"[A-Za-z0-9.+_-]{1,12}@[A-Za-z0-9-]{1,8}\.(org|example)", fullmatch=True)


@pytest.mark.rule("I09")
@given(mailboxes)
@settings(max_examples=500, deadline=None)
def test_what_is_sent_to_is_the_same_as_what_was_declared(address: str) -> None:
    sent_to = sendable(address)
    assert comparable(address.swapcase()) == comparable(address)
    assert sent_to is None or comparable(sent_to) == comparable(address)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
@settings(max_examples=1_000, deadline=None)
def test_any_text_has_a_comparable_form(text: str) -> None:
    assert isinstance(comparable(text), str)


def test_only_the_same_key_and_purpose_make_the_same_of_one_text() -> None:
    whose = uuid4()
    one, other = (DataKey(uuid4(), whose, "contact", bytes([n]) * 32) for n in (1, 2))
    known = likeness(one, "address", "robin@example.org")

    assert known == likeness(one, "address", "robin@example.org")
    assert known.version == 8
    assert known != likeness(other, "address", "robin@example.org")
    assert known != likeness(one, "another purpose", "robin@example.org")
    assert known != likeness(one, "address", "robyn@example.org")
    assert known.bytes not in mark(one, [("address", "robin@example.org")])
