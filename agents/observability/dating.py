"""When a kind of log line began to be part of the trouble, as far as lines can tell. Pure."""

from datetime import datetime

from tools.loki.mining import LogTemplate
from tools.loki.probes.templates import TemplatesView

RARE = 10.0
"""Minutes between two lines before, from which the first one since is rather the first of many than one more of few."""


def began(view: TemplatesView, template: LogTemplate) -> datetime | None:
    """The first line since, for a kind that was new or rare; None where such lines came all the time or were not read.

    Of a kind that was always there the next line comes at once, however much later more of them come.
    """
    if template.is_new:
        return template.began
    if not template.before or view.minutes_before / template.before < RARE:
        return None
    return template.began
