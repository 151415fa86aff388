"""Files of a Git repository at a commit; what its config would run is never run, and old blobs are not read again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, MissingExtraError
from ingot.data.connectors.git import Config, Connector, files
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot
from tests.data.connectors.reading import texts

CLEAN = {
    **{
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    },
    **{"GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c@example.org"},
}


def git(repository: Path, *words: str, author: str = "Ada", when: int = 1_700_000_000) -> str:
    named = {"GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": "a@example.org"}
    dates = {"GIT_AUTHOR_DATE": f"{when} +0000", "GIT_COMMITTER_DATE": f"{when} +0000"}
    command = ["git", "-C", str(repository), *words]
    result = subprocess.run(command, env={**CLEAN, **named, **dates}, check=True, capture_output=True, text=True)
    return result.stdout.strip()


def commit(repository: Path, changes: dict[str, str | None], **options: Any) -> str:
    for name, text in changes.items():
        path = repository / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "a change", **options)
    return git(repository, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "handbook"
    place.mkdir()
    git(place, "init", "--quiet", "--initial-branch=main")
    commit(place, {"a.md": "one", "deep/b.txt": "two", "node_modules/x.js": "vendored"})
    return place


def snapshot(repository: Path, cache: Path, **options: Any) -> Snapshot:
    return Connector(Config((str(repository),), **options), cache).snapshot()


def test_every_file_has_the_commit_that_last_changed_it(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    second = commit(repository, {"deep/b.txt": "three", "c/ü.md": "vier"}, author="Grace", when=1_700_000_500)
    found = snapshot(repository, tmp_path / "cache", rights=Rights(licence="MIT"))
    assert texts(found) == {"a.md": "one", "c/ü.md": "vier", "deep/b.txt": "three"}
    seen = {item.uri: (item.version, item.meta["author"], item.modified, item.licence) for item in found.items}
    assert seen["a.md"] == (first, "Ada", 1_700_000_000.0, "MIT")
    assert seen["deep/b.txt"] == seen["c/ü.md"] == (second, "Grace", 1_700_000_500.0, "MIT")


def test_what_is_not_committed_is_not_read(repository: Path, tmp_path: Path) -> None:
    (repository / "a.md").write_text("changed", encoding="utf-8")
    (repository / "draft.md").write_text("new", encoding="utf-8")
    assert texts(snapshot(repository, tmp_path / "cache"))["a.md"] == "one"


def test_a_revision_chooses_the_commit(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v1")
    commit(repository, {"a.md": "later"})
    for revision in ("v1", first, first[:10], "refs/tags/v1"):
        assert texts(snapshot(repository, tmp_path / "cache", revision=revision))["a.md"] == "one"
    assert texts(snapshot(repository, tmp_path / "cache", revision="main"))["a.md"] == "later"


def test_a_second_snapshot_reads_only_new_blobs(repository: Path, tmp_path: Path) -> None:
    before = snapshot(repository, tmp_path / "cache")
    assert snapshot(repository, tmp_path / "cache") == before
    # Without the blobs, whatever still needs them would fail.
    for name in ("a.md", "deep/b.txt"):
        blob = git(repository, "rev-parse", f"HEAD:{name}")
        (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    assert snapshot(repository, tmp_path / "cache") == before
    git(repository, "update-index", "--force-remove", "deep/b.txt")
    (repository / "c.md").write_text("new", encoding="utf-8")
    git(repository, "add", "c.md")
    tree = git(repository, "write-tree", "--missing-ok")
    after = git(repository, "commit-tree", tree, "-p", "HEAD", "-m", "a change")
    git(repository, "update-ref", "refs/heads/main", after)
    found = snapshot(repository, tmp_path / "cache")
    assert texts(found) == {"a.md": "one", "c.md": "new"}
    assert [uri for uri, _ in found.vanished] == ["deep/b.txt"]


def test_a_missing_blob_costs_only_its_file(repository: Path, tmp_path: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:a.md")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    found = snapshot(repository, tmp_path / "cache")
    assert texts(found) == {"deep/b.txt": "two"}
    assert "partial clone" in dict(found.skipped)["a.md"]


def test_links_submodules_and_large_files_are_listed(repository: Path, tmp_path: Path) -> None:
    (repository / "link").symlink_to("/etc/passwd")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (repository / "large.bin").write_text(pointer, encoding="utf-8")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},library")
    commit(repository, {"c.md": "new"})
    found = snapshot(repository, tmp_path / "cache")
    reasons = dict(found.skipped)
    assert "link" in reasons["link"]
    assert "Git LFS" in reasons["large.bin"]
    assert set(texts(found)) == {"a.md", "c.md", "deep/b.txt"}


def test_merges_are_walked(repository: Path, tmp_path: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "side")
    side = commit(repository, {"side.md": "side"}, author="Side", when=1_700_000_100)
    git(repository, "checkout", "--quiet", "main")
    main = commit(repository, {"a.md": "main"}, when=1_700_000_200)
    git(repository, "merge", "--quiet", "--no-ff", "--message", "both", "side", when=1_700_000_300)
    versions = {item.uri: item.version for item in snapshot(repository, tmp_path / "cache").items}
    assert versions["side.md"] == side
    assert versions["a.md"] == main


def test_nothing_a_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    sign = tmp_path / "it-ran"
    trap = f"touch {sign}; cat"
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "diff.external", "gpg.program"):
        git(repository, "config", key, trap)
    git(repository, "config", "filter.trap.smudge", trap)
    git(repository, "config", "filter.trap.clean", "cat")
    git(repository, "config", "diff.trap.textconv", trap)
    git(repository, "config", "log.showSignature", "true")
    git(repository, "config", "remote.origin.url", f"ext::sh -c '{trap}'")
    git(repository, "config", "remote.origin.promisor", "true")
    git(repository, "config", "protocol.ext.allow", "always")
    git(repository, "config", "core.hooksPath", str(tmp_path / "hooks"))
    (tmp_path / "hooks").mkdir()
    for name in ("post-checkout", "fsmonitor-watchman", "post-index-change"):
        (tmp_path / "hooks" / name).write_text(f"#!/bin/sh\n{trap}\n", encoding="utf-8")
        (tmp_path / "hooks" / name).chmod(0o755)
    (repository / ".gitattributes").write_text("* filter=trap diff=trap\n", encoding="utf-8")
    git(repository, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "add", ".gitattributes")
    git(repository, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "trap")
    sign.unlink(missing_ok=True)
    blob = git(repository, "-c", "core.fsmonitor=false", "rev-parse", "HEAD:a.md")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()  # Git would fetch it from its promisor
    found = snapshot(repository, tmp_path / "cache")
    assert "deep/b.txt" in texts(found)
    assert not sign.exists()


def test_a_repository_of_somebody_else_is_read_all_the_same(repository: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:  # only root can give a folder away; for others this is their own, which is read anyway
        for folder, _, names in os.walk(repository):
            for name in (folder, *(os.path.join(folder, name) for name in names)):
                os.chown(name, 12345, 12345)
    assert len(snapshot(repository, tmp_path / "cache").items) == 2


def test_several_repositories_stay_apart(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "copy.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(repository), str(other)], env=CLEAN, check=True)
    found = Connector(Config((str(repository), str(other))), tmp_path / "cache").snapshot()
    assert sorted(texts(found)) == ["copy/a.md", "copy/deep/b.txt", "handbook/a.md", "handbook/deep/b.txt"]


def test_packed_repositories_are_read(repository: Path, tmp_path: Path) -> None:
    git(repository, "gc", "--quiet", "--aggressive", "--prune=now")
    assert set(texts(snapshot(repository, tmp_path / "cache"))) == {"a.md", "deep/b.txt"}


def test_patterns_choose(repository: Path, tmp_path: Path) -> None:
    assert list(texts(snapshot(repository, tmp_path / "cache", include=("deep/*",)))) == ["deep/b.txt"]
    found = snapshot(repository, tmp_path / "cache", exclude=("b.*",))
    assert list(texts(found)) == ["a.md", "node_modules/x.js"]


def test_without_history_the_version_is_the_commit_that_was_read(repository: Path, tmp_path: Path) -> None:
    head = commit(repository, {"a.md": "two"})
    found = snapshot(repository, tmp_path / "cache", history=False)
    assert {item.version for item in found.items} == {head}


@pytest.mark.parametrize(("revision", "said"), [("no-such-branch", "no commit"), ("HEAD:a.md", "")])
def test_a_wrong_revision_says_so(repository: Path, tmp_path: Path, revision: str, said: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        snapshot(repository, tmp_path / "cache", revision=revision)
    assert said in caught.value.why


def test_a_folder_without_a_repository_and_a_pointer_say_so(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a Git repository"):
        snapshot(tmp_path, tmp_path / "cache")
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    with pytest.raises(InputError, match="linked working copy"):
        snapshot(tmp_path / "linked", tmp_path / "cache")


def test_rubbish_in_a_repository_is_an_error_in_words(repository: Path, tmp_path: Path) -> None:
    tree = git(repository, "rev-parse", "HEAD^{tree}")
    path = repository / ".git/objects" / tree[:2] / tree[2:]
    path.chmod(0o600)
    path.write_bytes(b"rubbish")
    with pytest.raises(InputError, match="cannot be read"):
        snapshot(repository, tmp_path / "cache")


def test_names_are_names_and_never_paths(repository: Path, tmp_path: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:a.md")
    inner = subprocess.run(
        ["git", "-C", str(repository), "mktree"],
        input=f"100644 blob {blob}\tb.txt\n",
        env=CLEAN,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    raw = b"40000 ..\0" + bytes.fromhex(inner)
    tree = subprocess.run(
        ["git", "-C", str(repository), "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
        input=raw,
        env=CLEAN,
        check=True,
        capture_output=True,
    ).stdout.decode()
    head = git(repository, "commit-tree", tree.strip(), "-m", "out")
    git(repository, "update-ref", "refs/heads/main", head)
    found = snapshot(repository, tmp_path / "cache")
    assert texts(found) == {"../b.txt": "one"}
    assert all(Path(item.locator.rpartition(":")[2]).is_relative_to(tmp_path / "cache") for item in found.items)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dulwich.repo", None)
    with pytest.raises(MissingExtraError) as caught:
        Connector(Config(("x",)), Path())
    assert "ingot[git]" in caught.value.fix


def test_the_sandbox_yields_what_the_connector_reads(repository: Path) -> None:
    task = {"path": str(repository), "prefix": "", "revision": "HEAD", "history": True, "known": {}, "head": ""}
    first, *rest = files({**task, "include": ["*"], "exclude": []})
    assert first["notes"]["head"] == git(repository, "rev-parse", "HEAD")
    assert [entry["uri"] for entry in rest] == ["a.md", "deep/b.txt", "node_modules/x.js"]
