"""A folder's snapshot: stable names, no loops, every entry that was not taken with its reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.data.connectors import folder as folder_module
from ingot.data.connectors.folder import Config, Connector
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}", encoding="utf-8")


def snapshot(*paths: Path | str) -> Snapshot:
    return Connector(Config(tuple(str(path) for path in paths))).snapshot()


def uris(found: Snapshot) -> list[str]:
    return [item.uri for item in found.items]


def test_what_tools_leave_behind_is_left_out(tmp_path: Path) -> None:
    write(
        tmp_path, "a.txt", ".git/config", "x/node_modules/y.js", "x/b.txt", ".venv/lib/c.py", "~$letter.docx", "d.tmp"
    )
    assert uris(snapshot(tmp_path)) == ["a.txt", "x/b.txt"]


def test_the_names_to_leave_out_are_the_users(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "draft.txt", "node_modules/b.txt")
    found = Connector(Config((str(tmp_path),), exclude=("draft*",))).snapshot()
    assert uris(found) == ["a.txt", "node_modules/b.txt"]


def test_a_single_file_is_named_by_itself(tmp_path: Path) -> None:
    write(tmp_path, "deep/a.txt")
    assert uris(snapshot(tmp_path / "deep/a.txt")) == ["a.txt"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", ["a.txt"]),
        ("**/*.txt", ["a.txt", "x/b.txt", "x/y/c.txt"]),
        ("x/**/*.txt", ["b.txt", "y/c.txt"]),
        ("x*", ["x/b.txt", "x/y/c.txt"]),
        ("**", ["a.txt", "n.md", "x/b.txt", "x/y/c.txt"]),
        ("[an].*", ["a.txt", "n.md"]),
    ],
)
def test_globs(tmp_path: Path, pattern: str, found: list[str]) -> None:
    write(tmp_path, "a.txt", "n.md", "x/b.txt", "x/y/c.txt")
    assert uris(snapshot(f"{tmp_path}/{pattern}")) == found


def test_a_file_whose_name_looks_like_a_glob_is_found(tmp_path: Path) -> None:
    write(tmp_path, "minutes [draft].txt")
    assert uris(snapshot(tmp_path / "minutes [draft].txt")) == ["minutes [draft].txt"]


def test_roots_with_the_same_names_stay_apart(tmp_path: Path) -> None:
    write(tmp_path, "one/docs/a.txt", "two/docs/a.txt", "two/docs-2/a.txt")
    found = snapshot(tmp_path / "one/docs", tmp_path / "two/docs", tmp_path / "two/docs-2")
    assert uris(found) == ["docs-2-2/a.txt", "docs-2/a.txt", "docs/a.txt"]
    assert len({item.sha256 for item in found.items}) == 3


def test_links_make_no_loop_and_lead_nowhere_else(tmp_path: Path) -> None:
    write(tmp_path, "root/a.txt", "outside/secret.txt")
    root = tmp_path / "root"
    (root / "loop").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside/secret.txt")
    (root / "gone").symlink_to(tmp_path / "nothing")
    (root / "same.txt").symlink_to(root / "a.txt")
    found = snapshot(root)
    assert uris(found) == ["a.txt", "same.txt"]
    assert [uri for uri, _ in found.skipped] == ["gone", "loop", "out"]
    assert all("link" in reason for _, reason in found.skipped)


def test_a_root_that_is_a_link_is_followed(tmp_path: Path) -> None:
    write(tmp_path, "real/a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert uris(snapshot(tmp_path / "link")) == ["a.txt"]


def test_what_cannot_be_read_is_listed(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    os.mkfifo(tmp_path / "pipe")
    found = snapshot(tmp_path)
    assert uris(found) == ["a.txt"]
    assert found.skipped == (("pipe", "not a regular file"),)


def test_what_may_not_be_read_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Modes would not stop root, as whom tests may run; so the refusals are played.
    write(tmp_path, "a.txt", "locked.txt", "closed/b.txt")
    real_hash, real_scan = folder_module.sha256_file, os.scandir

    def refuse(name: str, path: object) -> None:
        if Path(str(path)).name == name:
            raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(folder_module, "sha256_file", lambda path: refuse("locked.txt", path) or real_hash(path))
    monkeypatch.setattr(os, "scandir", lambda path: refuse("closed", path) or real_scan(path))
    found = snapshot(tmp_path)
    assert uris(found) == ["a.txt"]
    assert found.skipped == (("closed", "Permission denied"), ("locked.txt", "Permission denied"))


def test_a_name_that_is_no_text_is_written_out(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("text", encoding="utf-8")
    (item,) = snapshot(tmp_path).items
    assert item.uri == "caf\\xe9.txt"
    with Connector.open(item) as stream:
        assert stream.read() == b"text"


def test_a_misspelt_folder_is_told_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path, "handbook/a.txt")
    with pytest.raises(InputError, match="no file or folder") as caught:
        snapshot(tmp_path / "handbok")
    assert "'handbook'" in caught.value.fix


def test_a_pattern_without_a_match_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file matches"):
        snapshot(f"{tmp_path}/*.txt")


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no documents"):
        snapshot(tmp_path)


def test_a_file_that_did_not_change_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "docs/a.txt", "docs/b.txt")
    config = Config((str(tmp_path / "docs"),))
    before = Connector(config, cache=tmp_path / "cache").snapshot()
    hashed: list[Path] = []
    real = folder_module.sha256_file
    monkeypatch.setattr(folder_module, "sha256_file", lambda path: hashed.append(path) or real(path))
    assert Connector(config, cache=tmp_path / "cache").snapshot() == before
    assert hashed == []
    write(tmp_path, "docs/b.txt")
    os.utime(tmp_path / "docs/b.txt", ns=(1, 1))
    assert Connector(config, cache=tmp_path / "cache").snapshot().digest == before.digest
    assert hashed == [tmp_path / "docs/b.txt"]


def test_a_torn_cache_only_costs_time(tmp_path: Path) -> None:
    write(tmp_path, "docs/a.txt", f"cache/{'folder-hashes.json'}")
    found = Connector(Config((str(tmp_path / "docs"),)), cache=tmp_path / "cache").snapshot()
    assert uris(found) == ["a.txt"]


def test_what_is_gone_is_named_until_it_is_back(tmp_path: Path) -> None:
    write(tmp_path, "docs/a.txt", "docs/b.txt")
    config = Config((str(tmp_path / "docs"),))

    def gone() -> list[str]:
        return [uri for uri, _ in Connector(config, cache=tmp_path / "cache").snapshot().vanished]

    assert gone() == []
    (tmp_path / "docs/b.txt").unlink()
    assert gone() == gone() == ["b.txt"]  # a dry run before the build does not use it up
    other = Config((str(tmp_path / "docs"),), exclude=("a.txt",))
    write(tmp_path, "docs/b.txt")
    assert gone() == []
    assert Connector(other, cache=tmp_path / "cache").snapshot().vanished == ()


def test_what_holds_for_the_folder_is_said_of_every_file(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    plain = snapshot(tmp_path)
    rights = Rights(owner="legal", access=("board",), retention="2030-01-01")
    (item,) = Connector(Config((str(tmp_path),), rights=rights)).snapshot().items
    assert (item.owner, item.access, item.retention, item.licence) == ("legal", ("board",), "2030-01-01", None)
    assert Snapshot("folder", (item,)).digest != plain.digest


def test_a_pipe_that_took_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "b.txt")
    first, second = snapshot(tmp_path).items
    (tmp_path / "b.txt").unlink()
    os.mkfifo(tmp_path / "b.txt")
    with Connector.open(first) as stream:
        assert stream.read() == b"content of a.txt"
    with pytest.raises(OSError, match="not a regular file"):
        Connector.open(second)


def test_a_path_longer_than_any_name_is_said_in_words() -> None:
    with pytest.raises(InputError, match=r"^'x{80}…' cannot be looked at") as raised:
        snapshot("x" * 5000)
    assert raised.value.why == "File name too long"
