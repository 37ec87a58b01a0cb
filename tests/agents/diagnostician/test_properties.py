"""What holds for every case: the order of facts says nothing, what is irrelevant flips nothing, a point for never hurts."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.diagnostician.diagnose import diagnose
from agents.diagnostician.timing import change_factor
from incidents.diagnosis import Diagnosis, Verdict
from incidents.fact import Fact, FactRole
from tests.agents.cases import LIBRARY, NOW, ONSET, case, fact

KINDS = sorted(
    {kind for cause in LIBRARY.causes for line in (*cause.must, *cause.likely, *cause.never) for kind in line.kinds}
    | {"errors.elevated", "latency.elevated", "container.crash_loop", "change.deployed", "estate.healthy"}
)
PLACES = ("checkout", "payments", "web", "cart", "node/worker-1", "service/checkout", "external/api.bank")

facts = st.lists(
    st.builds(
        fact,
        st.sampled_from(KINDS),
        st.one_of(st.none(), st.integers(min_value=-180, max_value=12)),
        of=st.sampled_from(PLACES),
        strength=st.sampled_from([0.4, 0.8, 1.0]),
        until=st.one_of(st.none(), st.just(-60), st.just(5)),
    ),
    max_size=8,
    unique_by=lambda f: f.id,
)
covered = st.lists(st.builds("{}@{}".format, st.sampled_from(KINDS), st.sampled_from(PLACES)), max_size=6)


def same(one: Diagnosis, other: Diagnosis) -> bool:
    return one.model_dump() == other.model_dump()


@settings(max_examples=60)
@given(found=facts, looked=covered, shuffled=st.randoms(use_true_random=False))
def test_the_order_of_facts_says_nothing(found: list[Fact], looked: list[str], shuffled: object) -> None:
    mixed = list(found)
    shuffled.shuffle(mixed)  # type: ignore[attr-defined]
    one = diagnose(case(*found, covered=looked), LIBRARY, now=NOW)
    assert same(one, diagnose(case(*mixed, *mixed, covered=looked), LIBRARY, now=NOW))


@settings(max_examples=60)
@given(found=facts, looked=covered, at=st.integers(-100, 10))
def test_facts_that_no_cause_knows_flip_nothing(found: list[Fact], looked: list[str], at: int) -> None:
    noise = [
        fact("weather.rain", at, of="checkout", role=FactRole.MECHANISM, until=-400),
        fact("weather.wind", None, of="bank", role=FactRole.STATE),
        fact("weather.sun", None, of="cart", role=FactRole.CLEARED),
    ]
    one = diagnose(case(*found, covered=looked), LIBRARY, now=NOW)
    other = diagnose(case(*found, *noise, covered=looked), LIBRARY, now=NOW)
    assert [(h.cause, h.entity, h.probability) for h in one.hypotheses] == [
        (h.cause, h.entity, h.probability) for h in other.hypotheses
    ]
    assert one.verdict is other.verdict


@settings(max_examples=60)
@given(found=facts, looked=covered)
def test_a_fact_that_only_speaks_for_the_first_never_lowers_it(found: list[Fact], looked: list[str]) -> None:
    before = diagnose(case(*found, covered=looked), LIBRARY, now=NOW)
    for hypothesis in before.hypotheses[:2]:
        cause = LIBRARY.cause(hypothesis.cause)
        own = [k for line in (*cause.must, *cause.likely) for k in line.kinds if mine(k, cause.slug)]
        for kind in own:
            more = fact(kind, None, of=hypothesis.entity.split("/", 2)[2].removeprefix("deployment/"), extra="more")
            after = diagnose(case(*found, more, covered=looked), LIBRARY, now=NOW)
            again = next(h for h in after.hypotheses if (h.cause, h.entity) == (hypothesis.cause, hypothesis.entity))
            assert again.probability >= hypothesis.probability - 1e-4, (kind, hypothesis.cause)


def mine(kind: str, slug: str) -> bool:
    """A fact that only this cause names, that has no time, and is not itself something to be explained."""
    naming = [c.slug for c in LIBRARY.causes for x in (*c.must, *c.likely, *c.never) if kind in x.kinds]
    return naming == [slug] and fact(kind).role in (FactRole.MECHANISM, FactRole.STATE)


@settings(max_examples=80)
@given(found=facts, looked=covered)
def test_a_verdict_keeps_its_word(found: list[Fact], looked: list[str]) -> None:
    diagnosis = diagnose(case(*found, covered=looked), LIBRARY, now=NOW)
    chances = [h.probability for h in diagnosis.hypotheses]
    assert chances == sorted(chances, reverse=True)
    assert (diagnosis.verdict is Verdict.INCONCLUSIVE) == (not diagnosis.leading)
    ids = {f.id for f in found}
    for hypothesis in diagnosis.leading:
        roles = {f.role for f in found if any(f.id in point.facts for point in hypothesis.speaks_for)}
        assert roles - {FactRole.SYMPTOM, FactRole.CLEARED}, "symptoms alone prove nothing"
        assert {i for point in hypothesis.speaks_for for i in point.facts} <= ids
    if diagnosis.leading and not any(f.role is FactRole.SYMPTOM for f in found):
        assert {h.cause for h in diagnosis.leading} <= {"idle"}


@given(minutes=st.integers(-3000, 3000), more=st.integers(1, 500))
def test_the_closer_before_the_onset_the_more_suspect_and_afterwards_not_at_all(minutes: int, more: int) -> None:
    near = change_factor(ONSET - timedelta(minutes=minutes), onset=ONSET)
    far = change_factor(ONSET - timedelta(minutes=minutes + more), onset=ONSET)
    assert (near == 0) == (minutes < -1)
    assert minutes < 0 or near >= far
