"""What intake decides: cases, participations, options, hand-overs. Pure."""

from services.intake.domain.case import Case
from services.intake.domain.handover import Handover
from services.intake.domain.options import NOTHING_NOW, Option
from services.intake.domain.participation import Participation
from services.intake.domain.timeline import CarriedOut, Note

__all__ = ["NOTHING_NOW", "CarriedOut", "Case", "Handover", "Note", "Option", "Participation"]
