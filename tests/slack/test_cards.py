"""Every state of the card as a person reads it, and a lint: a card that asks for a decision holds all that it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from incidents.action import FieldChange
from incidents.foresight import Outlook
from incidents.prediction import Prediction
from incidents.proposal import ProposalBody
from service.slack.card import Card, card_of
from service.slack.digest import digest_of
from service.slack.mrkdwn import safe
from service.slack.storm import storm_of
from service.story.record import IncidentRecord
from tests.incidents.making import NOW
from tests.slack.records import all_records, with_body
from tests.slack.standin.limits import problems_of_message
from tests.slack.standin.rendering import blocks_text
from tests.slack.standin.workspace import Message, Workspace, mrkdwn_texts

CONSOLE = "https://midwatch.example.com"
ASKING = (
    "waiting for a decision",
    "waiting, one of two approved",
    "waiting, of high risk",
    "waiting, snoozed, with something left alone",
)


@pytest.fixture(scope="session")
def records() -> dict[str, IncidentRecord]:
    return all_records()


def text_of(record: IncidentRecord) -> str:
    return blocks_text([dict(block) for block in card_of(record, console=CONSOLE).blocks])


STATES: dict[str, str] = {
    "looking, just opened": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *looking*  ·  since 02:47 UTC
checkout returns 5xx
since 02:46, 34 s · 2 of 2 alerts firing  ·  1 more
Looking: 0 of 4 reported
  (pending) kubernetes: waiting
  (pending) cicd: waiting
  (pending) observability: waiting
  (pending) cost: waiting
[Take over] [Open in console]\
"""),
    "looking, some reported": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *looking*  ·  since 02:47 UTC
2 of 6 pods of checkout restart, 9 times since 02:35  [pods]
since 02:35, 12 min · 2 of 2 alerts firing
Looking: 3 of 4 reported
  (complete) kubernetes: 2 of 6 containers of checkout OOMKilled at 256Mi, 9 times since 02:35
  (complete) cicd: Memory limit of checkout lowered 512Mi -> 256Mi by deploy 8f2c1d7 at 02:33
  (in progress) observability: looking at checkout, web, mobile-api, payments and 4 more
  (complete) cost: checkout costs 0.31 $/h
[Take over] [Open in console]\
"""),
    "waiting for a decision": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *waiting for a decision, 0/1*  ·  proposed 14 s after the alert
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 12 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
Proposed:  *Roll checkout back to revision 41*
`resources.limits.memory`  `256Mi` → `512Mi`
  *Blast radius*  checkout, 6 pods, 1 service; callers: web, mobile-api
*Policy*  workload changes: 1 of on-call or owner. *0/1*
*Expires*  03:02 UTC, about 15 min left
[Approve] [Reject…] [Change…] [More evidence] [Take over] [Rehearse again | Snooze for 15 min] [Open in console]
| *Target*
deployment checkout in shop, prod-eu
| *Undo*
put revision 42 back, about 40 s
| *Rehearsed*
server-side dry-run: accepted
| *Counts as fixed*
5xx < 0.5 % for 5 min; 6/6 pods ready; alerts resolved
| *Must not worsen*
p99 of checkout <= 450 ms
| *Cost*
+0.04 $/h
| *Risk*
low; sure of the cause: 94 %\
"""),
    "waiting, one of two approved": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *waiting for a decision, 1/2*  ·  proposed 14 s after the alert
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 12 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
Proposed:  *Roll checkout back to revision 41*
`resources.limits.memory`  `256Mi` → `512Mi`
  *Blast radius*  checkout, 6 pods, 1 service; callers: web, mobile-api
