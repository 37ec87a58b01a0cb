"""A name that settings have held for long and that is no longer found was lost by its owner; a new one never was there."""

from datetime import timedelta

import pytest

from incidents.casefile import CaseFile
from incidents.entity import EntityKind
from incidents.topology import Edge, Relation, Topology
from tests.agents.cases import ONSET, case, entity, fact
from tests.agents.cicd.estate import Json, container, detect, rollout, rollouts, scene, seen, template
from tools.kubernetes.config_ref import ConfigObject, ConfigRefs
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import read_meta

LOST = fact("log.error_class", 0, peer="api.bank", **{"class": "dns"})
DAYS, MINUTES = -3 * 24 * 60.0, -10.0


def asking(host: str, *, image: str = "shop/checkout:1.42.0") -> Json:
    return template(container(image=image, env=[{"name": "BANK_URL", "value": f"https://{host}/v1"}]))


@pytest.mark.parametrize(
    ("steps", "since"),
    [
        pytest.param([(DAYS, asking("api.bank"))], DAYS, id="set days ago and never touched"),
        pytest.param([(DAYS, asking("api.bank")), (MINUTES, asking("api.bank", image="shop/checkout:2"))], DAYS, id="a release in between left it alone"),
        pytest.param([(DAYS, asking("old.bank")), (MINUTES, asking("api.bank"))], None, id="the last release brought it"),
        pytest.param([(DAYS, asking("old.bank"))], None, id="settings name another host"),
    ],
)  # fmt: skip
def test_since_when_a_lost_name_was_set(steps: list[tuple[float, Json]], since: float | None) -> None:
    facts = detect("address_used", rollouts(rollout("checkout", *steps)), of=scene(of=case(LOST)))
    assert [(f.at, f.attributes["host"]) for f in facts] == (
        [] if since is None else [(ONSET + timedelta(minutes=since), "api.bank")]
    )


def test_other_complaints_say_nothing_about_names() -> None:
    refused = fact("log.error_class", 0, peer="api.bank", **{"class": "connection_refused"})
    assert (
        detect("address_used", rollouts(rollout("checkout", (DAYS, asking("api.bank")))), of=scene(of=case(refused)))
        == []
    )


def config(at: float) -> ConfigRefs:
    document = Document({"metadata": {"name": "checkout-config", "namespace": "shop"}})
    meta = read_meta(document, cluster="prod-eu", kind=EntityKind.CONFIGMAP)
    written = ConfigObject(
        meta=meta, kind=EntityKind.CONFIGMAP, changed=ONSET + timedelta(minutes=at), used_by=(entity("payments"),)
    )
    return ConfigRefs(refs=(), objects=(written,))


@pytest.mark.parametrize(
    ("written", "found"),
    [
        pytest.param(DAYS, True, id="the ConfigMap was written days ago"),
        pytest.param(MINUTES, False, id="the ConfigMap was edited just before"),
    ],
)
def test_a_name_in_a_config_map_is_as_old_as_its_last_edit(written: float, found: bool) -> None:
    complaint = fact("log.error_class", 0, of="payments", peer="api.bank", **{"class": "dns"})
    given = calling(case(complaint), "payments", "external/api.bank")
    facts = detect("address_used", seen(config(written), "payments"), of=scene("payments", of=given))
    assert bool(facts) is found


def calling(given: CaseFile, caller: str, callee: str) -> CaseFile:
    edge = Edge(source=entity(caller), relation=Relation.CALLS, target=entity(callee))
    return given.model_copy(update={"topology": given.topology + Topology.of([edge])})
