"""A history as pairs: what is paired, why every other commit is not, and that nothing of the repository ever runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Pair, PairKind, Record, content_id
from yunque.core.seams import Stream
from yunque.data.sources.git_objects import Repository
from yunque.data.streams.commits import CommitRules, Unfit, clean_message, judge_message, says_fix, says_refactoring
from yunque.data.streams.git_history import History, HistoryRules, fenced
from yunque.data.streams.registry import read_stream

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not available here")

AREA = 'LIMIT = 10\n\n\ndef area(width, height):\n    """Its area."""\n    return width + height\n'
AREA += "\n\ndef other(x):\n    return x * 2\n"
SUM = "function sum(list) {\n  let total = 0\n  for (const one of list) total += one\n  return total\n}\n"


class Made:
    """Commits files one day after another."""

    def __init__(self, root: Path):
        self.root, self.day = root, 0
        root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, **env: str) -> str:
        date = f"2025-01-{1 + self.day % 28:02d}T00:00:00+0000"
        env = {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.invalid", **env}
        env = os.environ | {"GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "ann@example.invalid"} | env
        env |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(["git", "-C", self.root, *arguments], env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message: str, files: dict[str, str | bytes | None], **env: str) -> str:
        self.day += 1
        for path, text in files.items():
            place = self.root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                place.unlink()
            else:
                place.write_bytes(text.encode() if isinstance(text, str) else text)
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", message, **env)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def made(tmp_path):
    made = Made(tmp_path / "repo")
    start = {"shapes.py": AREA, "sum.js": SUM, "LICENSE": "SPDX-License-Identifier: MIT\n", "README.md": "# R\n"}
    made.commit("Start of it all", start | {"pyproject.toml": '[project]\nname = "r"\nlicense = "MIT"\n'})
    return made


def read(root, **rules):
    stream = History(Path(root), HistoryRules(**rules))
    items = list(stream.read())
    return stream, [[one for one in items if isinstance(one, kind)] for kind in (Record, Pair, Dropped)]


def why(dropped, commit):
    return {one.path.partition("/")[2]: one.reason for one in dropped if one.path.startswith(commit[:12])}


# -------------------------------------------------------------------------------------------------------------------- pairs
def test_an_edit_is_message_and_code_before_to_code_after(made, tmp_path):
    after = SUM.replace("let total = 0", "let total = 0n")
    message = (
        "Sum with big integers (#12)\n\nNumbers lose digits. Asked by a.b@example.com\n\nSigned-off-by: Ann <ann@x.org>\n"
    )
    commit = made.commit(message, {"sum.js": after, "README.md": "# More\n"})
    stream, (records, pairs, dropped) = read(made.root)
    (pair,) = pairs
    assert pair.kind is PairKind.EDIT and pair.answer == after and pair.span_bytes is None
    said = "Sum with big integers\n\nNumbers lose digits. Asked by"
    assert pair.prompt == f"{said}\n\n`sum.js`:\n\n```javascript\n{SUM}```\n"
    assert (pair.language, pair.natural_language) == ("javascript", "en")
    assert [one.text for one in records] == [after, SUM]
    assert pair.origin_ids == tuple(one.id for one in records) == (content_id("sum.js", after), content_id("sum.js", SUM))
    origin = records[0].origin
    assert (origin.revision, origin.licence, origin.author, origin.path, origin.source) == (
        commit,
        "MIT",
        "",
        "sum.js",
        "repo",
    )
    assert records[1].origin.revision == made.git("rev-parse", "HEAD~1")
    assert [one.reason for one in dropped] == ["first commit"]
    assert isinstance(stream, Stream)
    (tmp_path / "out").mkdir()
    counts = read_stream(History(made.root), tmp_path / "out")
    assert counts["pairs"] == {"edit": 1} and counts["kept"] == 2 and counts["dropped"] == {"first commit": 1}


def test_a_large_file_is_shown_around_its_change(made):
    lines = [f"x{number} = call({number})\n" for number in range(100)]
    made.commit("Many calls of the same kind", {"many.py": "".join(lines)})
    changed = [*lines[:50], "x50 = call(51)\n", *lines[51:]]
    made.commit("Call the right number here", {"many.py": "".join(changed)})
    _, (_, pairs, _) = read(made.root, context_lines=2)
    (pair,) = pairs
    assert pair.answer == "".join(changed[48:53]) and "From `many.py`:" in pair.prompt
    assert pair.prompt.endswith("```python\n" + "".join(lines[48:53]) + "```\n")


def test_a_fix_shows_the_test_and_the_function_and_a_refactoring_the_function_alone(made):
    fixed = AREA.replace("width + height", "width * height")
    test = "from shapes import area\n\n\ndef test_nothing():\n    assert True\n"
    made.commit("A first test of the shapes", {"tests/test_shapes.py": test})
    more = test + "\n\ndef test_area():\n    assert area(2, 3) == 6\n"
    made.commit("Multiply both of the sides", {"shapes.py": fixed, "tests/test_shapes.py": more})
    simple = fixed.replace("    return x * 2\n", "    return x + x\n")
    made.commit("Simplify the other function", {"shapes.py": simple})
    told = simple.replace("return x + x", "return x + x + 0")
    made.commit("Fix the wrong sum of other", {"shapes.py": told})
    _, (_, pairs, _) = read(made.root)
    by_kind = {kind: [one for one in pairs if one.kind is kind] for kind in PairKind}
    assert Counter(one.kind.value for one in pairs) == {"edit": 4, "fix": 2, "refactor": 1}
    said, tested = by_kind[PairKind.FIX]
    assert tested.answer == 'def area(width, height):\n    """Its area."""\n    return width * height\n'
    assert (
        "This test must pass:\n\n```python\ndef test_area():\n    assert area(2, 3) == 6\n```\n\nFix `area` in `shapes.py`:"
        in tested.prompt
    )
    assert "return width + height" in tested.prompt and "width * height" not in tested.prompt
    assert said.prompt.startswith("Fix the wrong sum of other\n\nFix `other`") and "x + x + 0" not in said.prompt
    (refactored,) = by_kind[PairKind.REFACTOR]
    assert refactored.answer == "def other(x):\n    return x + x\n" and "without changing what it does" in refactored.prompt
    _, (_, pairs, dropped) = read(made.root, kinds=(PairKind.FIX,))
    assert {one.kind for one in pairs} == {PairKind.FIX} and "no such pair" in {one.reason for one in dropped}


def test_a_test_file_that_is_new_is_shown_too(made):
    test = "from shapes import area\n\n\ndef test_area():\n    assert area(2, 3) == 6\n"
    files = {"shapes.py": AREA.replace("width + height", "width * height"), "tests/test_area.py": test}
    commit = made.commit("Multiply both of the sides", files)
    _, (records, pairs, dropped) = read(made.root, kinds=(PairKind.FIX,))
    assert ["assert area(2, 3) == 6" in one.prompt for one in pairs] == [True]
    assert [one.text for one in records] == [files["shapes.py"], AREA, test], "what is shown can be screened"
    assert pairs[0].origin_ids == tuple(one.id for one in records) and records[2].origin.revision == commit
    assert why(dropped, commit) == {"tests/test_area.py": "no file before"}


def test_functions_of_other_languages_are_mended_too(made):
    made.commit("Fix the sum of no numbers", {"sum.js": SUM.replace("let total = 0", "let total = 1")})
    _, (_, pairs, _) = read(made.root, kinds=(PairKind.FIX,))
    assert [one.answer for one in pairs] == [SUM.replace("let total = 0", "let total = 1")]


def test_code_with_fences_stays_in_its_fence():
    assert fenced("a\n```\nb", "python") == "````python\na\n```\nb\n````\n"


# ------------------------------------------------------------------------------------------------------------------ reasons
GOOD = {"sum.js": SUM.replace("total", "all")}
REASONS = {
    "bot": ("Take the newest version of it", GOOD, {"GIT_AUTHOR_NAME": "dependabot[bot]"}),
    "revert": ('Revert "Sum with big integers"', GOOD, {}),
    "unfinished": ("fixup! Sum with big integers", GOOD, {}),
    "short message": ("Do so now", GOOD, {}),
    "long message": ("word " * 250, GOOD, {}),
    "few words": ("Improvements everywhere", GOOD, {}),
    "reference only": ("Fixes #123, see https://example.com/a/b", GOOD, {}),
    "version bump": ("chore: bump version to 1.2.3", GOOD, {}),
    "no files": ("Nothing at all happens here", {}, {}),
    "too many files": ("Touch a great many files", {f"{n}.py": "x = 1\n" for n in range(11)}, {}),
    "generated files": ("Lock all of the packages", {"package-lock.json": "{}", "vendor/a/b.js": "x", "a.min.js": "y"}, {}),
    "no code": ("Write better documentation now", {"README.md": "# Better\n"}, {}),
    "no file before": ("Add one more small module", {"new.py": "def f():\n    return 1\n"}, {}),
    "removed": ("Remove the sum of lists", {"sum.js": None}, {}),
    "white space only": ("Lay out the code better", {"sum.js": SUM.replace("  ", "    ").replace("\n", "\r\n")}, {}),
    "comments only": ("Explain the area of shapes", {"shapes.py": AREA.replace("Its area.", "The area.") + "# end\n"}, {}),
    "too short": ("Write less than there was", {"sum.js": "let a = 1\n"}, {}),
    "too long": ("Write more than there was", {"sum.js": "".join(f"a({n})\n" for n in range(400))}, {}),
    "too large": ("Write far more than was", {"sum.js": "a = 1\n" * 70_000}, {}),
    "encoding": ("Write it in another encoding", {"sum.js": SUM.encode() + b"// \xff\n"}, {}),
    "binary": ("Write something that is none", {"sum.js": SUM.encode() + b"\0"}, {}),
    "generated": ("Generate this file from now on", {"sum.js": "// Code generated" + " by x. DO NOT EDIT.\n" + SUM}, {}),
}  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_every_other_commit_has_its_reason(made, reason):
    message, files, env = REASONS[reason]
    commit = made.commit(message, files, **env)
    stream, (records, pairs, dropped) = read(made.root)
    assert pairs == [] and records == []
    assert why(dropped, commit) == {"": reason}
    assert stream.counts["commits"] == stream.counts["commits dropped"] == 2


def test_merges_links_modes_and_renames_have_their_reason(made):
    (made.root / "sum.js").chmod(0o755)
    mode = made.commit("Make the script executable now", {})
    made.git("mv", "sum.js", "total.js")
    renamed = made.commit("Give the file a new name", {})
    (made.root / "total.js").unlink()
    (made.root / "total.js").symlink_to("shapes.py")
    link = made.commit("Make a link of the file", {})
    made.git("checkout", "-q", "-b", "side", "HEAD~1")
    made.commit("Change the limit of shapes", {"shapes.py": AREA.replace("10", "11")})
    made.git("checkout", "-q", "main")
    made.git("merge", "-q", "--no-ff", "-m", "Merge the side into main", "side")
    merge = made.git("rev-parse", "HEAD")
    stream, (_, pairs, dropped) = read(made.root)
    reasons = {commit: why(dropped, commit)[""] for commit in (mode, renamed, link, merge)}
    assert reasons == {mode: "mode only", renamed: "removed", link: "link", merge: "merge"}
    assert (
        len(pairs) == 1
        and stream.counts["commits"] == 6 == stream.counts["commits paired"] + stream.counts["commits dropped"]
    )


def test_a_commit_with_pairs_tells_which_of_its_files_gave_none(made):
    commit = made.commit("Change two files at once", {"sum.js": GOOD["sum.js"], "shapes.py": AREA + "# told\n"})
    stream, (_, pairs, dropped) = read(made.root)
    assert [one.language for one in pairs] == ["javascript"]
    assert why(dropped, commit) == {"shapes.py": "comments only"} and stream.counts["files dropped"] == 1


def test_thresholds_are_told(made):
    made.commit("Improvements everywhere", GOOD)
    assert len(read(made.root, min_words=2)[1][1]) == 1
    assert read(made.root, min_words=2, max_before_tokens=10)[1][1] == []
    assert read(made.root, min_words=2, max_commits=1)[0].counts["commits"] == 1
    assert read(made.root, languages=("python",))[1][1] == []
    assert History(made.root).identity != History(made.root, HistoryRules(min_words=2)).identity


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("Add it (#1)\n\nCo-authored-by: B <b@c.org>\nChange-Id: I123\nCc: x\n", "Add it"),
        ("Ask ann.b@c.example.org or <d@e.org> first", "Ask  or  first"),
        ("One\r\n\r\n\r\n\r\nTwo  \n(cherry picked from commit 0123456789ab)", "One\n\nTwo"),
        ("Keep: this line\n\nNote: and this", "Keep: this line\n\nNote: and this"),
        ("", ""),
    ],
)
def test_trailers_and_addresses_are_cut_out(message, left):
    assert clean_message(message) == left


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        *((one, "version bump") for one in ("v1.2.3", "Release 2.0.1", "Bump foo from 1.2 to 1.3", "Prepare version 3.0")),
        *((one, "reference only") for one in ("#12", "ABC-123", "https://example.com/x", "Closes #1 and #2", "...")),
        *(
            (one, "")
            for one in ("Fix the crash of 1.2 on start", "Release the lock before waiting", "修复解析器的错误并添加测试用例")
        ),
    ],
)
def test_messages_that_say_nothing_are_known(message, reason):
    try:
        judge_message(message, CommitRules())
        found = ""
    except Unfit as unfit:
        found = unfit.reason
    assert found == reason


def test_what_a_message_says_of_its_change():
    assert says_fix("Fixed a crash") and not says_fix("Fix a typo") and not says_fix("Prefix names")
    assert says_refactoring("Refactor it") and not says_refactoring("Refactor it, fixes a bug")


# ---------------------------------------------------------------------------------------------------------------- bad input
def one_line(caught):
    line = caught.value.line()
    assert "\n" not in line and "Traceback" not in line
    return line


def test_no_repository_no_commits_and_no_git_are_one_line(made, tmp_path, monkeypatch):
    (tmp_path / "plain").mkdir()
    (made.root / "pkg").mkdir()  # never the repository around it
    fresh = Made(tmp_path / "fresh")
    for place, what in (("nope", "no such folder"), ("plain", "no git history"), ("repo/pkg", "no git history")):
        with pytest.raises(SourceError, match=what) as caught:
            History(tmp_path / place)
        assert one_line(caught)
    with pytest.raises(SourceError, match="has no commit 'HEAD'") as caught:
        list(History(fresh.root).read())
    assert one_line(caught)
    with pytest.raises(SourceError, match="has no commit 'nope'"):
        list(History(made.root, HistoryRules(revision="nope")).read())
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match="git is not installed"):
        History(made.root)


def test_a_shallow_and_a_bare_clone_are_read(made, tmp_path):
    made.commit("Rename what is summed up", GOOD)
    made.commit("Change the limit of shapes", {"shapes.py": AREA.replace("10", "11")})
    made.git("clone", "-q", "--depth=2", made.root.as_uri(), str(tmp_path / "shallow"))
    _, (_, pairs, dropped) = read(tmp_path / "shallow")
    assert len(pairs) == 1 and [(one.reason, "--unshallow" in one.detail) for one in dropped] == [("shallow", True)]
    made.git("clone", "-q", "--bare", str(made.root), str(tmp_path / "bare.git"))
    assert [one.id for one in read(tmp_path / "bare.git")[1][1]] == [one.id for one in read(made.root)[1][1]]


def test_damaged_objects_cost_only_what_needs_them(made):
    first = made.git("rev-parse", "HEAD:sum.js")
    blob = made.commit("Rename what is summed up", GOOD)
    made.commit("Change the limit of shapes", {"shapes.py": AREA.replace("10", "11")})
    tree = made.commit("Change the limit back again", {"shapes.py": AREA.replace("10", "12")})
    made.commit("Change the limit once more", {"shapes.py": AREA.replace("10", "13")})

    def place(name):
        return made.root / ".git/objects" / name[:2] / name[2:]

    place(first).chmod(0o644)
    place(first).write_bytes(b"garbage")
    wrong = made.git("rev-parse", f"{tree}^{{tree}}")
    place(wrong).unlink()
    stream, (_, pairs, dropped) = read(made.root)
    assert len(pairs) == 1 and why(dropped, blob) == {"": "damaged"} and why(dropped, tree) == {"": "damaged"}
    assert stream.counts["commits"] == 5
    place(blob).unlink()  # a commit: what came before it cannot be known
    stream, (_, pairs, dropped) = read(made.root)
    assert dropped[-1].path == "history" and dropped[-1].reason == "damaged"


def test_an_object_that_is_not_what_its_name_says_is_damaged(made):
    import zlib

    name = made.git("rev-parse", "HEAD:sum.js")
    place = made.root / ".git/objects" / name[:2] / name[2:]
    place.chmod(0o644)
    place.write_bytes(zlib.compress(b"blob 4\0evil"))
    with Repository(made.root) as repository, pytest.raises(Exception, match="is damaged"):
        repository.read(name)


def test_a_damaged_pack_and_a_damaged_index_are_no_crash(made):
    made.commit("Rename what is summed up", GOOD)
    made.git("gc", "-q")
    (made.root / ".git/index").write_bytes(b"DIRC garbage")
    assert len(read(made.root)[1][1]) == 1
    (pack,) = (made.root / ".git/objects/pack").glob("*.pack")
    data = bytearray(pack.read_bytes())
    data[40:-20] = bytes(len(data) - 60)
    pack.chmod(0o644)
    pack.write_bytes(data)
    try:
        _, (_, pairs, dropped) = read(made.root)
        assert pairs == [] and {one.reason for one in dropped} == {"damaged"}
    except SourceError as error:
        assert "\n" not in error.line()


def test_nothing_that_the_repository_configures_is_run(made, tmp_path):
    ran = tmp_path / "ran"
    made.commit("Use filters for each file", {".gitattributes": "* filter=evil diff=evil merge=evil\n"})
    made.commit("Rename what is summed up", GOOD)
    run = f"touch {ran} #"
    keys = "core.fsmonitor core.pager core.sshCommand core.alternateRefsCommand core.editor diff.external gpg.program"
    for (
        key
    ) in f"{keys} filter.evil.smudge filter.evil.clean filter.evil.process diff.evil.textconv diff.evil.command".split():
        made.git("config", key, run)
    made.git("config", "log.showSignature", "true")
    made.git("config", "diff.orderFile", "/dev/zero")
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "post-rewrite"):
        place = made.root / ".git/hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/sh\n{run}\n")
        place.chmod(0o755)
    assert len(read(made.root)[1][1]) == 1
    assert not ran.exists()


def test_replaced_objects_and_grafts_are_not_believed(made):
    before, after = made.git("rev-parse", "HEAD"), made.commit("Rename what is summed up", GOOD)
    expected = [one.id for one in read(made.root)[1][1]]
    evil = made.git("rev-parse", f"{before}:shapes.py")
    made.git("replace", "-f", made.git("rev-parse", f"{after}:sum.js"), evil)
    (made.root / ".git/info").mkdir(exist_ok=True)
    (made.root / ".git/info/grafts").write_text(f"{after}\n")
    assert [one.id for one in read(made.root)[1][1]] == expected != []


def test_a_path_that_looks_like_the_end_of_an_answer_is_a_path(made):
    name = "end\nend-0\n:100644\tx.py"
    made.commit("A file with an odd name", {name: "x = call(1, 2, 3)\n"})
    made.commit("Change the odd file again", {name: "x = call(1, 2, 4)\n", "sum.js": GOOD["sum.js"]})
    _, (records, pairs, _) = read(made.root)
    assert {one.origin.path for one in records} == {name, "sum.js"} and len(pairs) == 2


def test_its_rules_are_read_from_plain_values():
    from pydantic import TypeAdapter

    rules = TypeAdapter(HistoryRules).validate_python({"kinds": ["fix"], "min_words": 2, "bots": ["robot"]})
    assert rules == HistoryRules(kinds=(PairKind.FIX,), min_words=2, bots=("robot",))


def test_read_twice_it_is_the_same(made):
    made.commit("Rename what is summed up", GOOD)
    one, two = read(made.root)[1], read(made.root)[1]
    assert [pair.id for pair in one[1]] == [pair.id for pair in two[1]] and one[1] == two[1] and one[2] == two[2]


def test_processes_end_with_the_reading(made):
    for number in range(5):
        made.commit(f"Rename what is summed to {'abcde'[number]}", {"sum.js": SUM.replace("total", "abcde"[number])})
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        next(iter(History(made.root).read()))  # and left alone
        list(History(made.root).read())
    assert len(os.listdir("/proc/self/fd")) <= before + 2
