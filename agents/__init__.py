"""Thinking: specialists, detectors, the diagnostician, the challenger, the planner and the models they may use."""
