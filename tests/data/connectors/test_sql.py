"""Rows of SQLite and of a real PostgreSQL: read once, read again only where they changed, and never written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import event

from ingot.core.errors import InputError, MissingExtraError, UsageError
from ingot.core.secrets import offer_environment
from ingot.data.connectors.sql import Config, Connector
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot
from tests.data.connectors import postgres
from tests.data.connectors.reading import texts

ARTICLES = [
    (1, "Leave", "Thirty days.", 1, "hr", "all,hr"),
    (2, "Travel: by train", "100% by train; {no} planes.", 1, "hr", "all"),
    (3, "Größe", "Schuhgröße 42.", 1, None, None),
]
TABLE = "CREATE TABLE articles (id INTEGER PRIMARY KEY, title TEXT, body TEXT, revision INTEGER, owner TEXT, seen TEXT)"


class Database:
    """A table of articles, at an address, which tests change."""

    def __init__(self, url: str, password: str = "") -> None:
        self.url = url
        self.engine = sqlalchemy.create_engine(sqlalchemy.make_url(url).set(password=password or None))
        self.run(TABLE)
        for row in ARTICLES:
            self.add(*row)

    def run(self, statement: str, *values: Any) -> None:
        named = {f"v{number}": value for number, value in enumerate(values)}
        with self.engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement), named)

    def add(self, *values: Any) -> None:
        self.run("INSERT INTO articles VALUES (:v0, :v1, :v2, :v3, :v4, :v5)", *values)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    why = postgres.missing_programs()
    if why:
        # Without the server there is no database to read; `.ci/run` installs it and forbids the skip.
        pytest.skip(why)
    with postgres.cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path}/shop.db")
    else:
        made = Database(request.getfixturevalue("cluster"), postgres.PASSWORD)
    offer_environment({"DATABASE_PASSWORD": postgres.PASSWORD})
    yield made
    offer_environment({})
    made.run("DROP TABLE IF EXISTS articles")
    made.engine.dispose()


def config(database: Database, **options: Any) -> Config:
    usual: dict[str, Any] = {"key": "id", "template": "# {title}\n\n{body}", "name": "articles"}
    if database.url.startswith("postgresql"):
        usual["credential"] = "env:DATABASE_PASSWORD"
    return Config(database.url, **{"query": "SELECT * FROM articles", **usual, **options})


def snapshot(chosen: Config, cache: Path) -> Snapshot:
    return Connector(chosen, cache).snapshot()


def test_rows_become_texts_by_the_template(database: Database, tmp_path: Path) -> None:
    found = snapshot(config(database), tmp_path / "cache")
    assert texts(found) == {
        "articles/1": "# Leave\n\nThirty days.",
        "articles/2": "# Travel: by train\n\n100% by train; {no} planes.",
        "articles/3": "# Größe\n\nSchuhgröße 42.",
    }
    assert {item.media_type for item in found.items} == {"text/plain"}


def test_without_a_template_a_row_shows_its_columns(database: Database, tmp_path: Path) -> None:
    query = "SELECT id, title FROM articles WHERE title LIKE '%:%' ORDER BY id;"
    found = snapshot(config(database, query=query, template=""), tmp_path / "cache")
    assert texts(found) == {"articles/2": "id: 2\ntitle: Travel: by train"}


def test_columns_say_who_owns_a_row_and_who_may_see_it(database: Database, tmp_path: Path) -> None:
    chosen = config(
        database, version="revision", columns={"owner": "owner", "access": "seen"}, rights=Rights("it", region="eu")
    )
    first, _, last = snapshot(chosen, tmp_path / "cache").items
    assert (first.owner, first.access, first.version, first.region) == ("hr", ("all", "hr"), "1", "eu")
    assert (last.owner, last.access) == ("it", ())


def statements(connector: Connector) -> list[tuple[str, int]]:
    """Record every SELECT of a connector with the number of parameters it was given."""
    heard: list[tuple[str, int]] = []

    def hear(_1: object, _2: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            heard.append((statement, len(parameters)))

    event.listen(connector._engine, "before_cursor_execute", hear)
    return heard


def test_a_second_snapshot_reads_only_the_rows_that_changed(database: Database, tmp_path: Path) -> None:
    chosen = config(database, version="revision")
    before = snapshot(chosen, tmp_path / "cache")
    again = Connector(chosen, tmp_path / "cache")
    heard = statements(again)
    assert again.snapshot() == before
    assert [statement.partition(" \n")[0] for statement, _ in heard] == ["SELECT id, revision"]

    database.run("UPDATE articles SET body = 'Forty days.', revision = 2 WHERE id = 1")
    database.run("DELETE FROM articles WHERE id = 2")
    database.add(4, "New", "Text.", 1, None, None)
    changed = Connector(chosen, tmp_path / "cache")
    heard = statements(changed)
    found = changed.snapshot()
    assert [(statement.partition(" \n")[0], count) for statement, count in heard] == [
        ("SELECT id, revision", 0),
        ("SELECT *", 2),
    ]
    assert texts(found)["articles/1"] == "# Leave\n\nForty days."
    assert [item.uri for item in found.items] == ["articles/1", "articles/3", "articles/4"]
    assert found.vanished == (("articles/2", "1"),)
    assert b"by train" not in b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_without_a_version_a_changed_text_is_noticed(database: Database, tmp_path: Path) -> None:
    before = snapshot(config(database), tmp_path / "cache")
    assert snapshot(config(database), tmp_path / "cache") == before
    database.run("UPDATE articles SET body = 'Forty days.' WHERE id = 1")
    found = snapshot(config(database), tmp_path / "cache")
    assert texts(found)["articles/1"] == "# Leave\n\nForty days."
    assert found.digest != before.digest


def test_another_template_is_another_reading_of_the_same_rows(database: Database, tmp_path: Path) -> None:
    chosen = config(database, version="revision")
    snapshot(chosen, tmp_path / "cache")
    found = snapshot(replace(chosen, template="{title}"), tmp_path / "cache")
    assert texts(found)["articles/1"] == "Leave"


@pytest.mark.parametrize("query", ["DELETE FROM articles", "SELECT 1; DELETE FROM articles", "DROP TABLE articles"])
def test_a_query_that_writes_does_not(database: Database, tmp_path: Path, query: str) -> None:
    with pytest.raises(InputError, match="does not answer"):
        snapshot(config(database, query=query), tmp_path / "cache")
    assert len(snapshot(config(database), tmp_path / "cache").items) == len(ARTICLES)


def test_a_transaction_of_postgresql_is_read_only(cluster: str, tmp_path: Path) -> None:
    database = Database(cluster, postgres.PASSWORD)
    offer_environment({"DATABASE_PASSWORD": postgres.PASSWORD})
    database.run("CREATE FUNCTION sly() RETURNS integer LANGUAGE sql AS 'DELETE FROM articles RETURNING 1'")
    try:
        with pytest.raises(InputError) as caught:
            snapshot(config(database, query="SELECT sly() AS id, 'x' AS title, 'y' AS body"), tmp_path / "cache")
        assert "read-only" in caught.value.why
    finally:
        database.run("DROP FUNCTION sly")
        database.run("DROP TABLE articles")
        database.engine.dispose()
        offer_environment({})


@pytest.mark.parametrize(
    ("row", "said"), [((5, "x", " ", 1, None, None), "empty"), ((None, "x", "y", 1, None, None), "")]
)
def test_a_row_that_cannot_be_taken_is_listed(tmp_path: Path, row: tuple[Any, ...], said: str) -> None:
    connection = sqlite3.connect(tmp_path / "odd.db")
    with connection:
        connection.execute(TABLE.replace("INTEGER PRIMARY KEY", "INTEGER"))
        connection.executemany("INSERT INTO articles VALUES (?,?,?,?,?,?)", [ARTICLES[0], ARTICLES[0], row])
    connection.close()
    chosen = Config(f"sqlite:///{tmp_path}/odd.db", "SELECT * FROM articles", "id", "{body}", name="articles")
    found = snapshot(chosen, tmp_path / "cache")
    assert [item.uri for item in found.items] == ["articles/1"]
    reasons = dict(found.skipped)
    assert reasons["articles/1 (again)"] == "another row has the same key"
    assert len(reasons) == 2


def test_a_wrong_password_is_not_shown(cluster: str, tmp_path: Path) -> None:
    offer_environment({"DATABASE_PASSWORD": "hunter2"})
    with pytest.raises(InputError) as caught:
        snapshot(Config(cluster, "SELECT 1 AS id", "id", credential="env:DATABASE_PASSWORD"), tmp_path / "cache")
    assert "password authentication failed" in caught.value.why
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    offer_environment({})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://reader:hunter2@localhost/x",
        "postgresql+psycopg://reader@localhost/x?password=hunter2",
        "postgresql+psycopg://reader@localhost/x?sslmode=require&SSLPassword=hunter2",
        "postgresql+psycopg://?odbc_connect=DRIVER%3Dx%3BUID%3Dreader%3BPWD%3Dhunter2",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Connector(Config(url, "SELECT 1", "id"), Path())
    assert "hunter2" not in str(caught.value)
    assert "credential" in caught.value.fix


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"url": "nonsense"}, UsageError, "not one"),
        ({"url": "postgresql+nodriver://x@y/z"}, UsageError, "not one"),
        ({"key": "nmae"}, UsageError, "no column"),
        ({"columns": {"ower": "owner"}}, UsageError, "not a term"),
        ({"query": "SELECT * FROM nothing"}, InputError, "does not answer"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, options: dict[str, Any], kind: type[Exception], said: str) -> None:
    database = Database(f"sqlite:///{tmp_path}/shop.db")
    chosen = replace(config(database), **options)
    with pytest.raises(kind, match=said):
        snapshot(chosen, tmp_path / "cache")
    database.engine.dispose()


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not answer"):
        snapshot(Config(f"sqlite:///{tmp_path}/none.db", "SELECT 1 AS id", "id"), tmp_path / "cache")
    assert not (tmp_path / "none.db").exists()


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sqlalchemy", None)
    with pytest.raises(MissingExtraError) as caught:
        Connector(Config("sqlite:///x.db", "SELECT 1", "id"), Path())
    assert "ingot[sql]" in caught.value.fix


def test_an_interrupted_snapshot_goes_on_where_it_stopped(database: Database, tmp_path: Path) -> None:
    chosen = config(database, version="revision")
    cut = Connector(chosen, tmp_path / "cache")
    whole = cut._taken

    def break_off(state: Any, row: Any) -> Any:
        if row["id"] == 3:
            raise KeyboardInterrupt
        return whole(state, row)

    # The connection breaks at a place that no server could choose.
    cut._taken = break_off  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        cut.snapshot()
    again = Connector(chosen, tmp_path / "cache")
    heard = statements(again)
    assert len(again.snapshot().items) == len(ARTICLES)
    assert [count for statement, count in heard if statement.startswith("SELECT *")] == [1]
