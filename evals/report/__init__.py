"""How a suite's results are told: on a terminal, as JSON, as a page."""
