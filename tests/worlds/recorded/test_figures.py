"""A table of figures as Prometheus would hold it: names, counters out of rates, and gaps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tools.prometheus.selector import any_pod
from worlds.promql.storage import Matcher, MatchOp
from worlds.recorded.figures import counter, existing, gauge, names_for, pod_of

TIMES = np.arange(100.0, 700.0, 60.0)


@given(st.lists(st.text(min_size=1, max_size=80), unique=True, max_size=20))
def test_any_names_become_names_of_their_own(wild: list[str]) -> None:
    given_names = names_for(wild)
    assert set(given_names) == set(wild)
    assert len(set(given_names.values())) == len(wild)
    safe = Matcher(name="n", op=MatchOp.REGEX, value="[a-z]([-a-z0-9]*[a-z0-9])?")
    assert all(safe.matches(name) and len(name) <= 63 for name in given_names.values())


def test_names_that_are_good_already_stay() -> None:
    assert names_for(["orders-db", "web"]) == {"orders-db": "orders-db", "web": "web"}


def test_a_pod_is_found_back_by_how_controllers_name_pods() -> None:
    pattern = Matcher(name="pod", op=MatchOp.REGEX, value=any_pod())
    assert pattern.matches(pod_of("orders-db"))
    assert pod_of("orders-db").startswith("orders-db-")


def test_a_counter_grows_by_its_rate() -> None:
    made = counter("requests_total", {"service": "web"}, TIMES, np.full(len(TIMES), 2.0))
    assert np.allclose(np.diff(np.asarray(made.values)), 120.0)
    assert made.labels == {"__name__": "requests_total", "service": "web"}


def test_gaps_have_no_sample_and_no_increase() -> None:
    rates = np.full(len(TIMES), 1.0)
    rates[3:5] = np.nan
    made = counter("requests_total", {}, TIMES, rates)
    assert len(made.timestamps) == len(TIMES) - 2
    assert np.ptp(np.asarray(made.values)) == 60.0 * (len(TIMES) - 3)
    assert len(gauge("memory", {}, TIMES, rates).values) == len(TIMES) - 2


def test_of_a_workload_only_its_existence_is_said() -> None:
    (one,) = existing(["web"], namespace="shop", times=TIMES)
    assert one.labels == {"__name__": "kube_deployment_spec_replicas", "namespace": "shop", "deployment": "web"}
