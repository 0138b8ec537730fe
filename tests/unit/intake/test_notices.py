"""The notices that are given: which there are, in which language, and which is in force."""

from __future__ import annotations

import pytest

from services.intake.formats.notices import IN_FORCE, in_force, notices


@pytest.mark.rule("R21")
@pytest.mark.rule("R22")
def test_every_base_has_a_notice_in_force_that_names_itself() -> None:
    assert set(IN_FORCE) == {"alone", "community", "systems"}
    for base, version in IN_FORCE.items():
        assert (in_force(base).base, in_force(base).version) == (base, version)
        assert (base, version) in notices()


@pytest.mark.rule("R64")
def test_a_notice_comes_in_the_nearest_language_there_is() -> None:
    notice = in_force("community")

    assert [notice.language(tag) for tag in ("es", "es-MX", "tlh")] == ["es", "es", "en"]
    assert notice.texts["es"] != notice.texts["en"]
