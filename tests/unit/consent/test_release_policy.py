from __future__ import annotations

import json
from pathlib import Path

import pytest

import services.consent.data as data
from services.consent.data import release_policy


@pytest.mark.rule("R31")
def test_the_policy_in_force_limits_every_release() -> None:
    policy = release_policy()

    assert 0 < policy.longest_period.days <= 366
    assert policy.version


@pytest.mark.rule("R64")
def test_every_explanation_says_the_four_things_in_more_languages_than_one() -> None:
    for version in release_policy().explanations:
        told = json.loads(
            (Path(data.__file__).parent / f"explanation-{version}.json").read_text("utf-8")
        )
        assert len(told["wording"]) > 1
        for wording in told["wording"].values():
            assert set(wording) == {"benefits", "risks", "alternatives", "revoking"}
            assert all(wording.values())


def test_an_explanation_without_wording_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Path(data.__file__).parent
    for file in here.glob("*.json"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    (tmp_path / "explanation-release-1.json").write_text('{"version": "another", "wording": {}}')
    monkeypatch.setattr(data, "_HERE", tmp_path)

    with pytest.raises(ValueError, match="no wording"):
        release_policy()
