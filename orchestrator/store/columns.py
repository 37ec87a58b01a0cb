"""Column types and short declarations for the tables: instants in UTC, closed sets by value, domain values as JSON."""

import json
import re
from collections import OrderedDict
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from incidents.canonical import utc
from incidents.value import Value

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints, so that migrations can address them."""


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
LONGEST_KEPT = 65_536
"""Characters of a document that is remembered once it was read."""
MOST_KEPT = 8 * 1024 * 1024
"""Characters of all that are remembered, some dozens of cases; as values they take about ten times as many bytes."""


class Row(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """The base of every table of Midwatch. `Row.metadata` holds all tables whose modules were imported."""


class Moment(TypeDecorator[datetime]):
    """An instant. Naive values are refused; what comes back is in UTC whatever the session's time zone is."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        return None if value is None else utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else value.astimezone(UTC)


class Word(TypeDecorator[StrEnum]):
    """A member of a closed set, stored as its value."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        """To the database. Raises ValueError for what is no member."""
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """From the database."""
        return None if value is None else self.members(value)


class Document(TypeDecorator[Any]):
    """A domain value as JSON.

    `sealed` keeps the text byte for byte: JSONB rewrites numbers, which would break digests.
    """

    impl = JSONB
    cache_ok = True

    def __init__(self, shape: Any, *, sealed: bool = False) -> None:
        super().__init__()
        self.shape, self.sealed = shape, sealed
        self._adapter: TypeAdapter[Any] = TypeAdapter(shape)
        self._frozen = isinstance(shape, type) and issubclass(shape, Value)

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """`json` for sealed documents, else `jsonb`."""
        return dialect.type_descriptor(JSON(none_as_null=True) if self.sealed else JSONB(none_as_null=True))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """To the database: plain JSON without NUL characters, which PostgreSQL cannot store."""
        return None if value is None else storable(self._adapter.dump_python(value, mode="json"))

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Selected as text: pydantic reads that twice as fast as it checks what a JSON parser made of it."""
        return func.text(column, type_=self)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """From the database: validated."""
        return None if value is None else self.remembered(value)

    def remembered(self, written: str) -> Any:
        """The value that this JSON stands for. Raises pydantic.ValidationError."""
        return _KEPT.read(self, written) if self._frozen and len(written) <= LONGEST_KEPT else self.read(written)

    def read(self, written: str) -> Any:
        """The same, made anew."""
        return self._adapter.validate_json(written)


class Remembered:
    """Values by the text that they were read from; what was unused longest is forgotten first.

    The same text of the same column is the same frozen value: an investigation reads its case file twenty times.
    Bounded by length, for the documents of one case are a line or a hundred pages.
    """

    def __init__(self, most: int) -> None:
        """`most` characters are remembered."""
        self._most, self.characters = most, 0
        self._values: OrderedDict[tuple[Document, str], Any] = OrderedDict()
        self._lock = Lock()

    def read(self, document: Document, written: str) -> Any:
        """The value of this text, read once while it is remembered."""
        key = document, written
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = document.read(written)
        with self._lock:
            self._keep(key, value)
        return value

    def _keep(self, key: tuple[Document, str], value: Any) -> None:
        if key not in self._values:
            self.characters += len(key[1])
        self._values[key] = value
        while self.characters > self._most:
            (_, oldest), _ = self._values.popitem(last=False)
            self.characters -= len(oldest)


_KEPT = Remembered(MOST_KEPT)


def storable(plain: Any) -> Any:
    """Plain JSON with U+FFFD for what no text of PostgreSQL holds: NUL, and halves of a surrogate pair."""
    match plain:
        case str():
            odd = "\x00" in plain if plain.isascii() else _UNSTORABLE.search(plain)
            return _UNSTORABLE.sub("\ufffd", plain) if odd else plain
        case dict():
            return {storable(key): storable(value) for key, value in plain.items()}
        case list():
            return [storable(item) for item in plain]
        case _:
            return plain


def dumps(plain: Any) -> str:
    """Plain JSON as text for a statement that casts it, without NUL characters."""
    written = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    if "\\u0000" in written:
        written = json.dumps(storable(plain), ensure_ascii=False, separators=(",", ":"))
    return written


def text(
    *, key: bool = False, null: bool = False, index: bool = False, to: str | None = None, unique: bool = False
) -> Any:
    """A text column; `to` makes it a foreign key (`incident.id`)."""
    links = [ForeignKey(to)] if to else []
    column: Column[Any] = Column(
        Text, *links, primary_key=key, nullable=null, index=index or None, unique=unique or None
    )
    return Field(sa_column=column, **_default(null=null))


def packed() -> Any:
    """Bytes."""
    return Field(sa_column=Column(LargeBinary, nullable=False))


def counted() -> Any:
    """A 64-bit key that the database counts up."""
    return Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))


def number(*, key: bool = False, to: str | None = None, default: int | None = None) -> Any:
    """A 64-bit integer column."""
    links = [ForeignKey(to)] if to else []
    server = None if default is None else str(default)
    column: Column[Any] = Column(
        BigInteger, *links, primary_key=key, autoincrement=False, nullable=False, server_default=server
    )
    return Field(sa_column=column, **_default(null=False) if default is None else {"default": default})


def small(*, key: bool = False) -> Any:
    """A 32-bit integer column."""
    return Field(sa_column=Column(Integer, primary_key=key, autoincrement=False, nullable=False))


def real(*, null: bool = False, default: float | None = None) -> Any:
    """A double precision column."""
    server = None if default is None else str(default)
    return Field(sa_column=Column(Double, nullable=null, server_default=server), **_default(null=null))


def flag(*, key: bool = False, default: bool | None = None) -> Any:
    """A boolean column."""
    server = None if default is None else str(default).lower()
    column: Column[Any] = Column(Boolean, primary_key=key, nullable=False, server_default=server)
    return Field(sa_column=column, **_default(null=False) if default is None else {"default": default})


def moment(*, key: bool = False, null: bool = False, index: bool = False) -> Any:
    """An instant."""
    column: Column[Any] = Column(Moment(), primary_key=key, nullable=null, index=index or None)
    return Field(sa_column=column, **_default(null=null))


def word(members: type[StrEnum], *, index: bool = False, null: bool = False) -> Any:
    """A member of a closed set."""
    return Field(sa_column=Column(Word(members), nullable=null, index=index or None), **_default(null=null))


def document(shape: Any, *, sealed: bool = False, null: bool = False) -> Any:
    """A domain value, or a tuple of them, as JSON."""
    return Field(sa_column=Column(Document(shape, sealed=sealed), nullable=null), **_default(null=null))


def _default(*, null: bool) -> dict[str, Any]:
    return {"default": None} if null else {}