*Policy*  workload changes: 2 of on-call or owner. *1/2*
*Approved by*  Dana
*Expires*  03:02 UTC, about 15 min left
[Approve] [Reject…] [Change…] [More evidence] [Take over] [Rehearse again | Snooze for 15 min] [Open in console]
| *Target*
deployment checkout in shop, prod-eu
| *Undo*
put revision 42 back, about 40 s
| *Rehearsed*
server-side dry-run: accepted
| *Counts as fixed*
5xx < 0.5 % for 5 min; 6/6 pods ready; alerts resolved
| *Must not worsen*
p99 of checkout <= 450 ms
| *Cost*
+0.04 $/h
| *Risk*
low; sure of the cause: 94 %\
"""),
    "waiting, of high risk": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *waiting for a decision, 0/1*  ·  proposed 14 s after the alert
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 12 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
Proposed:  *Roll checkout back to revision 41*
`resources.limits.memory`  `256Mi` → `512Mi`
  *Blast radius*  checkout, 6 pods, 1 service; callers: web, mobile-api
*Policy*  workload changes: 1 of on-call or owner. *0/1*
*Expires*  03:02 UTC, about 15 min left
[Approve…] [Reject…] [Change…] [More evidence] [Take over] [Rehearse again | Snooze for 15 min] [Open in console]
| *Target*
deployment checkout in shop, prod-eu
| *Undo*
put revision 42 back, about 40 s
| *Rehearsed*
server-side dry-run: accepted
| *Counts as fixed*
5xx < 0.5 % for 5 min; 6/6 pods ready; alerts resolved
| *Must not worsen*
p99 of checkout <= 450 ms
| *Cost*
+0.04 $/h
| *Risk*
high; sure of the cause: 94 %\
"""),
    "approved": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *executing 1/1*  ·  alerted 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 14 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
*Action*  Roll checkout back to revision 41
*Approved* by Dana at 02:47 UTC (1/1)
[Open in console]\
"""),
    "executing": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *executing 1/1*  ·  alerted 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 14 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
*Approved* by On-call primary at 02:48 UTC (1/1)
*Doing*  Roll checkout back to revision 41: 4/6 ready
[Open in console]\
"""),
    "verifying": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *verifying*  ·  alerted 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 16 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
*Approved* by On-call primary at 02:48 UTC (1/1)
*Done*  Roll checkout back to revision 41: 6/6 ready on revision 41
*Watching* whether it helps
5xx < 0.5 % for 5 min: now 0.2 % · 6/6 pods ready: now 6 pods · alerts resolved: now 0 alerts · p99 of checkout <= 450 ms: now 240 ms
[Open in console]\
"""),
    "verified": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *verified*  ·  10 min after the alert
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
lasted 22 min · 0 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
*Approved* by On-call primary at 02:48 UTC (1/1)
*Done*  Roll checkout back to revision 41: 6/6 ready on revision 41
*Verified* at 02:56 UTC: every success check held and nothing worsened
error rate of checkout 7.1 % → 0.2 % · available pods of checkout 4 → 6 · firing alerts of checkout 2 → 0 · p99 latency of checkout 410 ms → 240 ms
[Open in console]\
"""),
    "undone": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *undone*  ·  alerted 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 15 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
*Approved* by On-call primary at 02:48 UTC (1/1)
*Done*  Roll checkout back to revision 41: 6/6 ready on revision 41
*Taking it back*  Roll checkout back to revision 41: back on revision 42
*Undone* at 02:50 UTC: worsened: p99 of checkout <= 450 ms
error rate of checkout 7.1 % → 6.4 % · available pods of checkout 4 → 6 · p99 latency of checkout 410 ms → 700 ms
*Why*  p99 rose 410 → 700 ms. Back on revision 42.
*What can I do next*  The change is taken back. People own it now. Start at checkout.
[Look again] [Open in console]\
"""),
    "escalated": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *taken over by Dana*  ·  alerted 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 14 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
*Was proposed, withdrawn*  Roll checkout back to revision 41
*Handed to people*  stopped by Dana: the vendor works on it
*What can I do next*  People own it now. Start at checkout.
[Look again] [Open in console]\
"""),
    "rejected": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *rejected*  ·  alerted 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 13 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
*Was proposed*  Roll checkout back to revision 41
*Rejected* by On-call primary at 02:48 UTC: Payments are reconciled until 03:00, no rollback before that.
*What can I do next*  Nothing was changed. People own it now; Look again makes a new proposal. Start at checkout.
[Look again] [Open in console]\
"""),
    "expired": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *expired*  ·  alerted 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 14 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
*Was proposed, nobody decided in time*  Roll checkout back to revision 41
*What can I do next*  Nothing was changed. People own it now; Look again makes a new proposal. Start at checkout.
[Look again] [Open in console]\
"""),
    "denied by policy": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *escalated*  ·  alerted 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 14 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
Would be, but policy does not allow it:  *Roll checkout back to revision 41*
`resources.limits.memory`  `256Mi` → `512Mi`
  *Policy*  denied (freeze): No changes to shop while the sale runs.
