"""The fact kinds of the Kubernetes specialist: those that runbooks count on are there, and each says what it means."""

from __future__ import annotations

import re

import pytest

from agents.detector import Detector, detectors

_NAMES = """
container.oom_killed container.crash_loop container.exited_error container.exited_ok_restarting container.image_pull_failed
container.create_config_error container.create_failed container.command_not_found probe.liveness_failing
probe.readiness_failing probe.startup_failing probe.port_not_exposed probe.too_impatient init.container_failing
pod.unschedulable pod.evicted pod.stuck_terminating pod.pending pod.preempted workload.unavailable workload.rollout_stuck
workload.scaled_to_zero workload.generation_lag workload.single_replica workload.config_ref_missing
workload.serviceaccount_missing workload.no_resources admission.denied quota.exceeded quota.nearly_full webhook.unavailable
service.no_endpoints service.selector_mismatch service.port_mismatch service.endpoints_not_ready networkpolicy.blocks
ingress.backend_missing node.not_ready node.memory_pressure node.disk_pressure node.pid_pressure node.network_unavailable
node.cordoned node.taint_added node.kubelet_stopped node.runtime_down node.clock_skew node.conntrack_full pvc.pending pvc.lost
volume.mount_failed volume.attach_failed hpa.at_max hpa.cannot_read_metrics hpa.scaled pdb.blocks job.failed
cronjob.suspended cronjob.missed daemonset.missing_nodes statefulset.ordinal_stuck certificate.expired certificate.expiring
dns.failing controlplane.unhealthy
"""
PROMISED = _NAMES.split()

OURS = detectors("kubernetes")


def test_every_promised_kind_is_declared() -> None:
    declared = {spec.kind for detector in OURS for spec in detector.emits}
    assert set(PROMISED) <= declared


@pytest.mark.parametrize("detector", OURS, ids=lambda detector: detector.name)
def test_a_detector_says_what_it_needs_and_what_its_facts_mean(detector: Detector) -> None:
    assert detector.name.startswith("kubernetes.")
    assert detector.needs, "without needs nothing it does not see could ever count"
    for spec in detector.emits:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", spec.kind)
        assert spec.meaning.endswith(".")
        assert all(spec.attributes.values())


def test_the_same_kind_means_the_same_wherever_it_is_read() -> None:
    specs = [spec for detector in OURS for spec in detector.emits]
    for spec in specs:
        assert all(other == spec for other in specs if other.kind == spec.kind)
