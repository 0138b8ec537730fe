"""What people were told, in a file beside the platform: one line for each acknowledged command."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Acknowledgement:
    """A command that was answered with yes, and the answer without what is shown only once."""

    service: str
    method: str
    scope: str
    command_id: str
    result: dict[str, Any]


class Acknowledged:
    """The file, written as answers come; and when each service last gave one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8")

    def note(self, told: Acknowledgement, asked_at: float) -> None:
        """An answer came to what was asked at that moment (of ``time.monotonic``)."""
        with self._lock:
            self._file.write(json.dumps(asdict(told)) + "\n")
            self._file.flush()
            self.count += 1
            self._last[told.service] = max(asked_at, self._last.get(told.service, 0.0))

    def answered_since(self, service: str | None, moment: float) -> bool:
        """Whether something asked after ``moment`` was acknowledged; None: by any service."""
        with self._lock:
            known = self._last.values() if service is None else [self._last.get(service, 0.0)]
            return any(asked_at > moment for asked_at in known)

    def close(self) -> None:
        """No more answers come."""
        self._file.close()

    def __iter__(self) -> Iterator[Acknowledgement]:
        return read(self.path)


def read(path: Path) -> Iterator[Acknowledgement]:
    """Every line of such a file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield Acknowledgement(**json.loads(line))


def now() -> float:
    """The clock by which answers are noted."""
    return time.monotonic()
