"""Looks whether others complain about the same: a failure that strangers share is nobody's own."""

import re

from agents.detector import Sightings
from agents.observability.error_class import ErrorClass, read_error
from agents.observability.period import Period
from agents.specialist import Desk
from tools.loki.line import message_of
from tools.loki.probes.everywhere import PROBE as EVERYWHERE
from tools.loki.probes.everywhere import EverywhereArgs
from tools.loki.probes.templates import TemplatesView
from tools.prometheus.selector import any_pod

UNRESOLVED = (
    "no such host|ENOTFOUND|EAI_AGAIN|name resol|UnknownHost|NXDOMAIN|SERVFAIL|getaddrinfo|server misbehaving"
    "|not known|resolve host|translate host|:53: "
)
"""What runtimes write when a name does not resolve."""


async def look_everywhere(desk: Desk, period: Period) -> None:
    """When somebody cannot resolve a name: who else cannot, in all namespaces."""
    complaining = [
        template.first_after
        for seen in Sightings(observations=desk.observations).of(TemplatesView)
        for template in seen.view.templates
        if template.is_new
        and template.first_after
        and (read := read_error(message_of(template.example))) is not None
        and read.kind is ErrorClass.DNS
    ]
    if complaining:
        args = EverywhereArgs(matching=f"(?i){UNRESOLVED}", start=min(complaining), end=period.end)
        await desk.observe(EVERYWHERE, args)


def workload_of(pod: str) -> str:
    """The name of the workload that owns a pod, read off the pod's; the pod's own where it follows no custom."""
    found = re.fullmatch(any_pod(), pod)
    return found[1] if found else pod
