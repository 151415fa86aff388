"""Rows of a database, through SQLAlchemy: a query, the column that names a row, and a template for its text.

The query only reads: it runs inside another SELECT, in a read-only transaction where the database has one. With a
`version` column (a revision, a time of change) a second snapshot asks for keys and versions and then for the rows that
are new or changed; without one it reads all rows and keeps the copies of those whose text is the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import urllib.parse
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ingot.core.errors import InputError, MissingExtraError, UsageError
from ingot.core.secrets import Secret, read_secret
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.rights import Rights
from ingot.data.row_text import check_columns, modified_seconds, row_terms, row_text, row_uri
from ingot.flow.source import Snapshot, SourceItem

if TYPE_CHECKING:
    import sqlalchemy

_KEYS_AT_ONCE = 500
_ROWS_AT_ONCE = 1000
# What drivers call a secret among the options of an address: password, passwd, PWD, sslpassword, access_token, ...
_SECRETS = ("passw", "pwd", "secret", "token")


@dataclass(frozen=True)
class Config:
    """Which rows to read: `url` as SQLAlchemy writes it, without the password, which `credential` names.

    `key` is the column that names a row. `template` makes the text ("# {title}\\n\\n{body}"); without one a row becomes
    its text column or `name: value` lines. `columns` maps owner, licence, access, retention and region to columns.
    """

    url: str
    query: str
    key: str
    template: str = ""
    version: str = ""
    modified: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    name: str = "rows"
    credential: str = ""
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the rows of `config.query`. `cache` holds their texts and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        self._password = read_secret(config.credential, "credential") if config.credential else None
        self._engine = _engine(config, self._password)
        self._state = SourceState(cache, "sql", [config.url, config.query, config.key, config.name])
        reading = [config.template, config.version, config.modified, dict(config.columns)]
        self._reading = hashlib.sha256(json.dumps(reading, sort_keys=True).encode()).hexdigest()[:16]

    def snapshot(self) -> Snapshot:
        """List every row; with a version column only those that changed are read."""
        import sqlalchemy

        items: dict[str, SourceItem] = {}
        skipped: dict[str, str] = {}
        try:
            with self._state as state, self._engine.connect() as connection, contextlib.ExitStack() as stack:
                _only_reading(connection)
                found = stack.enter_context(contextlib.closing(self._found(state, connection)))
                for uri, item, reason in found:
                    if item is not None and uri not in items:
                        items[uri] = item
                    else:
                        skipped[uri if item is None else f"{uri} (again)"] = reason or "another row has the same key"
                return state.finish(items.values(), skipped.items(), self._config.rights)
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise self._failed(error) from None  # the chain would show the statement's parameters
        finally:
            self._engine.dispose()

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the text of a row."""
        return open_copy(item)

    def _found(
        self, state: SourceState, connection: sqlalchemy.Connection
    ) -> Generator[tuple[str, SourceItem | None, str], None, None]:
        if not self._config.version:
            for row in self._rows(connection, None):
                yield self._taken(state, row)
            return
        changed: list[Any] = []
        for key, version in self._versions(connection):
            try:
                uri = row_uri(self._config.name, key)
            except InputError as error:
                yield f"{self._config.name}/", None, error.what
                continue
            known = state.known(uri)
            if known and known.item.version == str(version) and known.notes.get("reading") == self._reading:
                yield uri, known.item, ""
            else:
                changed.append(key)
        for start in range(0, len(changed), _KEYS_AT_ONCE):
            for row in self._rows(connection, changed[start : start + _KEYS_AT_ONCE]):
                yield self._taken(state, row)

    def _versions(self, connection: sqlalchemy.Connection) -> Iterator[tuple[Any, Any]]:
        import sqlalchemy

        names = (self._config.key, self._config.version)
        columns: list[sqlalchemy.ColumnClause[Any]] = [sqlalchemy.column(name) for name in names]
        statement = sqlalchemy.select(*columns).select_from(self._source())
        for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement):
            yield row[0], row[1]

    def _rows(self, connection: sqlalchemy.Connection, keys: Sequence[Any] | None) -> Iterator[dict[str, Any]]:
        import sqlalchemy

        statement = sqlalchemy.select(sqlalchemy.text("*")).select_from(self._source())
        if keys is not None:
            statement = statement.where(sqlalchemy.column(self._config.key).in_(keys))
        result = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement)
        named = "".join(
            f"{{{name}}}" for name in (self._config.key, self._config.version, self._config.modified) if name
        )
        with result:
            check_columns(self._config.columns, self._config.template + named, list(result.keys()), "query")
            for row in result.mappings():
                yield dict(row)

    def _source(self) -> sqlalchemy.TextClause:
        import sqlalchemy

        query = self._config.query.strip().rstrip(";").replace(":", "\\:")  # nothing in it is a parameter
        return sqlalchemy.text(f"({query}) AS ingot_rows")

    def _taken(self, state: SourceState, row: Mapping[str, Any]) -> tuple[str, SourceItem | None, str]:
        config = self._config
        try:
            uri = row_uri(config.name, row[config.key])
        except InputError as error:
            return f"{config.name}/", None, error.what
        content = row_text(row, config.template).encode("utf-8", "replace")
        if not content.strip():
            return uri, None, "its text is empty"
        described = {
            "version": str(row[config.version]) if config.version else None,
            "media_type": "text/plain",
            **row_terms(row, config.columns),
        }
        modified = modified_seconds(row[config.modified]) if config.modified else 0.0
        known = state.known(uri)
        if known is not None and known.item.sha256 == hashlib.sha256(content).hexdigest():
            place = (uri, known.item.locator, known.item.bytes, known.item.sha256, modified)
            same = SourceItem(*place, **described)
            if same == known.item and known.notes.get("reading") == self._reading:
                return uri, same, ""
            return uri, state.remember(same, reading=self._reading), ""
        item = state.pack(content).as_item(uri, modified, **described)
        return uri, state.remember(item, reading=self._reading), ""

    def _failed(self, error: Exception) -> InputError:
        why = str(getattr(error, "orig", None) or error).strip().splitlines()
        said = " ".join(line.strip() for line in why[:3])[:500]
        return InputError(
            "the database does not answer as it was asked to",
            where=self._config.url,
            why=self._password.hide(said) if self._password else said,
            fix="check url, credential and query; the query has to work inside SELECT * FROM (...)",
        )


