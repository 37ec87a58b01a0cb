"""Every scenario file: it loads, it plays, it shows symptoms (or none), and what is wrong with a broken one is said."""

from pathlib import Path

import pytest

from worlds.clock import HandClock
from worlds.faults.fault import kinds
from worlds.scenario.load import ScenarioError, load_scenario
from worlds.world import Estate

SCENARIOS = Path(__file__).parents[2] / "evals" / "scenarios"
FILES = sorted(path for path in SCENARIOS.glob("*/*.yaml") if path.parent.name != "estates")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_plays(path: Path) -> None:
    scenario = load_scenario(path)
    rules = Path(scenario.rules) if scenario.rules else None
    estate = Estate(scenario, clock=HandClock(scenario.now), rules=rules)
    estate.due_notifications()
    active = estate.active_faults()
    alerts = {a.labels["alertname"] for a in estate.alertmanager.alerts.values() if not a.resolved_at(scenario.now)}
    if scenario.truth.healthy:
        assert (active, alerts) == ([], {"Watchdog", *(report.alert for report in scenario.reports)})
    else:
        assert active or scenario.truth.inconclusive
        assert len(alerts) > 1


def test_every_fault_file_is_a_kind() -> None:
    folder = Path(__file__).parents[2] / "worlds" / "faults"
    assert set(kinds()) == {path.stem for path in folder.glob("*.py")} - {"__init__", "fault"}


@pytest.mark.parametrize("name", sorted(kinds()))
def test_every_kind_of_fault_is_documented(name: str) -> None:
    kind = kinds()[name]
    assert kind.__doc__
    assert kind.model_fields["kind"].default == name


BROKEN = """title: Broken
estate:
  workloads:
    - name: web
      replicas: many
    - {name: api, calls: [{to: nobody}]}
faults:
  - kind: deploy
    at: yesterday
    workload: default/web
    change: {}
truth: {healthy: true, cause: x}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(BROKEN, ["broken.yaml:5: estate.workloads.0.replicas:", "broken.yaml:9: faults.0.at:"], id="wrong values are named by line"),
        pytest.param("title: [", ["broken.yaml"], id="not YAML"),
        pytest.param("[]", ["a scenario is a mapping"], id="not a mapping"),
        pytest.param("title: x\nestate: {workloads: [{name: web}]}\ntruth: {healthy: true}\nfaults: [{kind: meteor, at: -1m}]\n", ["'meteor' is no kind of fault"], id="an unknown kind of fault"),
        pytest.param("title: x\nestate: {workloads: [{name: web}]}\ntruth: {}\n", ["exactly one of"], id="no truth"),
        pytest.param("title: x\nestate: {workloads: [{name: web, calls: [{to: nobody}]}]}\ntruth: {healthy: true}\n", ["calls 'nobody', which is no workload"], id="a call to nobody"),
        pytest.param("title: x\ncolour: red\nestate: {workloads: [{name: web}]}\ntruth: {healthy: true}\n", ["broken.yaml:2: colour"], id="an unknown field"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, expected: list[str]) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as error:
        load_scenario(path)
    for part in expected:
        assert part in str(error.value)


def test_a_scenario_may_change_its_base_estate(tmp_path: Path) -> None:
    path = tmp_path / "more-pods.yaml"
    base = SCENARIOS / "estates" / "shop.yaml"
    path.write_text(
        f"title: More pods\nbase: {base}\ntruth: {{healthy: true}}\n"
        "estate: {workloads: [{name: cart, namespace: shop, replicas: 7}, {name: extra, namespace: shop}]}\n"
    )
    scenario = load_scenario(path)
    assert scenario.estate.workload("shop/cart").replicas == 7
    assert scenario.estate.workload("shop/cart").tag == "0.31.4"
    assert scenario.estate.workload("shop/extra").kind == "Deployment"
