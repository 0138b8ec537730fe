"""The newest checkpoint, kept in a file where no database and none of its roles reaches.

Whoever rewrites the ledger's tables cannot rewrite this too: what is signed
next must contain what is kept here.
"""

from __future__ import annotations

import os
from pathlib import Path

from services.audit.domain.deriving import Broken
from shared.settings import KEPT, SettingsError

FILE = "ledger.signed"
"""The file's name in the folder that a deployment gives for what must be kept so."""


class Kept:
    """The file; without a folder nothing is kept, and nothing is held against it."""

    def __init__(self, folder: str) -> None:
        """``folder``: empty for none. ``SettingsError`` where it cannot be written."""
        if folder and not (os.path.isdir(folder) and os.access(folder, os.W_OK)):
            raise SettingsError([f"{KEPT}: {folder} must be a folder that can be written"])
        self._path = Path(folder) / FILE if folder else None

    def read(self) -> str | None:
        """The note of the newest checkpoint, if one is kept.

        :class:`Broken` where there is a file and it cannot be read.
        """
        try:
            return self._path.read_text("utf-8") if self._path else None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise Broken("kept_checkpoint_unreadable", 0) from error

    def write(self, note: str) -> None:
        """Put ``note`` in its place, so that there is always one or the other.

        :class:`Broken` where it cannot be written.
        """
        if self._path is None:
            return
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise Broken("checkpoint_not_kept", 0) from error
