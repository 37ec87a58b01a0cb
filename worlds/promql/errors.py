"""What can be wrong with a query, in the two kinds that Prometheus' HTTP API tells apart."""


class QueryError(Exception):
    """The query has no answer; correct it as the message says."""


class ParseError(QueryError):
    """The query is not valid PromQL; correct the expression (HTTP 400, `bad_data`)."""


class ExecutionError(QueryError):
    """The query is valid but cannot be evaluated over this data; change it (HTTP 422, `execution`)."""
