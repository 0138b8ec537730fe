"""Give an agency a key, or take its keys away.

    python -m services.gateway.provision FOLDER add --agency UUID --unit-kind victim_services
    python -m services.gateway.provision FOLDER remove --agency UUID

The key is printed once; the folder keeps its keyed hash. A running gateway
reads the file at its next start.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from services.gateway.agencies import AgencyKey, hashed, new_key, read_keys, written
from services.gateway.secret_files import fill, write
from shared.identity.units import KINDS

AGENCIES_FILE = "agencies.json"
PEPPER_FILE = "agency_pepper"


def add_agency(
    folder: Path,
    agency_id: UUID,
    unit_kind: str,
    random: Callable[[int], bytes] = os.urandom,
) -> str:
    """A new key of the agency, beside those it has, shown here and never again.

    ``ValueError`` for a kind of unit that does not exist; nothing is written then.
    """
    if unit_kind not in KINDS:
        raise ValueError("a unit_kind is one of shared/identity/units.py")
    fill(folder / PEPPER_FILE, lambda: random(32).hex().encode())
    pepper = (folder / PEPPER_FILE).read_bytes().strip()
    key = new_key(random)
    row = AgencyKey(agency_id, unit_kind, hashed(key, pepper))
    write(folder / AGENCIES_FILE, written((*_kept(folder), row)).encode())
    return key


def remove_agency(folder: Path, agency_id: UUID) -> int:
    """Take all its keys away; how many there were."""
    kept = _kept(folder)
    left = tuple(row for row in kept if row.agency_id != agency_id)
    write(folder / AGENCIES_FILE, written(left).encode())
    return len(kept) - len(left)


def _kept(folder: Path) -> tuple[AgencyKey, ...]:
    file = folder / AGENCIES_FILE
    return read_keys(file.read_text("utf-8")) if file.exists() else ()


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="provision", description="Keys of agencies")
    parser.add_argument("folder", type=Path, help="the folder of secret files")
    parser.add_argument("command", choices=("add", "remove"))
    parser.add_argument("--agency", type=UUID, required=True)
    parser.add_argument("--unit-kind", choices=sorted(KINDS), default="victim_services")
    given = parser.parse_args(arguments)
    if given.command == "add":
        sys.stdout.write(add_agency(given.folder, given.agency, given.unit_kind) + "\n")
    else:
        sys.stdout.write(f"{remove_agency(given.folder, given.agency)} removed\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
