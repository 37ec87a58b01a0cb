"""From a diagnosis to what should be done: ordered actions, the checks that judge them, and what was not chosen."""
