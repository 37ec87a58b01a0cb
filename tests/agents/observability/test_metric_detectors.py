"""Facts out of requests and use: what is told, since when, with which figures, and what is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.detector import Detector, detectors
from agents.observability.detectors import (
    cpu,
    errors,
    healthy,
    latency,
    memory_before,
    memory_growth,
    memory_limit,
    pools,
    rejected,
    telemetry,
    traffic,
)
from tests.agents.cases import CLUSTER, ONSET
from tests.agents.observability.seeing import (
    CHECKOUT,
    MIB,
    START,
    curve,
    facts,
    kinds,
    no_red,
    red,
    seen,
    steps,
    usage,
)
from tools.probe import Observation
from tools.prometheus.probes.wide import WideView

TWO_SAMPLES = timedelta(seconds=60)

TOLD = [
    pytest.param(
        errors,
        red(errors=steps(0.001, 0.071)),
        "errors.elevated",
        {"rate": 0.071, "baseline": 0.001, "code": "503"},
        id="errors from nothing",
    ),
    pytest.param(
        errors,
        red(errors=steps(0.02, 0.09)),
        "errors.elevated",
        {"rate": 0.09, "baseline": 0.02},
        id="more errors than the usual ones",
    ),
    pytest.param(
        rejected,
        red(errors=steps(0.012, 0.36), code="404"),
        "requests.rejected",
        {"rate": 0.36, "baseline": 0.012, "code": "404"},
        id="asked for what it does not have",
    ),
    pytest.param(
        latency, red(p99=steps(0.24, 0.41)), "latency.elevated", {"p99_s": 0.41, "baseline_s": 0.24}, id="slower"
    ),
    pytest.param(
        traffic,
        red(traffic=steps(40, 120)),
        "traffic.surge",
        {"rps": 120, "baseline": 40, "ratio": 3},
        id="three times as many requests",
    ),
    pytest.param(
        traffic, red(traffic=steps(40, 8)), "traffic.drop", {"rps": 8, "ratio": 0.2}, id="a fifth of the requests"
    ),
    pytest.param(
        cpu,
        usage(throttled=steps(0.02, 0.6)),
        "saturation.cpu_throttled",
        {"ratio": 0.6, "baseline": 0.02},
        id="throttled",
    ),
    pytest.param(
        cpu,
        usage(cpu=steps(0.2, 0.49), cpu_limit=0.5),
        "saturation.cpu_high",
        {"ratio": 0.98},
        id="all of the CPU limit",
    ),
]


@pytest.mark.parametrize(("module", "observation", "kind", "figures"), TOLD)
def test_told(module: Any, observation: Observation[Any], kind: str, figures: dict[str, object]) -> None:
    (fact,) = facts(module.DETECTOR, observation)
    assert fact.kind == kind
    assert fact.at is not None
    assert abs(fact.at - ONSET) <= TWO_SAMPLES
    for name, value in figures.items():
        expected = pytest.approx(value, rel=0.02, abs=0.001) if isinstance(value, float | int) else value
        assert fact.attributes[name] == expected
    assert "checkout" in fact.text
    assert fact.evidence == (observation.evidence.id,)


NOT_TOLD = [
    pytest.param(errors, red(errors=0.001), id="the usual errors"),
    pytest.param(errors, red(errors=steps(0.02, 0.022)), id="a tenth more errors"),
    pytest.param(errors, red(errors=steps(0.0001, 0.002)), id="a fifth of a percent"),
    pytest.param(errors, no_red(), id="no request metrics"),
    pytest.param(latency, red(p99=steps(0.24, 0.26)), id="a little slower"),
    pytest.param(latency, red(p99=steps(0.004, 0.009)), id="twice as slow, five milliseconds"),
    pytest.param(latency, red(p99=None), id="no histogram"),
    pytest.param(traffic, red(traffic=lambda m: 40 + m * 0.3), id="more requests as the morning comes"),
    pytest.param(traffic, red(traffic=steps(0.2, 0.6)), id="three times hardly anything"),
    pytest.param(cpu, usage(throttled=0.5), id="always throttled"),
    pytest.param(cpu, usage(cpu=0.2, cpu_limit=0.5), id="less than half of the limit"),
    pytest.param(cpu, usage(cpu=steps(0.2, 3.0)), id="no CPU limit"),
    pytest.param(memory_limit, usage(memory_ratio=0.7, memory_limit=512 * MIB), id="two thirds of the limit"),
    pytest.param(
        memory_growth, usage(memory=lambda m: 200 * MIB + (m % 10) * MIB, memory_limit=512 * MIB), id="a sawtooth"
    ),
    pytest.param(memory_growth, usage(memory=steps(200 * MIB, 400 * MIB), memory_limit=512 * MIB), id="one step up"),
    pytest.param(
        memory_growth,
        usage(memory=lambda m: 200 * MIB + m * MIB / 60, memory_limit=2**40),
        id="a limit that is weeks away",
    ),
]


@pytest.mark.parametrize(("module", "observation"), NOT_TOLD)
def test_not_told(module: Any, observation: Observation[Any]) -> None:
    assert facts(module.DETECTOR, observation) == []


def test_errors_that_were_always_there_are_told_without_an_onset() -> None:
    (fact,) = facts(errors.DETECTOR, red(errors=0.4))
    assert fact.at is None
    assert fact.strength < 1


def test_errors_that_went_back_have_an_end() -> None:
    (fact,) = facts(errors.DETECTOR, red(errors=lambda m: 0.1 if -30 <= m < -15 else 0.001))
    assert fact.until is not None
    assert abs(fact.until - (ONSET - timedelta(minutes=15))) <= TWO_SAMPLES


def test_errors_in_bursts_are_errors() -> None:
    burst = red(errors=lambda m: 0.2 if m >= 0 and int(m * 2) % 3 == 0 else 0.001)
    assert kinds(errors.DETECTOR, burst) == ["errors.elevated"]


def test_silence_is_a_drop_that_is_not_sure() -> None:
    (fact,) = facts(traffic.DETECTOR, red(traffic=lambda m: None if m >= 0 else 40.0))
    assert fact.kind == "traffic.drop"
    assert fact.strength < 1
    assert "no requests to checkout are reported" in fact.text


def test_memory_at_its_limit_names_the_limit_of_the_pod_that_is_close() -> None:
    (fact,) = facts(
        memory_limit.DETECTOR,
        usage(
            memory_ratio=steps(0.66, 0.98),
            memory_limit=512 * MIB,
            memory_limit_lowest=steps(512 * MIB, 256 * MIB),
            memory=340 * MIB,
        ),
    )
    assert fact.attributes["limit"] == pytest.approx(256 * MIB, rel=0.02)
    assert fact.attributes["peak"] == pytest.approx(0.98 * 256 * MIB, rel=0.03)
    assert fact.at is not None
    assert abs(fact.at - ONSET) <= TWO_SAMPLES


def test_memory_that_grows_says_when_it_ends() -> None:
    (fact,) = facts(memory_growth.DETECTOR, usage(memory=lambda m: (200 + (m + 60) * 3) * MIB, memory_limit=512 * MIB))
    assert fact.attributes["bytes_per_hour"] == pytest.approx(180 * MIB, rel=0.05)
    assert fact.attributes["hours_to_limit"] == pytest.approx((512 - 425) / 180, rel=0.15)
    assert fact.attributes["r2"] > 0.9


def test_a_leak_is_seen_between_two_restarts() -> None:
    sawtooth = usage(memory=lambda m: (200 + ((m + 60) % 37) * 6) * MIB, memory_limit=512 * MIB)
    assert kinds(memory_growth.DETECTOR, sawtooth) == ["memory.growing"]


def test_what_was_used_before_leaves_out_the_trouble() -> None:
    (fact,) = facts(memory_before.DETECTOR, usage(memory=steps(340 * MIB, 900 * MIB)))
    assert fact.attributes["peak"] == pytest.approx(340 * MIB, rel=0.02)
    assert fact.until == ONSET


def test_what_was_used_before_ends_where_the_question_says() -> None:
    observation = usage(memory=lambda m: 100 * MIB if m < -20 else 340 * MIB)
    asked = seen(observation.view, start=START, end=ONSET - timedelta(minutes=20))
    (fact,) = facts(memory_before.DETECTOR, asked)
    assert fact.attributes["peak"] == pytest.approx(100 * MIB, rel=0.02)


POOLS = [
    pytest.param({"hikaricp_connections_active": curve(steps(4, 10)), "hikaricp_connections_max": curve(10.0)}, ["connections.exhausted"], id="a full pool"),
    pytest.param({"hikaricp_connections_active": curve(4.0), "hikaricp_connections_max": curve(10.0)}, [], id="a pool with room"),
    pytest.param({"process_open_fds": curve(1020.0), "process_max_fds": curve(1024.0)}, ["fd.exhausted"], id="file descriptors"),
    pytest.param({"tomcat_threads_busy_threads": curve(200.0), "tomcat_threads_config_max_threads": curve(200.0)}, ["threads.exhausted"], id="threads"),
    pytest.param({"kafka_consumergroup_lag": curve(lambda m: 100 + (m + 60) * 50)}, ["queue.growing"], id="a lag that grows"),
    pytest.param({"kafka_consumergroup_lag": curve(500.0)}, [], id="a lag that stays"),
    pytest.param({"queue_depth": curve(lambda m: (m + 60) / 2)}, [], id="a short queue"),
]  # fmt: skip


@pytest.mark.parametrize(("metrics", "expected"), POOLS)
def test_pools(metrics: dict[str, Any], expected: list[str]) -> None:
    assert kinds(pools.DETECTOR, seen(WideView(entity=CHECKOUT, metrics=metrics))) == expected


def test_missing_telemetry_is_said_of_what_was_asked_about() -> None:
    (fact,) = facts(telemetry.DETECTOR, no_red())
    assert fact.kind == "telemetry.missing"
    assert kinds(telemetry.DETECTOR, no_red(of=CHECKOUT.replace("checkout", "orders-db"))) == []


WELL = (red(), usage(memory=340 * MIB, memory_ratio=0.6, memory_limit=512 * MIB, restarts=0))
NOT_WELL = [
    pytest.param((red(errors=steps(0.001, 0.07)), WELL[1]), id="errors"),
    pytest.param((red(p99=steps(0.2, 0.9)), WELL[1]), id="slow"),
    pytest.param(
        (WELL[0], usage(memory=340 * MIB, memory_ratio=0.97, memory_limit=512 * MIB)), id="memory at its limit"
    ),
    pytest.param((WELL[0], usage(memory=340 * MIB, available=steps(6, 4))), id="replicas missing"),
    pytest.param((WELL[0], usage(memory=340 * MIB, restarts=steps(1, 3))), id="restarts"),
    pytest.param((no_red(), WELL[1]), id="no request metrics: nobody knows"),
    pytest.param((WELL[0],), id="no container metrics: nobody knows"),
]


def test_an_estate_where_all_is_as_before_is_healthy() -> None:
    (fact,) = facts(healthy.DETECTOR, *WELL)
    assert fact.kind == "estate.healthy"
    assert fact.entity == f"{CLUSTER}/-/cluster/{CLUSTER}"


@pytest.mark.parametrize("observations", NOT_WELL)
def test_not_healthy(observations: tuple[Observation[Any], ...]) -> None:
    assert facts(healthy.DETECTOR, *observations) == []


@pytest.mark.parametrize("specialist", ["observability", "cost"])
def test_every_fact_says_only_what_its_kind_declares(specialist: str) -> None:
    for detector in detectors(specialist):
        assert detector.name.startswith(f"{specialist}.")
        assert detector.emits
        for spec in detector.emits:
            assert spec.meaning.endswith(".")


@pytest.mark.parametrize("detector", detectors("observability"), ids=lambda detector: detector.name)
def test_a_detector_that_saw_nothing_says_nothing(detector: Detector) -> None:
    assert facts(detector) == []
