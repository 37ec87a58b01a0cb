"""From a difference and a failure to whether the one can have produced the other. Pure, reads text, runs nothing."""
