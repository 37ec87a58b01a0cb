"""Kinds of lines are those that drain3 finds, however much of its work is spared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.loki.line import LogLine, message_of
from tools.loki.mining import _MASKS, DEPTH, MOST_TEMPLATES, SIMILARITY, mine

START = datetime(2026, 3, 1, 2, 36, tzinfo=UTC)

VARYING = st.one_of(
    st.integers(0, 99_999).map(str),
    st.uuids().map(str),
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]:8080"),
    st.binary(min_size=3, max_size=12).map(bytes.hex),
    st.integers(0, 2**32).map(hex),
    st.datetimes().map(lambda at: at.isoformat(timespec="milliseconds") + "Z"),
    st.sampled_from(["12ms", "3.5GiB", "99%", "-7", "٣٤", "0x", "a-b-c-d-e", "...", "[", "x=", ""]),
)
WORDS = st.sampled_from(["order", "paid", "failed", "timeout after", "user", "retry", "peer=payments:8080", "key=a,b"])
SENTENCES = st.lists(st.one_of(WORDS, VARYING), max_size=6).map(" ".join)
ALIKE = st.lists(st.sampled_from("abc"), min_size=6, max_size=6).map(" ".join).map("all begin alike {}".format)
"""Near to several kinds at once, so that what is learnt of one line changes where the next belongs."""


def by_drain(lines: list[LogLine]) -> dict[str, int]:
    """Templates with their number of lines, by drain3's own front door."""
    config = TemplateMinerConfig()
    config.drain_sim_th, config.drain_depth, config.drain_extra_delimiters = SIMILARITY, DEPTH, ["=", ","]
    config.masking_instructions = [MaskingInstruction(one.pattern.pattern, one.name.strip("<>")) for one in _MASKS]
    miner = TemplateMiner(config=config)
    for line in lines:
        miner.add_log_message(message_of(line.text))
    return {cluster.get_template(): cluster.size for cluster in miner.drain.clusters}


@settings(max_examples=400)
@given(st.lists(SENTENCES, min_size=1, max_size=MOST_TEMPLATES) | st.lists(ALIKE, min_size=10, max_size=MOST_TEMPLATES))
def test_kinds_are_those_of_drain(texts: list[str]) -> None:
    lines = [LogLine(at=START + timedelta(seconds=i), text=text) for i, text in enumerate([*texts, *texts])]
    found = mine(lines, since=START + timedelta(seconds=len(texts)))
    counts: dict[str, int] = {}
    for one in found:
        counts[one.template] = counts.get(one.template, 0) + one.before + one.after
    expected: dict[str, int] = {}
    for template, size in by_drain(lines).items():
        expected[template] = expected.get(template, 0) + size
    assert counts == expected
