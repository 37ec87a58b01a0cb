"""What applications write has the form of their language, and JSON is what a JSON encoder would write."""

import json

import pytest

from worlds.scenario.workload import Workload
from worlds.telemetry.phrases import Phrase, write


@pytest.mark.parametrize("language", ["node", "go"])
@pytest.mark.parametrize("text", ["plain", 'with "quotes" and \\ and \n and \x01', "Grüße, 東京 \U0001f600"])
def test_a_structured_line_is_written_as_json_dumps_would(language: str, text: str) -> None:
    workload = Workload.model_validate({"name": "cart", "namespace": "shop", "language": language})
    fields = {"path": f"/{text}", "status": 200, "duration_ms": 12.3, "small": 1e-07, "large": 1e22}
    line = write(workload, Phrase(level="info", text=text, fields=fields), at=1_800_000_000.25, draw=0.5)
    assert json.loads(line)["msg"] == text
    assert line == json.dumps(json.loads(line))
