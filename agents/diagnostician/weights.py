"""Every number of the argument, with its reason. Units are natural-log odds unless said otherwise.

A rough scale: 0.7 doubles the odds, 2.3 makes them ten times as high, 3 is what a person calls a strong point. The
numbers speak about kinds of evidence in general; none was chosen for one incident.
"""

from collections.abc import Mapping
from datetime import timedelta

from incidents.fact import FactRole
from incidents.focus import CLOCKS
from incidents.ids import FactKind

# --- What a cause starts with, and what it competes against ----------------------------------------------------------

PRIOR = -2.2
"""A given cause at a given entity is unlikely before anything is known: one in ten among what has some support."""

NONE_OF_THESE = 0.0
"""The rival that is always there: something that no runbook describes. What does not beat it is not a diagnosis."""

# --- Predictions that hold ------------------------------------------------------------------------------------------

ROLE_WEIGHT: Mapping[FactRole, float] = {
    FactRole.CHANGE: 2.6,  # an exact field with an exact time, shortly before: the strongest single point there is
    FactRole.MECHANISM: 2.4,  # how it breaks, read off the system itself
    FactRole.STATE: 1.8,  # true, but perhaps for a long time already
    FactRole.SYMPTOM: 0.5,  # what hurts is the same for many causes
    FactRole.CLEARED: 0.5,
}

SPECIFICITY: Mapping[FactKind, float] = {
    FactKind("change.deployed"): 0.25,
    FactKind("change.near_onset"): 0.25,
    FactKind("rollback.recent"): 0.25,
    FactKind("change.image_changed"): 0.5,
    FactKind("change.code"): 0.55,
    FactKind("change.manual"): 0.6,
    FactKind("metric.shifted"): 0.4,
    FactKind("metric.outlier"): 0.4,
    FactKind("log.surge"): 0.4,
    FactKind("log.new_pattern"): 0.6,
}
"""Share of its role's weight that a kind keeps which nearly every deploy, or nearly every failure, brings with it."""

LIKELY_SHARE = 0.7
"""A likely prediction that holds counts less than one that must: its absence was allowed."""

FURTHER_POINT = 0.75
"""Each further point that holds counts this share of the one before, strongest first: points about one failure are not
independent, and a long list in a runbook must not win by its length."""

ALERT_NAMED = 0.4
"""The runbook was written for an alert that fires. Weak: alerts are named after symptoms."""

CLEARED_NEVER = 0.2
"""What would refute it was looked for and is not so."""

CLEARED_NEVER_MOST = 0.4
"""Two such points say as much as ten."""

# --- Predictions that do not hold -----------------------------------------------------------------------------------

MUST_ABSENT = -3.5
"""What has to hold was looked for and is not so."""

MUST_UNSEEN = -2.6
"""What has to hold could not be seen, or nobody looked yet."""

OVER = -2.3
"""All the trouble is over while the change that is to have set it off is still in place: a release that fails goes on
failing, and while it is rolled out fewer pods answer, however good it is."""

MUST_OLD_CHANGE = -1.5
"""What has to have changed did so, and more than a day of health lies between that and the trouble."""

UNSEEN_CAP = -0.7
"""The most that a hypothesis reaches (odds of 1 to 2) while something that has to hold was not seen: worth a question,
never a diagnosis, and little beside a rival of which all is seen."""

LIKELY_ABSENT = -0.45
"""What usually holds was looked for and is not so."""

NEVER_PRESENT = -3.0
"""What refutes it holds."""

CAPPED = -2.5
"""The most that a refuted or unproven hypothesis can reach (odds of 1 to 12): small points never make up for it."""

CAP_ROOM = 1.0
"""Below a cap, hypotheses keep their order: where to look first is worth knowing also when nothing is proven."""

COMPARED_CAP = -1.4
"""The most that a hypothesis reaches (odds of 1 to 4) which rests on a comparison of places alone."""

PLACES_TO_LOOK = frozenset({FactKind("anomaly.origin")})
"""Kinds that compare places and say where to look. They prove nothing about what is wrong there."""

# --- Topology -------------------------------------------------------------------------------------------------------

EXPLAINS = 1.6
"""It accounts for all that hurts."""

EXPLAINS_NOTHING = -4.0
"""No path leads from it to anything that hurts."""

EXPLAINED_AWAY = -3.0
"""Something that it calls failed no later, and it shows no failure of its own: a victim."""

EXPLAINED_AWAY_WITH_OWN_FAILURE = -0.6
"""The same, but it has a failure of its own that waiting for another does not bring about."""

ROLLED_UP = 0.95
"""Nearness (0..1) of a fact about what an entity owns, selects or uses."""

CONTEXT = 0.6
"""Nearness of a fact about what surrounds an entity (its node, namespace, application) or that merely mentions it."""

HOP = 0.85
"""How much of a symptom one call further away is explained."""

OWN_BUSINESS = 0.3
"""How much of a caller's restarts or missing pods a failing callee explains: some processes refuse to live alone."""

SAME_NAMESPACE = 0.3
"""How much of a symptom is explained by a neighbour when nobody knows what the sufferer calls."""

WHOLE_NAMESPACE = 0.8
"""How much of an alert about a namespace or a cluster is explained by one thing inside it."""

EXPLAINED = 0.2
"""Degree from which a symptom counts as explained at all."""

RIVAL = 0.5
"""A hypothesis competes with another when it explains at least this share of the other's own symptoms."""

ALERT_SYMPTOM = 1.0
"""Weight of the place that an alert points at, as something to be explained."""

DISTANT_SYMPTOM = 0.5
"""Weight of a symptom away from where the alerts point."""

# --- Time -----------------------------------------------------------------------------------------------------------

TOLERANCE = CLOCKS
"""Moments that are no further apart than two clocks and resolutions differ say nothing about an order."""

LINGERS = timedelta(minutes=10)
"""How long before an alert starts its symptom may have ended: alerts look back over some minutes. What was over for
longer when the first alert came (or somebody asked) belongs to another story."""

ONSET_WINDOW = timedelta(hours=6)
"""An alert waits for up to an hour before it fires (`for: 1h`), and slow damage shows some hours earlier. What has been
so for longer belongs to another story."""

CHANGE_HALF_LIFE = timedelta(minutes=20)
"""A change loses half of its suspicion per this time between it and the onset; most faults show within an hour."""

CHANGE_FLOOR = 0.35
"""What an old change keeps: some faults wait for load, a certificate's end, a cron job."""

CHANGE_OLD = timedelta(days=1)
"""A change older than a day before the onset has been proven innocent by a day of health, mostly."""

CHANGE_OLD_FACTOR = 0.15

CHANGE_UNDATED = 0.6

AMPLIFIES = timedelta(minutes=4)
"""Within this time after its change a caller that calls more than before does so: a rollout takes some minutes."""

LATE = timedelta(minutes=15)
"""A mechanism that shows up this long after the symptom is rather its consequence."""

LATE_FACTOR = 0.5

BEFORE_ITS_CAUSE = 0.35
"""How much of a symptom is explained that began before the mechanism did: clocks err, but not often by this much."""

# --- Verdict --------------------------------------------------------------------------------------------------------

DIAGNOSED = 0.6
"""Probability from which the first hypothesis is a diagnosis. Below it a person is asked to look, not to approve."""

MOST_SURE = 0.98
"""Nobody should read certainty out of a sum of points; two wrong in a hundred is the best that was ever measured."""

SHOWN = 0.01
"""Hypotheses below this are not worth a line."""

MOST_SHOWN = 8
"""A table that fits a phone's screen twice."""

MOST_RULED_OUT = 6
