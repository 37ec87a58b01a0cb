"""The notations of a runbook: what is read is written back the same."""

import pytest

from agents.runbooks.grammar import read_alternative, read_argument, write_alternative
from incidents.cause import Expression


@pytest.mark.parametrize(
    "text",
    [
        "container.oom_killed",
        "memory.at_limit | memory.used_before",
        "pod.unschedulable(reason=cpu/memory)",
        "log.error_class(class=auth, peer=orders-db) | dependency.errors",
        "probe.liveness_failing(status=404) | probe.liveness_failing(reason=protocol) | change.probe_changed",
    ],
)
def test_alternatives_are_written_as_they_are_read(text: str) -> None:
    assert write_alternative(read_alternative(text)) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("oom", "domain.what_is_so", id="no domain"),
        pytest.param("a.b(reason)", "reason=cpu/memory", id="a condition without a value"),
        pytest.param("a.b(reason=)", "reason=cpu/memory", id="an empty value"),
        pytest.param("a.b(reason=x", "reason=cpu/memory", id="a bracket that does not close"),
        pytest.param("a.b | a.b(reason=y)", "stands twice", id="one kind with and without a condition"),
        pytest.param("a.b |", "is no fact kind", id="nothing behind the bar"),
    ],
)
def test_what_is_no_alternative_is_said_with_an_example(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_alternative(text)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1.3 x memory.at_limit.peak", Expression(factor=1.3, fact="memory.at_limit", attribute="peak")),
        ("2*hpa.at_max.max", Expression(factor=2, fact="hpa.at_max", attribute="max")),
        ("change.scaled_down.before", Expression(factor=1, fact="change.scaled_down", attribute="before")),
        ("512Mi", "512Mi"),
        ("1.3", "1.3"),
        (3, 3),
    ],
)
def test_quantities_are_computed_and_everything_else_is_a_constant(written: object, read: object) -> None:
    assert read_argument(written) == read
