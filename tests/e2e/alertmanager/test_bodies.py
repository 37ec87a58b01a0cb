"""Bodies of every shape that Alertmanager sends, posted to a running process in their order."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from incidents.correlation import HEARTBEATS
from tests.e2e.alertmanager.midwatch import ROOT, Midwatch

pytestmark = pytest.mark.xdist_group("e2e-alertmanager")

BODIES = Path(__file__).parent / "bodies"
EXPECTED: dict[str, dict[str, int]] = {
    "01-firing": {"received": 3, "new": 3, "opened": 1},
    "02-mixed": {"received": 3, "resolved": 2, "repeated": 1, "changed": 1},
    "03-resolved": {"received": 1, "resolved": 1, "changed": 1},
    "04-truncated": {"received": 1, "new": 1, "opened": 1},
    "05-resolved-before-firing": {"received": 1, "new": 1},
    "06-firing-that-was-overtaken": {"received": 1, "repeated": 1},
    "07-one-bad-alert": {"received": 1, "new": 1, "rejected": 2, "opened": 1},
    "08-watchdog": {"received": 1, "heartbeats": 1},
    "09-exporter-labels": {"received": 1, "new": 1, "opened": 1},
    "10-api-v2": {"received": 1, "new": 1, "opened": 1},
}
"""What becomes of each; figures that are not named are 0."""

NAMES = ("archive", "billing", "catalog", "mailer", "monitoring", "orders", "search", "void")
"""Every namespace in the bodies."""


def body(name: str) -> Any:
    return json.loads((BODIES / f"{name}.json").read_text())


def figures(receipt: dict[str, Any]) -> dict[str, int]:
    """The receipt's figures that are not 0; incidents are counted."""
    counted = {key: len(value) if isinstance(value, list) else value for key, value in receipt.items()}
    return {key: value for key, value in counted.items() if value}


def test_each_body_does_what_it_says_once(midwatch: Midwatch) -> None:
    for name, expected in EXPECTED.items():
        answer = midwatch.post(body(name))
        assert answer.status_code == 200, (name, answer.text)
        assert figures(answer.json()) == expected, name
    opened = midwatch.incidents(*NAMES)
    entities = sorted(entity for incident in opened for entity in incident["entities"])
    names = ("archive", "billing", "catalog", "orders", "search")
    assert entities == [f"prod-eu/{name}/deployment/{name}" for name in names]
    phases = {incident["entities"][0].rpartition("/")[2]: incident["phase"] for incident in opened}
    assert phases == {name: "resolved" if name == "orders" else "open" for name in names}


def test_after_it_every_body_is_a_repeat(midwatch: Midwatch) -> None:
    before = midwatch.incidents()
    for name in ("03-resolved", "04-truncated", "05-resolved-before-firing", "07-one-bad-alert", "10-api-v2"):
        receipt = figures(midwatch.post(body(name)).json())
        receipt.pop("rejected", None)
        assert receipt == {"received": 1, "repeated": 1}, name
    assert midwatch.incidents() == before


@pytest.mark.parametrize(
    ("name", "field"),
    [
        pytest.param("11-nothing-usable", "alerts.0", id="no alert can be read"),
        pytest.param("12-another-version", "version", id="a version that is not understood"),
    ],
)
def test_what_cannot_be_taken_in_is_refused_by_field(midwatch: Midwatch, name: str, field: str) -> None:
    answer = midwatch.post(body(name))
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == field


# ---------------------------------------------------------------------------------------------------------------------
# Bodies that lie beside the checkout, or where MIDWATCH_TEST_PAYLOADS says
# ---------------------------------------------------------------------------------------------------------------------


def payloads() -> list[Path]:
    folder = Path(os.environ.get("MIDWATCH_TEST_PAYLOADS") or ROOT.parent / "shared" / "payloads")
    return sorted(folder.glob("*/*.json"))


def status_of(alert: dict[str, Any]) -> str:
    return str(alert["status"]["state"] if isinstance(alert["status"], dict) else alert["status"])


def test_every_recorded_body_is_taken_in_and_a_second_time_changes_nothing(midwatch: Midwatch) -> None:
    recorded = payloads()
    if not recorded:
        pytest.skip("no recorded payloads: name their folder in MIDWATCH_TEST_PAYLOADS")
    for path in recorded:
        content = path.read_bytes()
        plain = json.loads(content)
        alerts = plain if isinstance(plain, list) else plain["alerts"]
        firing = [a for a in alerts if status_of(a) != "resolved" and a["labels"]["alertname"] not in HEARTBEATS]
        first = midwatch.post(content)
        assert first.status_code == 200, (path.name, first.text)
        receipt = first.json()
        assert receipt["received"] == len(alerts), path.name
        assert receipt["rejected"] == 0, path.name
        assert len(receipt["opened"]) <= bool(firing), path.name
        again = midwatch.post(content).json()
        assert (again["new"], again["resolved"], again["opened"], again["changed"]) == (0, 0, [], []), path.name
        assert again["repeated"] + again["heartbeats"] == len(alerts), path.name
    watchdog = [i for i in midwatch.incidents() if "Watchdog" in i["title"]]
    assert watchdog == []
