"""A served trace store: Tempo's search and trace API over recorded spans."""