def _engine(config: Config, password: Secret | None) -> sqlalchemy.Engine:
    try:
        import sqlalchemy
        import sqlalchemy.exc
        import sqlalchemy.pool
    except ModuleNotFoundError:
        raise MissingExtraError("the connector for databases", "sql") from None
    try:
        url = sqlalchemy.make_url(config.url)
        if url.password is not None or _holds_secret(url):
            raise UsageError(
                "the address of the database holds a password",
                where="url",
                why="recipes and records are kept and shown",
                fix="take it out and give credential: env:NAME or file:PATH",
            )
        if password is not None:
            url = url.set(password=password.reveal())
        return sqlalchemy.create_engine(_read_only(url), poolclass=sqlalchemy.pool.NullPool, hide_parameters=True)
    except sqlalchemy.exc.ArgumentError:
        fix = "write it like postgresql+psycopg://user@host/database or sqlite:////folder/file.db"
        raise UsageError("the address of the database is not one", where="url", fix=fix) from None
    except ModuleNotFoundError as error:
        raise InputError(
            f"the driver for this database is not installed: {error.name}",
            where=config.url.partition("://")[0],
            fix=f"pip install {error.name}, or name another driver in the url",
        ) from None


def _holds_secret(url: sqlalchemy.URL) -> bool:
    """Say whether an option of the address is a secret, or holds one, as those for ODBC do."""
    named = {name.lower(): str(value).lower() for name, value in url.query.items()}
    return any(word in name or f"{word}=" in value for name, value in named.items() for word in _SECRETS)


def _read_only(url: sqlalchemy.URL) -> sqlalchemy.URL:
    """Open an SQLite file only for reading: a misspelt name must not become an empty database."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return url
    return url.set(database=f"file:{urllib.parse.quote(url.database)}", query={"mode": "ro", "uri": "true"})


def _only_reading(connection: sqlalchemy.Connection) -> None:
    """Begin a transaction that sees one state and changes nothing, where the database knows such a thing."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    elif name in ("mysql", "mariadb"):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    elif name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