*Handed to people*  policy does not allow it: the sale runs
*What can I do next*  People own it now. Start at checkout.
[Look again] [Open in console]
| *Target*
deployment checkout in shop, prod-eu
| *Undo*
put revision 42 back, about 40 s
| *Rehearsed*
server-side dry-run: accepted
| *Counts as fixed*
5xx < 0.5 % for 5 min; 6/6 pods ready; alerts resolved
| *Must not worsen*
p99 of checkout <= 450 ms
| *Cost*
+0.04 $/h
| *Risk*
low; sure of the cause: 94 %\
"""),
    "inconclusive": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *inconclusive*  ·  alerted 02:47 UTC
checkout returns 5xx
since 02:46, 38 s · 2 of 2 alerts firing  ·  1 more
*No cause found*
Errors, latency and availability of checkout are at their baseline: nothing is wrong that could be seen.
*What can I do next*  Nothing was changed. People own it now; Look again when there is more to see. Start at checkout.
[Look again] [Open in console]\
"""),
    "resolved by itself": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *resolved by itself*  ·  94 s after the alert
checkout returns 5xx
lasted 2 min · 2 of 2 alerts firing  ·  1 more
*No cause found*
Errors, latency and availability of checkout are at their baseline: nothing is wrong that could be seen.
Nothing: all alerts resolved without a change by Midwatch.
[Open in console]\
"""),
}


STATES |= {
    "looking again, the proposal withdrawn": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *looking*  ·  since 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 14 min · 2 of 2 alerts firing  ·  3 more
Looking: 4 of 4 reported
  (complete) kubernetes: 2 of 6 containers of checkout OOMKilled at 256Mi, 9 times since 02:35
  (complete) cicd: Memory limit of checkout lowered 512Mi -> 256Mi by deploy 8f2c1d7 at 02:33
  (complete) observability: checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %
  (complete) cost: checkout costs 0.31 $/h
  *Withdrawn*  Dana asked for more evidence
[Take over] [Open in console]\
"""),
    "looking, still checking a first guess": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *looking*  ·  since 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 12 min · 2 of 2 alerts firing  ·  3 more
Looking: 4 of 4 reported
  (complete) kubernetes: 2 of 6 containers of checkout OOMKilled at 256Mi, 9 times since 02:35
  (complete) cicd: Memory limit of checkout lowered 512Mi -> 256Mi by deploy 8f2c1d7 at 02:33
  (complete) observability: checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %
  (complete) cost: checkout costs 0.31 $/h
*Still checking*  so far Memory limit below what the process needs at checkout, 94 %
[Take over] [Open in console]\
"""),
    "waiting, snoozed, with something left alone": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *waiting for a decision, 0/1*  ·  proposed 14 s after the alert
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 12 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
*Left alone*  payments (Dana)
Proposed:  *Roll checkout back to revision 41*
`resources.limits.memory`  `256Mi` → `512Mi`
  *Blast radius*  checkout, 6 pods, 1 service; callers: web, mobile-api
*Policy*  workload changes: 1 of on-call or owner. *0/1*
*Expires*  03:02 UTC, about 15 min left
*Snoozed*  by Dana: no reminders until 03:02 UTC
[Approve] [Reject…] [Change…] [More evidence] [Take over] [Rehearse again | Snooze for 15 min] [Open in console]
| *Target*
deployment checkout in shop, prod-eu
| *Undo*
put revision 42 back, about 40 s
| *Rehearsed*
server-side dry-run: accepted
| *Counts as fixed*
5xx < 0.5 % for 5 min; 6/6 pods ready; alerts resolved
| *Must not worsen*
p99 of checkout <= 450 ms
| *Cost*
+0.04 $/h
| *Risk*
low; sure of the cause: 94 %\
"""),
    "executing step 2 of 3": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *executing 2/3*  ·  alerted 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 14 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
