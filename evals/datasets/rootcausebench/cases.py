"""The cases of a folder of this format: what was recorded becomes an estate that is served like any other."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evals.datasets.dataset import Ask, DatasetError, Judgement
from evals.datasets.rootcausebench.commits import commits, deployments
from evals.datasets.rootcausebench.estate import Estate, namespace_of
from evals.datasets.rootcausebench.files import Files, seconds
from evals.datasets.rootcausebench.judging import judge
from evals.datasets.rootcausebench.spans import spans
from evals.datasets.rootcausebench.telemetry import Telemetry, span_of_time
from incidents.alert import Alert, AlertStatus
from incidents.canonical import digest_of, short
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from incidents.ids import Fingerprint
from worlds.recorded.recording import Recording

CLUSTER = "recorded"
LOOKED = timedelta(minutes=10)
"""How long after the alert somebody looks: what was recorded later is not used."""


class RootCauseCase:
    """One folder."""

    family = "incidents"

    def __init__(self, folder: Path, name: str) -> None:
        """Nothing is read yet."""
        self.folder, self.id = folder, name

    def load(self) -> tuple[Recording, Ask]:
        """Read everything but the truth."""
        files = Files(self.folder)
        now = self._now(files)
        estate = Estate(files, now=now)
        telemetry = Telemetry(files, estate)
        recording = Recording(
            cluster=CLUSTER,
            now=now,
            objects=tuple(estate.objects()),
            series=tuple(telemetry.series()),
            logs=tuple(telemetry.logs()),
            container_logs=tuple(telemetry.container_logs()),
            commits=tuple(commits(files)),
            deployments=tuple(deployments(files)),
            spans=tuple(spans(files)),
            absent=frozenset({"alertmanager", "argocd", "opencost"}),
        )
        return recording, Ask(alerts=(self._alert(files),), symptom=files.alert.summary)

    def judge(self, diagnosis: Diagnosis, case: CaseFile) -> Judgement:
        """Hold our answer against the truth."""
        return judge(self.folder, diagnosis, case)

    @staticmethod
    def _now(files: Files) -> datetime:
        last = min(span_of_time(files)[1], seconds(files.alert.fired_at + LOOKED))
        return datetime.fromtimestamp(max(last, seconds(files.alert.fired_at)), tz=UTC)

    @staticmethod
    def _alert(files: Files) -> Alert:
        alert = files.alert
        labels = {
            "alertname": alert.monitor or alert.metric or "alert",
            "namespace": namespace_of(alert.service),
            "deployment": alert.service,
            "service": alert.service,
            "severity": alert.severity,
        }
        said = {"summary": alert.summary, "description": alert.detail}
        return Alert(
            fingerprint=Fingerprint(short(digest_of({**labels}))),
            status=AlertStatus.FIRING,
            labels=labels,
            annotations={name: text for name, text in said.items() if text},
            starts_at=datetime.fromtimestamp(seconds(alert.fired_at), tz=UTC),
        )


class RootCauseBench:
    """The format."""

    name = "rootcausebench"
    title = "RootCauseBench: which commit did it, or none"

    def cases(self, path: Path) -> Sequence[RootCauseCase]:
        """Every folder below that has an alert."""
        found = sorted(one.parents[2] for one in path.rglob("environment/data/alert.json"))
        if not found:
            raise DatasetError(f"{path}: holds no case; each is a folder with environment/data/alert.json")
        return [RootCauseCase(folder, str(folder.relative_to(path)) or folder.name) for folder in found]
