"""Served stand-ins for an estate: the demo, the evals, the tests and rehearsals run against them over HTTP."""
