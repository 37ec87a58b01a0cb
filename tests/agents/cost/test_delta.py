"""What a proposal costs: from what its preview changes, what the workload requests, and prices. Pure."""

from __future__ import annotations

import pytest

from agents.cost.delta import cost_delta
from incidents.action import ActionRequest, BlastRadius, Fence, FieldChange, Preview, Reversibility, Snapshot
from incidents.canonical import digest_of
from incidents.casefile import CaseFile
from incidents.fact import Fact
from incidents.ids import ActionKind
from incidents.proposal import ProposedAction
from tests.agents.cases import NOW, fact
from tests.agents.observability.seeing import CHECKOUT, scene
from tools.estate import Connections, Endpoint

REQUESTS = "spec.template.spec.containers[app].resources.requests"
PRICED = fact(
    "cost.rate",
    None,
    usd_per_hour=0.5,
    usd_per_core_hour=0.03,
    usd_per_gib_hour=0.004,
    replicas=6,
    cpu_request=0.2,
    memory_request=256 * 2**20,
    basis="OpenCost's prices",
)
CONNECTIONS = Connections(name="prod-eu", opencost=Endpoint(url="http://opencost:9003"))


def case(*facts: Fact) -> CaseFile:
    return scene().case.model_copy(update={"facts": facts})


def action(*diff: tuple[str, str | None, str | None], pods: int = 6, kind: str = "set_resources") -> ProposedAction:
    request = ActionRequest(kind=ActionKind(kind), target=CHECKOUT)
    fence = Fence(uid="u", content=digest_of("x"))
    return ProposedAction(
        request=request,
        summary="",
        fence=fence,
        snapshot=Snapshot(target=CHECKOUT, taken_at=NOW, fence=fence, state="{}"),
        preview=Preview(
            accepted=True, by="test", diff=tuple(FieldChange(path=p, before=b, after=a) for p, b, a in diff)
        ),
        blast_radius=BlastRadius(workloads=(CHECKOUT,), pods=pods),
        reversibility=Reversibility.EXACT,
        undo="",
    )


LIMIT = "spec.template.spec.containers[app].resources.limits.memory"
CASES = [
    pytest.param([action((LIMIT, "256Mi", "512Mi"))], 0.0, id="a limit costs nothing"),
    pytest.param(
        [action((f"{REQUESTS}.memory", "256Mi", "512Mi"))], 6 * 0.25 * 0.004, id="more memory requested in each pod"
    ),
    pytest.param([action((f"{REQUESTS}.cpu", "200m", "100m"))], -6 * 0.1 * 0.03, id="less CPU requested saves"),
    pytest.param([action(("spec.replicas", "6", "8"))], 2 * (0.2 * 0.03 + 0.25 * 0.004), id="two more pods"),
    pytest.param([action(("spec.replicas", "6", "0"))], -6 * (0.2 * 0.03 + 0.25 * 0.004), id="no pods any more"),
    pytest.param(
        [action(("spec.replicas", "6", "3"), (f"{REQUESTS}.cpu", "200m", "400m"))],
        3 * (0.4 * 0.03 + 0.25 * 0.004) - 6 * (0.2 * 0.03 + 0.25 * 0.004),
        id="half the pods with twice the CPU",
    ),
    pytest.param([action((f"{REQUESTS}.memory", None, "1Gi"))], 6 * 0.004, id="a request where there was none"),
    pytest.param([action(kind="restart_workload")], 0.0, id="a restart costs nothing"),
    pytest.param([action((f"{REQUESTS}.cpu", "200m", "300m"))] * 2, 2 * 6 * 0.1 * 0.03, id="two actions add up"),
    pytest.param([], 0.0, id="no action"),
]


@pytest.mark.parametrize(("actions", "usd"), CASES)
def test_the_difference_in_money(actions: list[ProposedAction], usd: float) -> None:
    delta = cost_delta(case(PRICED), actions, connections=CONNECTIONS)
    assert delta.usd_per_hour == pytest.approx(usd, abs=1e-4)
    assert delta.basis


def test_without_a_price_it_is_unknown_and_says_what_to_configure() -> None:
    more = action((f"{REQUESTS}.cpu", "200m", "300m"))
    nothing = cost_delta(case(), [more], connections=Connections(name="prod-eu"))
    assert nothing.usd_per_hour is None
    assert "configure OpenCost" in nothing.basis
    silent = cost_delta(case(), [more], connections=CONNECTIONS)
    assert silent.usd_per_hour is None


def test_one_unknown_action_makes_the_sum_unknown() -> None:
    known, unknown = action(kind="restart_workload"), action(("spec.replicas", "6", "8"))
    assert cost_delta(case(), [known, unknown], connections=CONNECTIONS).usd_per_hour is None


def test_prices_of_a_neighbour_hold_too() -> None:
    neighbour = fact("cost.rate", None, of="cart", usd_per_core_hour=0.03, usd_per_gib_hour=0.004, basis="x")
    delta = cost_delta(case(neighbour), [action((f"{REQUESTS}.cpu", "1", "2"))], connections=CONNECTIONS)
    assert delta.usd_per_hour == pytest.approx(6 * 0.03)
