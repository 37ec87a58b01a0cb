"""A place in a query's tokens, with the questions that both halves of the parser ask."""

import re
from collections.abc import Callable

from worlds.loki.errors import LogQLError
from worlds.loki.tokens import Kind, Token, tokens_of, unexpected
from worlds.promql.storage import Matcher, MatchOp


class Cursor:
    """Reads tokens one by one. Raises LogQLError for what does not fit."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = tokens_of(query)
        self._at = 0

    @property
    def token(self) -> Token:
        """Return the next token without taking it."""
        return self._tokens[self._at]

    def after(self) -> Token:
        """Return the token behind the next one."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Take the next token."""
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def at_symbol(self, *symbols: str) -> bool:
        """Say whether the next token is one of these symbols."""
        return self.token.kind is Kind.SYMBOL and self.token.text in symbols

    def at_word(self, *words: str) -> bool:
        """Say whether the next token is one of these words."""
        return self.token.kind is Kind.IDENTIFIER and self.token.text in words

    def skip(self, text: str) -> bool:
        """Take the next token if it is this symbol or word; say whether it was."""
        if self.at_symbol(text) or self.at_word(text):
            self.take()
            return True
        return False

    def expect(self, text: str) -> None:
        """Take this symbol or word."""
        if not self.skip(text):
            raise self.unexpected(f", expecting {text!r}")

    def expect_kind(self, kind: Kind) -> str:
        """Take a token of this kind and return its text."""
        if self.token.kind is not kind:
            raise self.unexpected(f", expecting {kind.value}")
        return self.take().text

    def unexpected(self, hint: str = "") -> LogQLError:
        """Return the error for the next token."""
        shown = self.token.text if self.token.kind is Kind.SYMBOL else self.token.kind.value
        return unexpected(self._query, self.token.at, f"unexpected {shown}{hint}")

    def error(self, message: str) -> LogQLError:
        """Return an error about the meaning of what was read last."""
        return LogQLError(f"parse error : {message}")

    def names(self) -> tuple[str, ...]:
        """Take `(a, b)`; the parentheses may be empty."""
        self.expect("(")
        names: list[str] = []
        while not self.skip(")"):
            names.append(self.expect_kind(Kind.IDENTIFIER))
            if not self.at_symbol(")"):
                self.expect(",")
        return tuple(names)

    def number(self) -> float:
        """Take a number, with an optional sign."""
        sign = -1.0 if self.skip("-") else 1.0
        return sign * float(self.expect_kind(Kind.NUMBER))

    def matcher(self, name: str) -> Matcher:
        """Take an operator and a string, and make a matcher of them."""
        if not self.at_symbol(*MatchOp):
            raise self.unexpected(", expecting one of =, !=, =~, !~")
        operator = MatchOp(self.take().text)
        return self.built(lambda value: Matcher(name=name, op=operator, value=value))

    def built(self, build: Callable[[str], Matcher]) -> Matcher:
        """Take a string and build something from it that may be a bad regular expression."""
        value = self.expect_kind(Kind.STRING)
        try:
            return build(value)
        except re.error as error:
            raise self.error(f"error parsing regexp: {error}: `{value}`") from error
