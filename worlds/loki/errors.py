"""What can be wrong with a LogQL query. Loki answers all of it with status 400 and plain text."""


class LogQLError(Exception):
    """The query has no answer; correct it as the message says."""
