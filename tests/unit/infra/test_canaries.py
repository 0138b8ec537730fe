"""The search of the compose platform finds what is planted, wherever, and never passes blind.

Docker is played by a script whose containers are folders; the searching is done by the real grep.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.canaries import LOG_FOLDERS, QUIET, STORES, Blind, found, ways

CODE = "amber heron quiet willow candle river otter maple stone fern lantern cloud"
SOUGHT = {
    "a need": {"kittiwake-4417 wants the lock changed"},
    "the possession code": ways(CODE),
    "a session token": {"eyJhbGciOiJFZERTQSJ9.session.signature"},
    "a staff token": {"eyJhbGciOiJFZERTQSJ9.staff.signature"},
    "an agency's key": {"sayso_" + "5f" * 32},
}
CONTAINERS = ("postgres", "rabbitmq", "gateway", "consent", "migrate")
WAL = "postgres/var/lib/postgresql/data/pg_wal/000000010000000000000001"
PLACES = (
    WAL,
    "postgres/var/lib/postgresql/data/base/16384/2619",
    "rabbitmq/var/lib/rabbitmq/mnesia/quorum/00000001.wal",
    "rabbitmq/var/log/rabbitmq/startup_log",
    "logs",
)
_COMPOSE = """#!/bin/bash
root={root}
case "$1" in
  exec) container=$3; shift 3; [ "$1" = psql ] && {{ echo >> "$root/checkpoints"; exit; }}
        folder="${{@: -1}}"; exec "${{@:1:$#-1}}" "$root/$container$folder" ;;
  logs) cat "$root/logs" ;;
  config) printf '%s\\n' {containers} ;;
esac
"""


@dataclass
class Platform:
    """What the containers of a platform on which nothing leaked keep."""

    root: Path

    def __post_init__(self) -> None:
        for container, (folder, known) in STORES.items():
            self.append(f"{container}{folder}/known", b"\x00\x01" + known.encode() + b"\xff\n")
        for name in CONTAINERS:
            if name not in QUIET | set(LOG_FOLDERS):
                self.append("logs", f'{name}_1  | {{"event": "answered"}}\n'.encode())
        for name, folder in LOG_FOLDERS.items():
            self.append(f"{name}{folder}/startup_log", b"started\n")
        script = self.root / "compose"
        script.write_text(_COMPOSE.format(root=self.root, containers=" ".join(CONTAINERS)))
        script.chmod(0o755)

    @property
    def compose(self) -> list[str]:
        return [str(self.root / "compose")]

    def append(self, place: str, content: bytes) -> None:
        file = self.root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as opened:
            opened.write(content)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(tmp_path)


def test_nothing_is_found_where_nothing_is(platform: Platform) -> None:
    assert found(platform.compose, SOUGHT) == []
    assert (platform.root / "checkpoints").exists()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("label", sorted(SOUGHT))
def test_what_is_planted_is_found_and_named_and_not_quoted(
    platform: Platform, place: str, label: str
) -> None:
    planted = sorted(SOUGHT[label])[0]
    platform.append(place, b"\x00\x7f binary " + planted.encode() + b"\x00 more\n")
    hits = found(platform.compose, SOUGHT)
    assert [hit.split(":")[0] for hit in hits] == [label]
    assert not any(planted in hit for hit in hits)


@pytest.mark.parametrize(
    "written", [CODE, CODE.upper(), CODE.replace(" ", "-"), CODE.replace(" ", "")]
)
def test_a_code_is_found_however_it_is_written(platform: Platform, written: str) -> None:
    platform.append(WAL, written.encode())
    assert found(platform.compose, SOUGHT) == [
        "the possession code: postgres:" + str(platform.root / WAL)
    ]


@pytest.mark.parametrize("container", sorted(STORES))
def test_a_search_that_finds_not_even_what_is_there_is_blind(
    platform: Platform, container: str
) -> None:
    (platform.root / f"{container}{STORES[container][0]}/known").write_bytes(b"nothing")
    with pytest.raises(Blind, match=container):
        found(platform.compose, SOUGHT)


def test_a_container_that_logged_to_a_file_and_lost_it_makes_it_blind(platform: Platform) -> None:
    (platform.root / "rabbitmq/var/log/rabbitmq/startup_log").unlink()
    with pytest.raises(Blind, match="rabbitmq"):
        found(platform.compose, SOUGHT)


def test_a_container_whose_log_is_missing_makes_it_blind(platform: Platform) -> None:
    log = platform.root / "logs"
    log.write_text("".join(line for line in log.open() if "consent" not in line))
    with pytest.raises(Blind, match="consent"):
        found(platform.compose, SOUGHT)


@pytest.mark.parametrize("sought", [{}, {"a name": set[str]()}, {"a name": {"Sam"}}])
def test_looking_for_nothing_or_for_too_little_is_blind(
    platform: Platform, sought: dict[str, set[str]]
) -> None:
    with pytest.raises(Blind):
        found(platform.compose, sought)
