"""Sources: what is taken, what is left behind, and that nothing of a source ever runs. No network."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.loopback import Quiet, serve
from yunque.core.errors import SourceError
from yunque.data.sources import git
from yunque.data.sources.kinds import open_source, open_sources
from yunque.data.sources.snapshots import TreeLimits
from yunque.store.downloads import pip

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def names(folder: Path) -> set[str]:
    tree = folder / "tree"
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_symlink() or path.is_file()}


def skipped(folder: Path) -> dict[str, str]:
    rows = [json.loads(line) for line in (folder / "skipped.jsonl").read_text().splitlines()]
    return {row["path"]: row["reason"] for row in rows}


def fill(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def one_line(error: pytest.ExceptionInfo) -> str:
    line = error.value.line()
    assert "\n" not in line and "Traceback" not in line
    return line


# --------------------------------------------------------------------------------------------------------------- folders
def test_folder_takes_files_and_leaves_caches(tmp_path):
    root = fill(
        tmp_path / "proj",
        {
            "a.py": "x = 1\n",
            "data/table.csv": "1,2\n",
            "node_modules/left.js": "x",
            "pkg/__pycache__/a.pyc": "x",
            "env/pyvenv.cfg": "home = /usr",
            "env/lib.py": "x",
            "build/lib/a.py": "x",
            "src/build/__init__.py": "",
            "target/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55",
        },
    )
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    facts = open_source(str(root)).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"a.py", "data/table.csv", "src/build/__init__.py", "run.sh"}
    assert set(skipped(tmp_path / "out")) == {"node_modules", "pkg/__pycache__", "env", "build", "target"}
    assert os.access(tmp_path / "out/tree/run.sh", os.X_OK)
    assert facts["kind"] == "folder" and facts["source"] == "proj" and facts["num_files"] == 4
    assert facts["skipped"] == {"cache folder": 5}


def test_folder_identity_is_its_content(tmp_path):
    first = fill(tmp_path / "one/p", {"a.py": "x = 1\n", "b.py": "y"})
    same = fill(tmp_path / "two/p", {"b.py": "y", "a.py": "x = 1\n", ".git/config": "[core]"})
    os.utime(same / "a.py", (1, 1))
    identity = open_source(str(first)).identity
    assert open_source(str(same)).identity == identity
    (same / "a.py").write_text("x = 2\n")
    assert open_source(str(same)).identity != identity
    assert str(tmp_path) not in json.dumps(identity)


def test_folder_that_changes_while_read_is_refused(tmp_path):
    root = fill(tmp_path / "p", {"a.py": "x = 1\n"})
    source = open_source(str(root))
    assert source.identity
    (root / "a.py").write_text("x = 2\n")
    with pytest.raises(SourceError, match="changed while it was read"):
        source.fetch(tmp_path / "out")


def test_links_that_leave_are_dropped_and_others_stay(tmp_path):
    secret = fill(tmp_path, {"secret.py": "PASSWORD = 1\n"}) / "secret.py"
    root = fill(tmp_path / "p", {"a.py": "x = 1\n", "pkg/b.py": "y"})
    (root / "out.py").symlink_to(secret)
    (root / "up").symlink_to("..")
    (root / "chain.py").symlink_to("up/secret.py")
    (root / "in.py").symlink_to(root / "a.py")  # absolute, but inside
    facts = open_source(str(root)).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"a.py", "pkg/b.py", "in.py"}
    assert os.readlink(tmp_path / "out/tree/in.py") == "a.py"
    assert skipped(tmp_path / "out") == dict.fromkeys(("out.py", "up", "chain.py"), "symlink")
    assert facts["skipped"] == {"symlink": 3}


def test_pipes_large_and_unreadable_files_are_left_behind(tmp_path):
    root = fill(tmp_path / "p", {"a.py": "x = 1\n", "big.bin": "x" * 101})
    os.mkfifo(root / "pipe.py")  # opening it would wait for ever
    open_source(str(root), TreeLimits(max_file_bytes=100)).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"a.py"}
    assert skipped(tmp_path / "out") == {"pipe.py": "special file", "big.bin": "too large"}


def test_folder_over_the_total_is_refused(tmp_path):
    root = fill(tmp_path / "p", {"a.py": "x" * 60, "b.py": "x" * 60})
    with pytest.raises(SourceError, match="more than 100 bytes"):
        open_source(str(root), TreeLimits(max_total_bytes=100)).fetch(tmp_path / "out")


def test_names_that_are_not_utf8_are_copied(tmp_path):
    root = fill(tmp_path / "p", {"a.py": "x"})
    (root / os.fsdecode(b"caf\xe9.py")).write_text("y")
    open_source(str(root)).fetch(tmp_path / "out")
    assert os.fsdecode(b"caf\xe9.py") in names(tmp_path / "out")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: None, "no such file or folder"),
        (lambda path: path.mkdir(), "the folder is empty"),
        (lambda path: path.write_text("hello"), "is not an archive"),
        (lambda path: path.write_bytes(b""), "is not an archive"),
        (lambda path: path.write_bytes(b"7z\xbc\xaf\x27\x1c" + b"\0" * 600), "is a 7z archive"),
        (lambda path: path.write_bytes(b"PK\x03\x04 cut short"), "damaged"),
        (lambda path: os.mkfifo(path), "neither a file nor a folder"),
    ],
)
def test_bad_input_is_one_line(tmp_path, make, what):
    make(tmp_path / "thing")
    with pytest.raises(SourceError, match=what) as error:
        source = open_source(str(tmp_path / "thing"))
        assert source.identity
        source.fetch(tmp_path / "out")
    assert one_line(error)


def test_missing_path_hints_at_its_neighbour(tmp_path):
    fill(tmp_path, {"boltons/a.py": "x"})
    with pytest.raises(SourceError, match="did you mean 'boltons'"):
        open_source(str(tmp_path / "bolton"))
    for spec in ("", "bad\0name"):
        with pytest.raises(SourceError) as error:
            open_source(spec)
        assert one_line(error)


# ---------------------------------------------------------------------------------------------------------- repositories
@pytest.fixture
def repo(tmp_path, monkeypatch):
    """A repository with one commit."""
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "t")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "t@example.com")
    root = fill(tmp_path / "repo", {"a.py": "x = 1\n", ".gitignore": "*.log\nsecret/\n", "build/kept.py": "k = 1\n"})
    run(root, "init", "-q", "-b", "main")
    run(root, "add", "-A", "-f")
    run(root, "commit", "-q", "-m", "one")
    return root


def run(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@needs_git
def test_repository_takes_what_git_does_not_ignore(repo, tmp_path):
    fill(repo, {"noise.log": "x", "secret/key.py": "x"})
    facts = open_source(str(repo)).fetch(tmp_path / "clean")
    commit = run(repo, "rev-parse", "HEAD")
    assert names(tmp_path / "clean") == {"a.py", ".gitignore", "build/kept.py"}
    assert facts["revision"] == commit and facts["kind"] == "git"

    clean = open_source(str(repo)).identity
    fill(repo, {"new.py": "y = 1\n"})
    (repo / "build/kept.py").unlink()
    facts = open_source(str(repo)).fetch(tmp_path / "dirty")
    assert names(tmp_path / "dirty") == {"a.py", ".gitignore", "new.py"}
    assert facts["revision"] == commit + "+changes"
    assert open_source(str(repo)).identity["commit"] == clean["commit"]
    assert open_source(str(repo)).identity != clean


@needs_git
def test_subfolder_of_a_repository_is_a_plain_folder(repo, tmp_path):
    facts = open_source(str(repo / "build")).fetch(tmp_path / "out")
    assert facts["kind"] == "folder" and names(tmp_path / "out") == {"kept.py"}


@needs_git
def test_nothing_of_a_hostile_repository_runs(repo, tmp_path):
    marker = tmp_path / "executed"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho $0 >> {marker}\ncat\n")
    script.chmod(0o755)
    (repo / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    for hook in ("post-checkout", "post-index-change", "fsmonitor-watchman", "pre-auto-gc", "reference-transaction"):
        shutil.copy(script, repo / ".git/hooks" / hook)
    settings = {
        "core.fsmonitor": script, "core.pager": script, "core.sshCommand": script, "core.askPass": script,
        "core.alternateRefsCommand": script, "filter.evil.clean": script, "filter.evil.smudge": script,
        "filter.evil.process": script, "diff.evil.textconv": script, "diff.external": script, "gpg.program": script,
        "credential.helper": f"!{script}", "uploadpack.packObjectsHook": script, "alias.ls-files": f"!{script}",
        "remote.origin.url": str(repo), "remote.origin.uploadpack": script, "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
    }  # fmt: skip
    for key, value in settings.items():
        with open(repo / ".git/config", "a") as config:
            section, _, name = key.rpartition(".")
            head, _, sub = section.partition(".")
            config.write(f'[{head} "{sub}"]\n' if sub else f"[{head}]\n")
            config.write(f'\t{name} = "{value}"\n')
    os.utime(repo / "a.py", (1, 1))  # so that git would look at it again, through the filter
    facts = open_source(str(repo)).fetch(tmp_path / "out")
    assert "a.py" in names(tmp_path / "out") and facts["kind"] == "git"
    assert not marker.exists(), marker.read_text()
    # the trap works: an ordinary git command would have run it
    subprocess.run(["git", "-C", repo, "status"], capture_output=True, check=False)
    assert marker.exists()


@needs_git
def test_work_tree_that_points_elsewhere_is_not_followed(repo, tmp_path):
    fill(tmp_path / "home", {"private.py": "x"})
    run(repo, "config", "core.worktree", str(tmp_path / "home"))
    facts = open_source(str(repo)).fetch(tmp_path / "out")
    assert facts["kind"] == "folder" and "private.py" not in names(tmp_path / "out")


@needs_git
def test_tracked_folder_swapped_for_a_link_is_not_followed(repo, tmp_path):
    fill(tmp_path / "home", {"kept.py": "PRIVATE = 1\n"})
    shutil.rmtree(repo / "build")
    (repo / "build").symlink_to(tmp_path / "home")
    open_source(str(repo)).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"a.py", ".gitignore"}


@needs_git
def test_without_git_a_repository_is_a_folder(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    facts = open_source(str(repo)).fetch(tmp_path / "out")
    assert facts["kind"] == "folder" and "a.py" in names(tmp_path / "out")
    assert not any(name.startswith(".git/") for name in names(tmp_path / "out"))


@needs_git
def test_bare_repository_and_file_url_are_cloned(repo, tmp_path):
    bare = tmp_path / "team.git"
    run(tmp_path, "clone", "-q", "--bare", str(repo), str(bare))
    for index, spec in enumerate((str(bare), bare.as_uri())):
        source = open_source(spec)
        facts = source.fetch(tmp_path / f"out{index}")
        assert facts["revision"] == run(repo, "rev-parse", "HEAD") == source.identity["commit"]
        assert names(tmp_path / f"out{index}") == {"a.py", ".gitignore", "build/kept.py"}
        assert sorted(path.name for path in (tmp_path / f"out{index}").iterdir()) == ["skipped.jsonl", "tree"]
        assert facts["source"] == "team"


@needs_git
@pytest.mark.parametrize("url", ["https://user:hunter2@127.0.0.1:9/x.git", "file:///does/not/exist.git"])
def test_url_that_fails_is_one_line_without_secret(url, tmp_path):
    with pytest.raises(SourceError, match="cannot be fetched") as error:
        open_source(url).fetch(tmp_path / "out")
    assert "hunter2" not in one_line(error)


def test_urls_are_told_from_paths_and_commands():
    assert git.is_url("git@host.example:team/x.git") and git.is_url("ssh://h/x") and git.is_url("git+https://h/x")
    assert not git.is_url("ext::sh -c evil") and not git.is_url("--upload-pack=evil") and not git.is_url("C:/x")
    assert git.without_secret("https://u:p@h/x") == "https://h/x"


# ------------------------------------------------------------------------------------------------- revisions, many sources
@needs_git
def test_a_revision_is_read_as_git_holds_it(repo, tmp_path):
    first = run(repo, "rev-parse", "HEAD")
    run(repo, "tag", "v@1")
    fill(repo, {"a.py": "x = 2\n", "bin/run": "#!/bin/sh\n", ".gitattributes": "*.py ident eol=crlf\n"})
    (repo / "bin/run").chmod(0o755)
    (repo / "in.py").symlink_to("a.py")
    (repo / "out.py").symlink_to("/etc/passwd")
    run(repo, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    run(repo, "add", "a.py", "bin", "in.py", "out.py", ".gitattributes")
    run(repo, "commit", "-q", "-m", "two")
    fill(repo, {"a.py": "x = 3\n", "loose.py": "y"})
    facts = open_source(f"{repo}@main").fetch(tmp_path / "new")
    assert names(tmp_path / "new") == {"a.py", "bin/run", "in.py", ".gitignore", "build/kept.py", ".gitattributes"}
    assert (tmp_path / "new/tree/a.py").read_bytes() == b"x = 2\n"
    assert os.access(tmp_path / "new/tree/bin/run", os.X_OK) and not os.access(tmp_path / "new/tree/a.py", os.X_OK)
    assert skipped(tmp_path / "new") == {"sub": "nested repository", "out.py": "symlink"}
    assert (facts["kind"], facts["name"], facts["revision"]) == ("git", "repo", run(repo, "rev-parse", "HEAD"))
    for revision in ("v@1", first, first[:9], "HEAD~1", "main^"):
        source = open_source(f"{repo}@{revision}")
        assert source.identity["commit"] == first == source.fetch(tmp_path / revision)["revision"]
        assert (tmp_path / revision / "tree/a.py").read_text() == "x = 1\n"
    assert open_source(f"{repo}/.git@main").fetch(tmp_path / "inner")["name"] == "repo"


@needs_git
def test_a_path_that_contains_an_at_sign_wins(repo, tmp_path):
    fill(tmp_path / "repo@main", {"b.py": "y"})
    open_source(str(tmp_path / "repo@main")).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"b.py"}
    open_source((tmp_path / "repo@main").as_uri())  # a URL of a folder that is there, too
    assert git.split_url((tmp_path / "repo@main").as_uri())[1] == ""


def test_a_url_and_its_revision_are_told_apart():
    split = git.split_url
    assert split("https://h/x.git@v1") == ("https://h/x.git", "v1")
    assert split("https://user:pw@h/x@feature/y") == ("https://user:pw@h/x", "feature/y")
    assert split("git@h:team/x.git@v1.0") == ("git@h:team/x.git", "v1.0")
    assert split("ssh://git@h/x") == ("ssh://git@h/x", "") and split("git@h:x") == ("git@h:x", "")
    assert split("https://h/@team/x") == ("https://h/@team/x", "") and split("https://h/x@") == ("https://h/x@", "")


@needs_git
def test_a_revision_of_a_url_is_fetched_alone(repo, tmp_path):
    first = run(repo, "rev-parse", "HEAD")
    run(repo, "tag", "-a", "-m", "told", "v1")
    run(repo, "branch", "v1")  # a branch of the same name: the tag wins
    fill(repo, {"a.py": "x = 2\n"})
    run(repo, "commit", "-q", "-a", "-m", "two")
    run(repo, "branch", "-f", "v1")
    for index, revision in enumerate(("v1", first, "refs/tags/v1")):
        facts = open_source(f"{repo.as_uri()}@{revision}").fetch(tmp_path / f"out{index}")
        assert (facts["revision"], facts["name"]) == (first, "repo")
        assert (tmp_path / f"out{index}/tree/a.py").read_text() == "x = 1\n"
        assert sorted(path.name for path in (tmp_path / f"out{index}").iterdir()) == ["skipped.jsonl", "tree"]
    assert open_source(f"{repo.as_uri()}@main").identity["commit"] == run(repo, "rev-parse", "HEAD")
    refused = {first[:9]: "by all of its 40 digits", "nope": "has no branch or tag 'nope'", "0" * 40: "cannot be fetched"}
    refused |= dict.fromkeys(("HEAD~1", "--upload-pack=x", "x..y"), "cannot be asked")
    for revision, what in refused.items():
        with pytest.raises(SourceError, match=what) as error:
            open_source(f"{repo.as_uri()}@{revision}").fetch(tmp_path / "out")
        assert one_line(error)


@needs_git
@pytest.mark.parametrize("revision", ["nope", "--all", "-x", "a b", "HEAD:a.py", "@{99}", "\udc80"])
def test_a_revision_that_is_not_there_is_one_line(repo, tmp_path, revision):
    with pytest.raises(SourceError, match=r"no branch, tag or commit|no such file") as error:
        open_source(f"{repo}@{revision}").fetch(tmp_path / "out")
    assert one_line(error)
    with pytest.raises(SourceError, match="is not a git repository that can be read"):
        open_source(f"{repo}/build@main").fetch(tmp_path / "out")  # never the repository around it


@needs_git
def test_a_list_names_many_sources(repo, tmp_path):
    fill(tmp_path, {"lists/plain/b.py": "y", "lists/more.txt": "plain\nlist:all.txt\n../repo # again\n"})
    text = "\ufeff# ours\n\n../repo@main  # the branch\n  plain\t# told\nlist:more.txt\npypi:tiny==1.0\nnpm:@team/x@1\n"
    fill(tmp_path, {"lists/all.txt": text + f"{repo.as_uri()}@main\n"})
    found = open_sources(f"list:{tmp_path}/lists/all.txt")
    assert [type(one).__name__ for one in found] == [
        *("GitRevision", "Folder", "GitFolder", "PackageSource", "NpmPackage", "GitUrl")
    ]
    assert [one.name for one in found] == ["repo", "plain", "repo", "tiny", "@team/x", "repo"]
    assert found[1].identity["name"] == "plain"
    with pytest.raises(SourceError, match="stands for 6 sources"):
        open_source(f"list:{tmp_path}/lists/all.txt")
    (alone,) = open_sources(str(repo))
    assert alone.identity == open_source(str(repo)).identity


@needs_git
def test_a_bad_line_of_a_list_is_told_with_its_number(repo, tmp_path):
    fill(tmp_path, {"all.txt": "repo\n# told\nlist:more.txt\n", "more.txt": "\nrepoo\n"})
    with pytest.raises(SourceError) as error:
        open_sources(f"list:{tmp_path}/all.txt")
    assert f"{tmp_path}/all.txt:3: {tmp_path}/more.txt:2: " in one_line(error) and "did you mean 'repo'" in one_line(error)
    for text, what in (("# nothing\n", "names no source"), ("pypi:a b\n", "all.txt:1: pypi:a b: not a package")):
        fill(tmp_path, {"all.txt": text})
        with pytest.raises(SourceError, match=what):
            open_sources(f"list:{tmp_path}/all.txt")
    (tmp_path / "all.txt").write_bytes(b"\0\1")
    for spec in ("all.txt", "nope.txt", ""):
        with pytest.raises(SourceError, match=r"is not a list|cannot be read") as error:
            open_sources(f"list:{tmp_path}/{spec}")
        assert one_line(error)


@needs_git
def test_a_mirror_is_every_repository_below_a_folder(repo, tmp_path):
    for place in ("org/one/tools.git", "org/two/tools.git"):
        run(tmp_path, "clone", "-q", "--bare", str(repo), str(tmp_path / place))
    run(tmp_path, "clone", "-q", str(repo), str(tmp_path / "org/deep/er/x"))
    run(tmp_path, "clone", "-q", str(repo), str(tmp_path / "org/deep/er/x/inner"))
    run(tmp_path, "init", "-q", str(tmp_path / "org/empty"))
    fill(tmp_path, {"org/plain/a.py": "x"})
    (tmp_path / "org/link").symlink_to(repo)
    found = open_sources(f"mirror:{tmp_path}/org")
    assert [(one.name, type(one).__name__) for one in found] == [
        ("deep/er/x", "GitFolder"), ("one/tools", "GitRevision"), ("two/tools", "GitRevision")
    ]  # fmt: skip
    facts = found[1].fetch(tmp_path / "out")
    assert (facts["source"], facts["revision"]) == ("one/tools", run(repo, "rev-parse", "HEAD"))
    assert found[1].identity != found[2].identity and open_source(f"mirror:{repo}").name == "repo"
    for place, what in (
        ("org/plain", "no git repository in it"),
        ("org/empty", "none of its 1"),
        ("nope", "no such folder"),
    ):
        with pytest.raises(SourceError, match=what) as error:
            open_sources(f"mirror:{tmp_path / place}")
        assert one_line(error)


@needs_git
def test_nothing_of_a_hostile_repository_runs_when_a_revision_is_read(repo, tmp_path):
    marker, script = tmp_path / "executed", tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho $0 >> {marker}\ncat\n")
    script.chmod(0o755)
    fill(repo, {".gitattributes": "* filter=evil diff=evil merge=evil export-subst\n", "b.py": "y = 1\n"})
    run(repo, "add", ".gitattributes", "b.py")
    run(repo, "commit", "-q", "-m", "two")
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "post-rewrite", "pre-auto-gc"):
        shutil.copy(script, repo / ".git/hooks" / hook)
    keys = (
        "core.fsmonitor core.sshCommand core.alternateRefsCommand filter.evil.smudge filter.evil.process filter.evil.clean"
    )
    for key in f"{keys} diff.evil.textconv diff.external uploadpack.packObjectsHook gpg.program".split():
        run(repo, "config", key, str(script))
    run(repo, "config", "filter.evil.required", "true")
    for index, spec in enumerate((f"{repo}@main", f"{repo.as_uri()}@main", repo.as_uri())):
        open_source(spec).fetch(tmp_path / f"out{index}")
        assert "b.py" in names(tmp_path / f"out{index}")
    assert not marker.exists(), marker.read_text()


@needs_git
def test_replaced_objects_and_grafts_tell_no_other_history(repo, tmp_path):
    first = run(repo, "rev-parse", "HEAD")
    fill(repo, {"a.py": "EVIL = 1\n"})
    run(repo, "commit", "-q", "-a", "-m", "two")
    run(repo, "replace", first, "HEAD")
    open_source(f"{repo}@{first}").fetch(tmp_path / "out")
    assert (tmp_path / "out/tree/a.py").read_text() == "x = 1\n"


# -------------------------------------------------------------------------------------------------------------- archives
def make_tar(path: Path, members: list[tuple[str, bytes | dict]], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, dict):
                for key, value in content.items():
                    setattr(info, key, value)
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_of_every_kind_is_unpacked_without_its_top_folder(tmp_path, mode):
    path = make_tar(tmp_path / "p-1.0.tar.gz", [("p-1.0/a.py", b"x = 1\n"), ("p-1.0/t/b.py", b"y")], mode)
    facts = open_source(str(path)).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"a.py", "t/b.py"}
    assert facts["source"] == "p-1.0.tar.gz" and facts["name"] == "p-1.0"
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() == open_source(str(path)).identity["sha256"]


def test_zip_and_wheel_are_unpacked(tmp_path):
    path = make_zip(tmp_path / "p-1-py3-none-any.whl", {"p/a.py": b"x", "p-1.dist-info/METADATA": b"Name: p"})
    open_source(str(path)).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"p/a.py", "p-1.dist-info/METADATA"}


def test_tar_with_a_zip_inside_is_a_tar(tmp_path):
    inner = make_zip(tmp_path / "inner.zip", {"evil.py": b"x"}).read_bytes()
    path = make_tar(tmp_path / "a.tar", [("a.py", b"x"), ("inner.zip", inner)], "w")
    open_source(str(path)).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"a.py", "inner.zip"}


@pytest.mark.parametrize("name", ["../evil.py", "/tmp/evil-yunque.py", "p/../../evil.py"])
def test_names_that_lead_outside_refuse_the_archive(tmp_path, name):
    (tmp_path / "in").mkdir()
    for path in (
        make_tar(tmp_path / "in/a.tar.gz", [("p/a.py", b"x"), (name, b"evil")]),
        make_zip(tmp_path / "in/a.zip", {"p/a.py": b"x", name: b"evil"}),
    ):
        with pytest.raises(SourceError, match="outside") as error:
            open_source(str(path)).fetch(tmp_path / "in/out")
        assert one_line(error)
    assert not (tmp_path / "evil.py").exists() and not (tmp_path / "in/evil.py").exists()
    assert not Path("/tmp/evil-yunque.py").exists()


def test_links_devices_and_hard_links_of_a_tar(tmp_path):
    link, hard, special = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
    path = make_tar(
        tmp_path / "a.tar.gz",
        [
            ("p/a.py", b"x = 1\n"),
            ("p/etc", {"type": link, "linkname": "/etc"}),
            ("p/etc/evil.py", b"evil"),  # written through the link, if the link were there
            ("p/up", {"type": link, "linkname": ".."}),  # inside the archive, but outside once the top folder is gone
            ("p/good.py", {"type": link, "linkname": "a.py"}),
            ("p/first", {"type": link, "linkname": "second"}),
            ("p/second", {"type": link, "linkname": "/etc/passwd"}),
            ("p/hard.py", {"type": hard, "linkname": "p/a.py"}),
            ("p/tty", {"type": special, "devmajor": 5, "devminor": 0}),
            ("p/pipe", {"type": tarfile.FIFOTYPE}),
        ],
    )
    open_source(str(path)).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"a.py", "good.py", "hard.py", "etc/evil.py"}
    assert (tmp_path / "out/tree/hard.py").read_text() == "x = 1\n"
    assert not (tmp_path / "out/tree/etc").is_symlink()
    assert skipped(tmp_path / "out") == {
        "etc": "name", "up": "symlink", "first": "symlink", "second": "symlink", "tty": "special file",
        "pipe": "special file",
    }  # fmt: skip


def test_link_in_a_zip_that_leaves_is_dropped(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.py", "x")
        info = zipfile.ZipInfo("evil.py")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    open_source(str(tmp_path / "a.zip")).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"a.py"} and skipped(tmp_path / "out") == {"evil.py": "symlink"}


def test_bombs_are_capped(tmp_path):
    limits = TreeLimits(max_file_bytes=10_000, max_total_bytes=50_000, max_files=50)
    zeros = b"\0" * 60_000
    for path in (
        make_zip(tmp_path / "big.zip", {"a.py": zeros}),
        make_tar(tmp_path / "big.tar.gz", [("a.py", zeros)]),
        make_zip(tmp_path / "many.zip", {f"{i}.py": b"" for i in range(51)}),
        make_tar(tmp_path / "many.tar.gz", [(f"{i}.py", b"") for i in range(51)]),
    ):
        with pytest.raises(SourceError, match="unpacks to more than"):
            open_source(str(path), limits).fetch(tmp_path / "out")
    hard = {"type": tarfile.LNKTYPE, "linkname": "a.py"}
    path = make_tar(tmp_path / "hard.tar.gz", [("a.py", b"x" * 9_000), *((f"{i}.py", hard) for i in range(40))])
    with pytest.raises(SourceError, match="more than 50000 bytes"):
        open_source(str(path), limits).fetch(tmp_path / "hard")


def test_zip_that_lies_about_its_size_is_capped(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.py": b"x" * 100_000})
    raw = path.read_bytes().replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(raw)
    with pytest.raises(SourceError, match="damaged"):
        open_source(str(path), TreeLimits(max_total_bytes=50_000)).fetch(tmp_path / "out")
    assert (tmp_path / "out/tree/a.py").stat().st_size <= 10


def test_header_bomb_is_refused_before_it_is_read(tmp_path):
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 1 << 30
    blocks = tarfile.TarInfo("a.py").tobuf() + info.tobuf() + b"\0" * 2048
    (tmp_path / "a.tar").write_bytes(blocks)
    with pytest.raises(SourceError, match="header of 1073741824 bytes"):
        open_source(str(tmp_path / "a.tar")).fetch(tmp_path / "out")


def test_file_and_folder_of_one_name_and_endless_names(tmp_path):
    path = make_tar(tmp_path / "a.tar", [("a", b"file"), ("a/b.py", b"x"), ("n" * 300 + ".py", b"x"), ("ok.py", b"x")], "w")
    open_source(str(path)).fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"a", "ok.py"}
    assert set(skipped(tmp_path / "out").values()) == {"name"} and len(skipped(tmp_path / "out")) == 2


def test_damaged_and_encrypted_archives_are_one_line(tmp_path):
    good = make_tar(tmp_path / "cut.tar.gz", [("a.py", os.urandom(50_000))])
    good.write_bytes(good.read_bytes()[:30_000])
    locked = make_zip(tmp_path / "locked.zip", {"a.py": b"x"})
    raw = bytearray(locked.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + offset] |= 1  # the "encrypted" flag
    locked.write_bytes(raw)
    for path in (good, locked):
        with pytest.raises(SourceError, match="damaged or encrypted") as error:
            open_source(str(path)).fetch(tmp_path / path.stem)
        assert one_line(error)


# -------------------------------------------------------------------------------------------------------------- packages
ask_pip = pip.pip_settings


def settings_of_environment():
    """What pip says where it has no configuration file, without the half second that asking it takes."""
    names = {name[4:].lower().replace("_", "-"): value for name, value in os.environ.items() if name.startswith("PIP_")}
    return pip.settings_from("".join(f":env:.{name}={value!r}\n" for name, value in names.items()))


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A ``file://`` index with the sdist ``tiny-1.0``, two more versions, and the wheel-only ``wheely``; no other index."""
    marker = tmp_path / "executed"
    setup = f"open({str(marker)!r}, 'w').write('x')\n".encode()
    files, simple = tmp_path / "files", tmp_path / "simple"
    files.mkdir()
    members = [("tiny-{}/setup.py", setup), ("tiny-{}/tiny.py", b"x = 1\n"), ("tiny-{}/PKG-INFO", b"License: MIT\n")]
    for version in ("1.0", "1.1", "2.0rc1"):
        make_tar(files / f"tiny-{version}.tar.gz", [(name.format(version), data) for name, data in members])
    make_zip(files / "tiny-1.1-py3-none-any.whl", {"tiny.py": b"wheel"})
    make_zip(files / "wheely-3-py3-none-any.whl", {"wheely.py": b"x = 1\n"})
    make_zip(files / "wheely-3-cp311-cp311-linux_x86_64.whl", {"wheely.py": b"x = 1\n"})
    for project in ("tiny", "wheely"):
        rows = [
            f'<a href="{path.as_uri()}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}">{path.name}</a>'
            for path in sorted(files.glob(f"{project}-*"))
        ]
        fill(simple, {f"{project}/index.html": "<!DOCTYPE html><html><body>" + "\n".join(rows) + "</body></html>"})
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", simple.as_uri())
    monkeypatch.setattr(pip, "pip_settings", settings_of_environment)
    yield tmp_path
    assert not marker.exists(), "setup.py was run"