*Approved* by On-call primary at 02:48 UTC (1/1)
*Done*  1/3 Roll checkout back to revision 41
*Doing*  2/3 Restart cart: 4/6 ready
*Next*  3/3 Scale web to 8 replicas
[Open in console]\
"""),
    "taken over": snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *taken over by Dana*  ·  alerted 02:47 UTC
checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %  [requests, errors, latency]
since 02:35, 14 min · 2 of 2 alerts firing  ·  3 more
*What caused it*  ·  94 % sure
Memory limit of checkout lowered 512Mi → 256Mi by deploy 8f2c1d7 at 02:33. Containers are OOMKilled at 256Mi; they used 340Mi before.  [pods] [rollout history] +1
  *Ruled out*  deploy of cart at 02:44: after the first OOM kill, and no request path of checkout leads through it
*Not seen*  traces of payments (no access)
*Was proposed, withdrawn*  Roll checkout back to revision 41
*Handed to people*  stopped by Dana: taken over in Slack
*What can I do next*  People own it now. Start at checkout.
[Look again] [Open in console]\
"""),
}


def test_every_state_has_its_snapshot(records: dict[str, IncidentRecord]) -> None:
    assert set(STATES) == set(records)


@pytest.mark.parametrize("state", list(STATES))
def test_a_state_of_the_card(records: dict[str, IncidentRecord], state: str) -> None:
    assert text_of(records[state]) == STATES[state]


def test_without_task_cards_it_says_who_looks_in_words(records: dict[str, IncidentRecord]) -> None:
    card = card_of(records["looking, some reported"], console=CONSOLE)
    assert blocks_text([dict(block) for block in card.without_tasks]) == snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *looking*  ·  since 02:47 UTC
2 of 6 pods of checkout restart, 9 times since 02:35  [pods]
since 02:35, 12 min · 2 of 2 alerts firing
*Looking:* observability
Reported: kubernetes, cicd, cost
[Take over] [Open in console]\
""")
    assert "plan" not in {block["type"] for block in card.without_tasks}
    asking = card_of(records["waiting for a decision"], console=CONSOLE)
    assert asking.without_tasks == (), "only a card that looks has tasks"


def test_a_storm_in_one_message(records: dict[str, IncidentRecord]) -> None:
    names = ("looking, just opened", "waiting for a decision", "verified")
    _, blocks = storm_of([records[name].incident for name in names])
    assert blocks_text([dict(block) for block in blocks]) == snapshot("""\
# Storm: 3 more incidents at once
  worst SEV1  ·  since 02:47 UTC  ·  their cards are in the thread
*SEV1*  02:47  checkout returns 5xx  opened
*SEV1*  02:47  checkout returns 5xx  waiting for a decision
*SEV1*  02:47  checkout returns 5xx  verified\
""")
    assert problems_of_message(blocks, "") == []


def test_mild_incidents_in_one_message(records: dict[str, IncidentRecord]) -> None:
    names = ("inconclusive", "inconclusive", "resolved by itself")
    heads = [records[name].incident for name in names]
    text, blocks = digest_of(heads, begun=NOW - timedelta(days=1), due=NOW, console=CONSOLE)
    assert blocks_text([dict(block) for block in blocks]) == snapshot("""\
# 3 mild incidents, nothing to decide
  16 Nov 2026 02:47 to 17 Nov 2026 02:47 UTC  ·  2 inconclusive, 1 resolved
