"""Whoever starts the platform is told by name what is missing, all at once."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pytest

from shared.settings import Secret, SecretFile, Secrets, SettingsError, Variable, described, load


@dataclass(frozen=True)
class Example:
    host: Annotated[str, Variable("EXAMPLE_HOST", "where the database is")]
    password: Annotated[Secret[str], SecretFile("password", "the database password")]
    key: Annotated[Secret[bytes], SecretFile("key", "the fingerprint key")]
    port: Annotated[int, Variable("EXAMPLE_PORT", "the port of the database")] = 5432
    patience: Annotated[timedelta, Variable("EXAMPLE_PATIENCE", "how long to wait")] = timedelta(
        seconds=5
    )
    ratio: Annotated[float, Variable("EXAMPLE_RATIO", "a ratio")] = 0.5
    loud: Annotated[bool, Variable("EXAMPLE_LOUD", "whether to tell more")] = False
    folder: Annotated[Path, Variable("EXAMPLE_FOLDER", "where files go")] = Path("/data")
    origins: Annotated[tuple[str, ...], Variable("EXAMPLE_ORIGINS", "who may ask")] = ()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "key").write_text(base64.b64encode(b"k" * 32).decode() + "\n")
    return {"SAYSO_SECRETS": str(tmp_path), "EXAMPLE_HOST": "db"}


def test_defaults_fill_what_is_not_set(environ: dict[str, str]) -> None:
    found = load(Example, environ)
    assert (found.host, found.port, found.patience) == ("db", 5432, timedelta(seconds=5))
    assert (found.loud, found.origins) == (False, ())


def test_every_type_is_read_from_its_text(environ: dict[str, str]) -> None:
    found = load(
        Example,
        environ
        | {
            "EXAMPLE_PORT": "6000",
            "EXAMPLE_PATIENCE": "1.5",
            "EXAMPLE_RATIO": "0.25",
            "EXAMPLE_LOUD": "Yes",
            "EXAMPLE_FOLDER": "/other",
            "EXAMPLE_ORIGINS": "a, b ,",
        },
    )
    assert found.port == 6000
    assert found.patience == timedelta(seconds=1.5)
    assert found.ratio == 0.25
    assert found.loud is True
    assert found.folder == Path("/other")
    assert found.origins == ("a", "b")


def test_secrets_come_from_files(environ: dict[str, str]) -> None:
    found = load(Example, environ)
    assert found.password.reveal() == "hunter2"
    assert found.key.reveal() == b"k" * 32


def test_settings_show_no_secret(environ: dict[str, str]) -> None:
    found = load(Example, environ)
    shown = repr(found) + str(found.password) + f"{found.password}" + repr(found.password)
    assert "hunter2" not in shown
    assert "kkkk" not in shown


def test_all_problems_are_told_at_once_by_name(environ: dict[str, str], tmp_path: Path) -> None:
    del environ["EXAMPLE_HOST"]
    environ["EXAMPLE_PORT"] = "hunter2"
    (tmp_path / "password").unlink()
    (tmp_path / "key").write_text("aHVudGVyMg==")
    with pytest.raises(SettingsError) as told:
        load(Example, environ)
    text = str(told.value)
    assert len(told.value.problems) == 4
    assert "EXAMPLE_HOST is not set (where the database is)" in text
    assert "EXAMPLE_PORT must be a whole number" in text
    assert f"{tmp_path}/password" in text
    assert "32 bytes in base64" in text
    assert "SAYSO_SECRETS" in text


def test_no_value_is_repeated_in_an_error(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter2")
    with pytest.raises(SettingsError) as told:
        load(Example, environ | {"EXAMPLE_PORT": "hunter2"})
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("EXAMPLE_PORT", "1.5"),
        ("EXAMPLE_PATIENCE", "soon"),
        ("EXAMPLE_PATIENCE", "1e300"),
        ("EXAMPLE_RATIO", "half"),
        ("EXAMPLE_LOUD", "perhaps"),
    ],
)
def test_text_of_the_wrong_kind_is_refused(
    environ: dict[str, str], variable: str, text: str
) -> None:
    with pytest.raises(SettingsError, match=variable):
        load(Example, environ | {variable: text})


@pytest.mark.parametrize("content", ["", "\n", "not base64!", "a2tr"])
def test_a_key_file_that_holds_no_key_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(SettingsError, match="key"):
        Secrets(tmp_path).key("key")


def test_keys_of_several_versions_are_read_together(tmp_path: Path) -> None:
    for version in (1, 2):
        (tmp_path / f"kek_{version}").write_text(base64.b64encode(bytes([version]) * 32).decode())
    (tmp_path / "other").write_text("x")
    assert Secrets(tmp_path).keys("kek_") == {"kek_1": b"\x01" * 32, "kek_2": b"\x02" * 32}


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="readable folder"):
        Secrets(tmp_path / "nowhere").keys("kek_")


def test_settings_describe_themselves() -> None:
    rows = described(Example)
    assert ("EXAMPLE_HOST", "where the database is", "required") in rows
    assert ("EXAMPLE_PORT", "the port of the database", "5432") in rows
    assert ("file key", "the fingerprint key", "required") in rows