def test_package_is_fetched_as_sdist_and_not_run(index, tmp_path):
    source = open_source("pypi:Tiny")
    facts = source.fetch(tmp_path / "out")
    assert names(tmp_path / "out") == {"setup.py", "tiny.py", "PKG-INFO"}
    assert (facts["revision"], facts["format"], facts["hash_checked"], facts["source"]) == (
        "1.1",
        "sdist",
        True,
        "pypi:tiny",
    )
    assert source.identity["spec"] == "pypi:tiny" == open_source("pypi:tiny ").identity["spec"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["skipped.jsonl", "tree"]


def test_package_version_and_wheel_only(index, tmp_path):
    assert open_source("pypi:tiny==1.0").fetch(tmp_path / "a")["revision"] == "1.0"
    assert open_source("pypi:tiny==2.0rc1").fetch(tmp_path / "b")["revision"] == "2.0rc1"
    facts = open_source("pypi:wheely").fetch(tmp_path / "c")
    assert facts["format"] == "wheel" and facts["file"] == "wheely-3-py3-none-any.whl"


def test_a_wheel_can_be_preferred(index, tmp_path):
    for name, wanted in (("tiny", "tiny-1.1-py3-none-any.whl"), ("wheely", "wheely-3-py3-none-any.whl")):
        path, facts = pip.download(name, "", tmp_path, 1 << 20, wheel=True)
        assert (path.name, facts["format"]) == (wanted, "wheel")


def test_find_links_alone(index, tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "files"))
    facts = open_source("pypi:tiny").fetch(tmp_path / "out")
    assert facts["revision"] == "1.1" and facts["hash_checked"] is False


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("pypi:nobody-has-this", "no package named 'nobody-has-this'"),
        ("pypi:tiny==9.9", "has no version 9.9; newest known: 2.0rc1, 1.1, 1.0"),
        ("pypi:tiny==a b", "not a package"),
        ("pypi:tiny>=1", "not a package"),
        ("pypi:../evil", "not a package"),
        ("pypi:", "not a package"),
    ],
)
def test_package_that_is_not_there_is_one_line(index, tmp_path, spec, what):
    with pytest.raises(SourceError, match=what) as error:
        open_source(spec).fetch(tmp_path / "out")
    assert one_line(error)


