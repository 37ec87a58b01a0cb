"""Alertmanager: what else fires, what is silenced, and silences made for a while."""
