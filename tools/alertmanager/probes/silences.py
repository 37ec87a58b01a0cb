"""What is being kept quiet right now, by whom and until when."""

from incidents.evidence import Source
from incidents.value import Value
from tools.alertmanager.client import SYSTEM, Silence
from tools.estate import Cluster
from tools.observing import configured, observed
from tools.probe import Observation, Probe

MOST_SILENCES = 100


class SilencesArgs(Value):
    """Nothing to say: all that are not expired."""


class SilencesView(Value):
    """The silences, those that end first at the front."""

    silences: tuple[Silence, ...]


async def _run(cluster: Cluster, args: SilencesArgs) -> Observation[SilencesView]:  # noqa: ARG001 - a probe's form
    client = configured(cluster.alertmanager, system=SYSTEM, cluster=cluster.name)
    alive = sorted((s for s in await client.silences() if s.state != "expired"), key=lambda s: (s.ends_at, s.id))
    return observed(
        SilencesView(silences=tuple(alive[:MOST_SILENCES])),
        probe=PROBE.name,
        source=Source.ALERTMANAGER,
        query=client.http.describe("/api/v2/silences"),
        at=cluster.clock.now(),
        title="silences",
        complete=False,
        cut=f"{MOST_SILENCES} of {len(alive)} silences" if len(alive) > MOST_SILENCES else None,
        link=client.http.link("/#/silences"),
    )


PROBE = Probe(
    name="alertmanager.silences",
    source=Source.ALERTMANAGER,
    describe="Silences in force: their matchers, author, comment and end.",
    args=SilencesArgs,
    view=SilencesView,
    run=_run,
)
