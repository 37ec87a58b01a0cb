"""Understands a question about a service, by a small grammar. Pure.

It knows few forms and is honest about it: what it does not know is None, never a guess.
"""

import re

from incidents.enquiry import Measure, Question, Topic

NAME = r"(?:the\s+)?(?:service\s+|deployment\s+|team\s+of\s+)?(?P<name>[a-z0-9][a-z0-9._/-]*)"
COMMIT = r"(?:commit\s+)?(?P<commit>[0-9a-f]{7,40})"
MEASURE = r"(?:the\s+)?(?P<measure>p50|median|p99|latency|errors?(?:\s+rate)?|failures|traffic|requests|load)"
OF = r"(?:of|for|on|in|at|from|to|with)"

FORMS: tuple[tuple[Topic, re.Pattern[str]], ...] = tuple(
    (topic, re.compile(form, re.IGNORECASE))
    for topic, form in (
        (Topic.OWNER, rf"(?:who|which team|what team)\s+(?:owns|maintains|runs|is responsible for)\s+{NAME}"),
        (Topic.OWNER, rf"who(?:\s+i|')s\s+(?:the\s+)?owners?\s+of\s+{NAME}"),
        (Topic.OWNER, rf"(?:the\s+)?owners?\s+of\s+{NAME}"),
        (Topic.OWNER, rf"whose\s+is\s+{NAME}"),
        (Topic.CHANGES, rf"what(?:\s+has|'s)?\s+changed\s+(?:lately\s+)?{OF}\s+{NAME}"),
        (
            Topic.CHANGES,
            rf"(?:show\s+(?:me\s+)?)?(?:the\s+)?(?:latest\s+|recent\s+)?(?:changes|deploys)\s+{OF}\s+{NAME}",
        ),
        (Topic.DEPLOYED, rf"is\s+{COMMIT}\s+{OF}\s+{NAME}\s+(?:deployed|live|out|running)"),
        (Topic.DEPLOYED, rf"is\s+{NAME}\s+(?:deployed|live|out|running|up)"),
        (Topic.DEPLOYED, rf"(?:what|which)\s+(?:version|image|revision)\s+{OF}\s+{NAME}(?:\s+(?:is\s+)?\w+)?"),
        (Topic.DEPLOYED, rf"what\s+of\s+{NAME}\s+is\s+deployed"),
        (Topic.DEPLOYED, rf"when\s+was\s+{NAME}\s+(?:last\s+)?deployed"),
        (Topic.COST, rf"(?:what|how\s+much)\s+does\s+{NAME}\s+cost"),
        (Topic.COST, rf"(?:what\s+is\s+|what's\s+)?(?:the\s+)?costs?\s+of\s+{NAME}"),
        (Topic.COST, rf"how\s+expensive\s+is\s+{NAME}"),
        (Topic.METRIC, rf"(?:show|draw|plot|give)\s+(?:me\s+|us\s+)?{MEASURE}\s+{OF}\s+{NAME}"),
        (Topic.METRIC, rf"(?:what|how)(?:\s+is|'s)\s+{MEASURE}\s+{OF}\s+{NAME}"),
        (Topic.METRIC, rf"{MEASURE}\s+{OF}\s+{NAME}"),
    )
)
MEASURES = {"median": Measure.P50, "latency": Measure.P99, "requests": Measure.TRAFFIC, "load": Measure.TRAFFIC}
"""What people call them besides their own names."""
IT = frozenset({"it", "this", "that", "this-service"})

KNOWN = (
    "who owns payments?",
    "what changed in payments?",
    "is payments deployed?",
    "what does payments cost?",
    "show me p99 of payments",
)
"""One of each, for who asked something else."""


def question_of(text: str) -> Question | None:
    """The question, when it is one of the forms; `it` is left to the conversation."""
    asked = re.sub(r"^(?:please|hey|hi|ok)[,\s]+", "", " ".join(text.split()).rstrip(" ?!."), flags=re.IGNORECASE)
    for topic, form in FORMS:
        found = form.fullmatch(asked)
        if found is not None:
            name = found["name"].rstrip("./").casefold()
            return Question(topic=topic, name="" if name in IT else name, detail=_detail(topic, found))
    return None


def measure_of(words: str) -> Measure:
    """`error rate` -> errors. Raises ValueError for what is no measure."""
    word = words.casefold().split()[0]
    return MEASURES.get(word) or (Measure.ERRORS if word.startswith(("error", "failure")) else Measure(word))


def _detail(topic: Topic, found: re.Match[str]) -> str:
    if topic is Topic.METRIC:
        return measure_of(found["measure"]).value
    return found["commit"].casefold() if topic is Topic.DEPLOYED and "commit" in found.groupdict() else ""
