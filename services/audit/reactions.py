"""The ledger follows nobody's messages: it asks every log itself, for everything that is stored."""

from __future__ import annotations

from services.audit.application import AuditApplication


class Audit(AuditApplication):
    """The application; nothing is done when others speak, and nothing falls due."""