def test_no_network_is_told_from_no_package(index, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:hunter2@127.0.0.1:9/simple")
    with pytest.raises(SourceError, match="no package index could be reached") as error:
        open_source("pypi:tiny").fetch(tmp_path / "out")
    assert "hunter2" not in one_line(error)
    # one index that answers is enough
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", (tmp_path / "simple").as_uri())
    facts = open_source("pypi:tiny").fetch(tmp_path / "out")
    assert facts["revision"] == "1.1" and facts["indexes_failed"] == 1


@pytest.mark.parametrize(
    ("status", "what"), [(404, "no package named"), (503, "answered with status 503"), (403, "status 403")]
)
def test_server_that_fails_is_told_from_no_package(index, tmp_path, monkeypatch, status, what):
    class Answer(Quiet):
        def do_GET(self):
            self.send_error(status)

    with serve(Answer) as (_, url):
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with pytest.raises(SourceError, match=what):
            open_source("pypi:tiny").fetch(tmp_path / "out")


def test_file_that_was_tampered_with_is_refused(index, tmp_path):
    path = tmp_path / "files/tiny-1.1.tar.gz"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(SourceError, match="does not have the hash"):
        open_source("pypi:tiny").fetch(tmp_path / "out")


def test_pip_in_the_current_folder_is_not_run(index, tmp_path, monkeypatch):
    fill(tmp_path / "cwd", {"pip.py": f"open({str(tmp_path / 'executed')!r}, 'w')"})
    monkeypatch.chdir(tmp_path / "cwd")
    assert ask_pip().indexes[0].startswith("file://")
    assert ask_pip() == settings_of_environment()


def test_pip_configuration_file_is_read(index, tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_INDEX_URL")
    config = "[global]\nindex-url = https://a.example/s\nextra-index-url =\n  https://b.example/s\n  https://c.example/s\n"
    fill(tmp_path, {"pip.conf": config + "timeout = 3\n[install]\nindex-url = https://never.example\n"})
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    settings = ask_pip()
    assert [url[8] for url in settings.indexes[:3]] == ["a", "b", "c"] and settings.timeout_s == 3
    monkeypatch.setenv("PIP_INDEX_URL", "https://d.example/s")
    assert ask_pip().indexes[0] == "https://d.example/s"