*SEV1*  checkout returns 5xx  3 times, last  02:47  inconclusive  open\
""")
    assert problems_of_message(blocks, text) == []


def test_every_state_is_taken_by_slack(records: dict[str, IncidentRecord]) -> None:
    for state, record in records.items():
        card = card_of(record, console=CONSOLE)
        assert problems_of_message(card.blocks, card.text) == [], state
        assert problems_of_message(card.without_tasks, card.text) == [], state


def test_only_a_card_that_asks_has_buttons_that_decide(records: dict[str, IncidentRecord]) -> None:
    for state, record in records.items():
        assert ("[Approve" in text_of(record)) == (state in ASKING), state


# ---- What a person needs to decide ----------------------------------------------------------------------------------


def needed(body: ProposalBody, statement: str) -> Iterator[tuple[str, str]]:
    """(what, words) that a card has to hold before anybody may be asked to decide."""
    yield "cause", statement.split(". ", maxsplit=1)[0].replace("->", "\u2192")
    yield "confidence", f"{round(body.confidence * 100)} %"
    for action in body.actions:
        yield "action", action.summary
        yield "target", action.request.target.rsplit("/", 1)[1]
        yield "blast radius", action.blast_radius.summary
        yield "undo", action.undo
        yield "rehearsal", action.preview.by
    if body.rehearsal is not None:
        yield "twin", body.rehearsal.summary
        for change in action.preview.diff:
            yield "diff, before", str(change.before)
            yield "diff, after", str(change.after)
    for check in body.checks:
        yield "check", check.text
    yield "rule of the policy", body.policy.rule
    yield "who may approve", body.policy.approvers[0].replace("oncall", "on-call")
    yield "how many approvals", f"/{body.policy.approvals}*"
    yield "expiry", f"*Expires*  {body.expires_at:%H:%M} UTC"
    yield "risk", body.risk.value


def missing(text: str, record: IncidentRecord) -> list[str]:
    """What a card lacks."""
    assert record.diagnosis is not None
    body, statement = record.proposals[-1].body, record.diagnosis.leading[0].statement
    return [what for what, words in needed(body, statement) if words not in text]


@pytest.mark.parametrize("state", ASKING)
def test_a_card_that_asks_holds_all_that_a_decision_takes(records: dict[str, IncidentRecord], state: str) -> None:
    assert missing(text_of(records[state]), records[state]) == []


def test_a_rehearsal_in_a_twin_is_told(records: dict[str, IncidentRecord]) -> None:
    twin = Prediction(outlook=Outlook.RECOVERS, seconds=50)
    record = with_body(records["waiting for a decision"], rehearsal=twin)
    assert "the twin recovers in 50 s" in text_of(record)
    assert missing(text_of(record), record) == []
    assert "twin" in missing(text_of(records["waiting for a decision"]), record)


def test_the_lint_bites(records: dict[str, IncidentRecord]) -> None:
    record = records["waiting for a decision"]
    assert record.diagnosis is not None
    text, statement = text_of(record), record.diagnosis.leading[0].statement
    for what, words in needed(record.proposals[-1].body, statement):
        assert what in missing(text.replace(words, ""), record), what


# ---- Sizes, bells and secrets ---------------------------------------------------------------------------------------


def test_an_incident_of_any_size_fits(records: dict[str, IncidentRecord]) -> None:
    record = records["waiting for a decision"]
    [action] = record.proposals[0].body.actions
    changes = tuple(FieldChange(path=f"spec.{'deep.' * 60}{n}", before="x" * 900, after="y" * 900) for n in range(300))
    action = action.model_copy(
        update={"summary": "do it " * 900, "preview": action.preview.model_copy(update={"diff": changes})}
    )
    big = with_body(record, actions=(action,) * 12)
    big = big.model_copy(update={"incident": big.incident.model_copy(update={"title": "title " * 900})})
    card = card_of(big, console=CONSOLE)
    assert problems_of_message(card.blocks, card.text) == []


HOSTILE = "<!channel> <@U123> @here @channel <https://evil.example|click> password=hunter2-and-more &amp; `code`"


def rings(card: Card) -> list[tuple[str, str]]:
    workspace = Workspace()
    blocks = [dict(block) for block in card.blocks]
    workspace.ring(Message(channel="C", ts="1", user="U", text=card.text, blocks=blocks))
    workspace.ring(Message(channel="C", ts="1", user="U", text=card.text, blocks=[]))
    return workspace.notified


CHANGED: dict[str, Callable[[IncidentRecord], IncidentRecord]] = {
    "title": lambda r: r.model_copy(update={"incident": r.incident.model_copy(update={"title": HOSTILE})}),
    "every text": lambda r: IncidentRecord.model_validate_json(
        re.sub(
            r'"(text|statement|summary|undo|reason|suspicion|because|why)":"[^"]* [^"]*"',
            rf'"\1":"{HOSTILE}"',
            r.model_dump_json(),
        )
    ),
}


@pytest.mark.parametrize("where", list(CHANGED))
def test_text_from_outside_rings_no_bell_and_shows_no_secret(records: dict[str, IncidentRecord], where: str) -> None:
    for state, record in records.items():
        card = card_of(CHANGED[where](record), console=CONSOLE)
        assert rings(card) == [], state
        assert "hunter2" not in str(card.blocks) + card.text, state
        formatted = "".join(mrkdwn_texts([dict(block) for block in card.blocks]))
        assert "<https://evil.example" not in formatted, state


@given(st.text(alphabet=st.sampled_from("<>!@&|channelhere#CU^`*_~ \n"), max_size=80))
def test_no_text_becomes_a_mention_or_a_link(text: str) -> None:
    said = safe(text)
    assert "<" not in said
    assert ">" not in said
    assert not re.search(r"@(channel|here|everyone)", said)
