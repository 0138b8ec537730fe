"""Writing secret files: 0644 inside a folder of 0700 (trust: Access), never half of one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def fill(file: Path, content: Callable[[], bytes]) -> None:
    """Write ``file`` unless it is there; its folder is made for its owner alone."""
    if not file.exists():
        write(file, content())


def write(file: Path, content: bytes) -> None:
    """Replace ``file`` in one step."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.{os.getpid()}")
    new.write_bytes(content)
    new.chmod(0o644)
    new.replace(file)
