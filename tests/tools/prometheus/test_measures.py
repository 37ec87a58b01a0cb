"""The named measures against a real Prometheus that holds the small estate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from incidents.ids import EntityId
from tests.tools.prometheus.estate import END, ONSET, START
from tools.errors import NotFoundError, PermanentError
from tools.estate import Cluster
from tools.prometheus.measures import MEASURES, measure, measure_range, query_of

pytestmark = pytest.mark.prometheus

CHECKOUT = EntityId("prod/shop/deployment/checkout")
FIVE = timedelta(minutes=5)

READINGS = [
    pytest.param("error_rate", 0.0, 0.1, id="no failure is 0, not nothing"),
    pytest.param("latency_p99", 0.0993, 0.4975, id="p99 within the right bucket"),
    pytest.param("traffic", 36.0, 40.0, id="requests per second"),
    pytest.param("saturation", 340 / 512, 255 / 256, id="memory against its limit is the worse of both"),
    pytest.param("availability", 1.0, 0.5, id="available replicas"),
]


@pytest.mark.parametrize(("name", "before", "after"), READINGS)
async def test_a_measure_before_and_after(cluster: Cluster, name: str, before: float, after: float) -> None:
    healthy = await measure(cluster, name, CHECKOUT, at=ONSET - FIVE, window=FIVE)
    broken = await measure(cluster, name, CHECKOUT, at=END, window=FIVE)
    assert healthy.value == pytest.approx(before, rel=0.03)
    assert broken.value == pytest.approx(after, rel=0.03)
    assert broken.evidence.query == broken.query
    assert broken.unit == MEASURES[name].unit


async def test_a_backlog_is_said_by_how_long_it_lasts_at_the_present_pace(cluster: Cluster) -> None:
    mailer = EntityId("prod/mail/deployment/mailer")
    growing = await measure(cluster, "backlog_hours", mailer, at=ONSET - FIVE, window=FIVE)
    shrinking = await measure(cluster, "backlog_hours", mailer, at=ONSET + FIVE, window=FIVE)
    assert growing.value is not None
    assert growing.value > 1e5, "what grows is never worked off"
    assert shrinking.value == pytest.approx(2600 / 200 / 60, rel=0.03)
    with pytest.raises(NotFoundError, match="no queue"):
        await measure(cluster, "backlog_hours", CHECKOUT, at=END, window=FIVE)


async def test_what_cannot_be_read_has_no_value_and_says_why(cluster: Cluster) -> None:
    reading = await measure(cluster, "error_rate", CHECKOUT, at=END + timedelta(minutes=30), window=FIVE)
    assert reading.value is None
    assert "no requests" in reading.note


async def test_a_service_without_request_metrics_is_an_error_and_not_a_zero(cluster: Cluster) -> None:
    with pytest.raises(NotFoundError):
        await measure(cluster, "error_rate", EntityId("prod/shop/deployment/nobody"), at=END, window=FIVE)


async def test_an_unknown_measure_names_the_known_ones(cluster: Cluster) -> None:
    with pytest.raises(
        PermanentError, match="availability, backlog_hours, error_rate, latency_p99, saturation, traffic"
    ):
        await measure(cluster, "happiness", CHECKOUT, at=END, window=FIVE)


async def test_a_measure_over_time_steps_at_the_onset(cluster: Cluster) -> None:
    found = await measure_range(cluster, "error_rate", CHECKOUT, start=START, end=END, rate_window=timedelta(minutes=1))
    assert found.curve is not None
    assert max(found.curve.between(None, ONSET)) == 0
    assert max(found.curve.between(ONSET + FIVE, None)) == pytest.approx(0.1, rel=0.03)


async def test_the_query_alone(cluster: Cluster) -> None:
    query = await query_of(cluster, "error_rate", CHECKOUT, at=END, window=FIVE)
    assert 'http_response_status_code=~"5.."' in query
    assert "[300s]" in query
