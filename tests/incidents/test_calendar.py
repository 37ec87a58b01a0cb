"""When windows are open: over the end of the week, in summer and winter time, and never at their end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from incidents.calendar import Window, open_windows

WEEKEND = {"weekly": [{"start": "fri 17:00", "end": "mon 08:00"}], "timezone": "Europe/Berlin"}
NIGHT = {"weekly": [{"start": "tue 22:00", "end": "wed 04:00"}]}
YEAR = {"start": "2026-12-23T17:00:00+01:00", "end": "2027-01-04T08:00:00+01:00"}


@pytest.mark.parametrize(
    ("window", "moment", "is_open"),
    [
        pytest.param(WEEKEND, "2026-11-20T15:59:00+00:00", False, id="a minute before it begins in Berlin's winter"),
        pytest.param(WEEKEND, "2026-11-20T16:00:00+00:00", True, id="it begins at 16:00 UTC in winter"),
        pytest.param(WEEKEND, "2026-07-17T15:00:00+00:00", True, id="and at 15:00 UTC in summer"),
        pytest.param(WEEKEND, "2026-11-22T12:00:00+00:00", True, id="over the end of the week"),
        pytest.param(WEEKEND, "2026-11-23T07:00:00+00:00", False, id="its end does not belong to it"),
        pytest.param(WEEKEND, "2026-11-18T12:00:00+00:00", False, id="not on a Wednesday"),
        pytest.param(NIGHT, "2026-11-18T03:59:59+00:00", True, id="over midnight"),
        pytest.param(NIGHT, "2026-11-18T04:00:00+00:00", False, id="until four"),
        pytest.param(YEAR, "2026-12-23T16:00:00+00:00", True, id="explicit times in another zone"),
        pytest.param(YEAR, "2027-01-04T07:00:00+00:00", False, id="over at its end"),
    ],
)
def test_when_it_is_open(window: dict[str, Any], moment: str, is_open: bool) -> None:
    found = Window.model_validate({"name": "w", **window})
    assert open_windows([found], now=datetime.fromisoformat(moment)) == (("w",) if is_open else ())
    assert Window.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("window", "said"),
    [
        pytest.param({}, "either start and end, or weekly", id="neither kind"),
        pytest.param({**YEAR, **NIGHT}, "either start and end, or weekly", id="both kinds"),
        pytest.param({"start": YEAR["start"]}, "either start and end", id="without an end"),
        pytest.param({"start": YEAR["end"], "end": YEAR["start"]}, "before it starts", id="the wrong way round"),
        pytest.param({"start": "2026-12-23T17:00:00", "end": YEAR["end"]}, "timezone", id="no time zone"),
        pytest.param({"weekly": [{"start": "friday 17:00", "end": "mon 08:00"}]}, "fri 17:00", id="another notation"),
        pytest.param({"weekly": [{"start": "fri 25:00", "end": "mon 08:00"}]}, "fri 17:00", id="no such hour"),
        pytest.param({"weekly": [{"start": "fri 17:00", "end": "fri 17:00"}]}, "give it a length", id="no length"),
        pytest.param({**NIGHT, "timezone": "Mars/Olympus"}, "timezone", id="no such zone"),
    ],
)
def test_what_is_no_window(window: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Window.model_validate({"name": "w", **window})
