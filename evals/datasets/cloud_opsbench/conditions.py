"""Condition tables of a description, with the times of those that print them."""

from collections.abc import Mapping

from evals.datasets.cloud_opsbench.moments import read_date, stamp
from evals.datasets.cloud_opsbench.outline import Line
from evals.datasets.cloud_opsbench.tables import read_rows
from worlds.objects.kinds import JsonObject

_FIELDS: Mapping[str, str] = {"Type": "type", "Status": "status", "Reason": "reason", "Message": "message"}
_TIMES: Mapping[str, str] = {"LastTransitionTime": "lastTransitionTime", "LastHeartbeatTime": "lastHeartbeatTime"}


def read_conditions(outline: Line) -> list[JsonObject]:
    """The rows of `Conditions:` as the API has them."""
    found = []
    for row in read_rows(outline.rows("Conditions")):
        if not row.get("Type"):
            continue
        condition: JsonObject = {field: row[name] for name, field in _FIELDS.items() if row.get(name)}
        for name, field in _TIMES.items():
            if at := read_date(row.get(name, "")):
                condition[field] = stamp(at)
        found.append(condition)
    return found
