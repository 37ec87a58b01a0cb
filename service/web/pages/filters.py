"""What the list of incidents is asked for by its address: read leniently, written back so that links keep the rest."""

from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from incidents.alert import Severity
from incidents.ids import IncidentId
from incidents.incident import CLOSED, SETTLED, Phase
from incidents.value import Value
from orchestrator.store.overview import Wanted

VIEWS = {
    "all": (),
    "mine": (Phase.AWAITING_DECISION,),
    "active": tuple(phase for phase in Phase if phase not in SETTLED),
    "people": tuple(phase for phase in Phase if phase in SETTLED - CLOSED),
    "closed": tuple(phase for phase in Phase if phase in CLOSED),
}
"""Name of a view -> the phases that it shows; none means every phase."""
LABELS = {
    "all": "All",
    "mine": "Waiting for you",
    "active": "Midwatch works on",
    "people": "People own",
    "closed": "Closed",
}
WITHIN = {
    "": None,
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
"""Name of a period -> how far back it reaches."""
PERIODS = {"": "Any time", "1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}

Word = Annotated[str, Query(max_length=200)]


class Filter(Value):
    """Which incidents are wanted. An empty field does not filter; an unknown word is one that was not given."""

    view: str = "all"
    q: str = ""
    severity: str = ""
    """`1` to `4`: that and worse."""
    service: str = ""
    namespace: str = ""
    within: str = ""

    @property
    def narrows(self) -> bool:
        """Whether anything but the view is chosen."""
        return any((self.q, self.severity, self.service, self.namespace, self.within))

    def url(self, **changes: str) -> str:
        """The address of this list with some fields changed."""
        fields = {**self.model_dump(), **changes}
        given = {name: value for name, value in fields.items() if value and (name, value) != ("view", "all")}
        return f"/?{urlencode(given)}" if given else "/"

    def wanted(self, *, now: datetime, mine: frozenset[IncidentId]) -> Wanted:
        """The same for the store. `mine` are the incidents that wait for the person who looks."""
        reach = WITHIN[self.within]
        return Wanted(
            phases=VIEWS[self.view],
            among=tuple(sorted(mine)) if self.view == "mine" else None,
            severity=Severity(int(self.severity)) if self.severity else None,
            service=self.service,
            namespace=self.namespace,
            since=now - reach if reach else None,
            search=self.q,
        )


def asked(
    *,
    view: Word = "all",
    q: Word = "",
    severity: Word = "",
    service: Word = "",
    namespace: Word = "",
    within: Word = "",
) -> Filter:
    """The filter of an address."""
    return Filter(
        view=view if view in VIEWS else "all",
        q=q.strip(),
        severity=severity if severity in {"1", "2", "3", "4"} else "",
        service=service.strip(),
        namespace=namespace.strip(),
        within=within if within in WITHIN else "",
    )


FilterDep = Annotated[Filter, Depends(asked)]
