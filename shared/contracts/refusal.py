"""How a service says no: as data, in words that say what the caller can do."""

from __future__ import annotations

from typing import Literal

Because = Literal[
    "invalid", "not_allowed", "not_found", "conflict", "gone", "too_many", "unavailable"
]
"""Why, coarsely. The gateway turns it into an HTTP status; nothing else may be read from it."""


class Refused(Exception):
    """A decision not to do what was asked.

    ``code`` is a stable snake_case word for programs, ``detail`` says what is
    the matter, ``what_to_do`` says what the caller can do now. None of them
    may carry a person's words, names or contacts.
    """

    code: str = "refused"
    because: Because = "conflict"
    detail: str = "The request was refused."
    what_to_do: str = "Read the current state and decide again."

    def __init__(
        self,
        detail: str | None = None,
        what_to_do: str | None = None,
        *,
        code: str | None = None,
        because: Because | None = None,
    ) -> None:
        self.detail = detail or type(self).detail
        self.what_to_do = what_to_do or type(self).what_to_do
        self.code = code or type(self).code
        self.because = because or type(self).because
        super().__init__(f"{self.code}: {self.detail}")

    def as_data(self) -> dict[str, str]:
        """The four fields that cross a process boundary."""
        return {
            "code": self.code,
            "because": self.because,
            "detail": self.detail,
            "what_to_do": self.what_to_do,
        }

    @classmethod
    def from_data(cls, data: dict[str, str]) -> Refused:
        """The refusal that another process sent."""
        return Refused(
            data["detail"],
            data["what_to_do"],
            code=data["code"],
            because=data["because"],  # type: ignore[arg-type]
        )


class NotAllowed(Refused):
    """The person may not do this; says nothing about whether the thing exists."""

    code = "not_allowed"
    because: Because = "not_allowed"
    detail = "You may not do this."
    what_to_do = "Ask the survivor, or somebody whom they have chosen."


class NotFound(Refused):
    """There is nothing here for this caller."""

    code = "not_found"
    because: Because = "not_found"
    detail = "There is nothing here under that id."
    what_to_do = "Check the id."


class ChangedMeanwhile(Refused):
    """Somebody else decided first."""

    code = "changed_meanwhile"
    because: Because = "conflict"
    detail = "Somebody else recorded a decision here at the same moment; yours was not stored."
    what_to_do = "Read the current state, and send your decision again with a new Idempotency-Key."


class KeyUsedForAnother(Refused):
    """The Idempotency-Key was used before, for another command."""

    code = "idempotency_key_reused"
    because: Because = "conflict"
    detail = "This Idempotency-Key was used before with another request; nothing was stored."
    what_to_do = "Send a new request with a new Idempotency-Key."


class Unavailable(Refused):
    """Something this needs is away.

    Whether anything was stored is not known; a repeat with the same key is safe.
    """

    code = "unavailable"
    because: Because = "unavailable"
    detail = "A part of the platform is away for the moment."
    what_to_do = "Repeat the same request with the same Idempotency-Key in a few seconds."
