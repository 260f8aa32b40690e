"""What other files say about the place where one types: found, kept up to date, in its budget, never one's own text."""

import os
import subprocess
import textwrap

import pytest

from yunque.core.errors import ServingError
from yunque.serving import repository_chunks as parts
from yunque.serving import repository_context as module
from yunque.serving.repository_context import RepositoryContext

SHAPES = '''
import math

LARGEST_RADIUS = 100


def circle_area(radius: float, *, precise: bool = False) -> float:
    """Area of a circle.

    With more to say.
    """
    secret_of_the_body = math.pi * radius**2
    return secret_of_the_body


class Polygon:
    """A closed line."""

    def __init__(self, corners):
        self.corners = corners

    def perimeter_length(self, closed=True):
        """Sum of its sides."""
        return sum(side.length for side in self.corners)
'''
QUERY = "from shapes import circle_area, Polygon\n\n\ndef report(radius):\n    area = circle_area("


def write(folder, **texts):
    for name, text in texts.items():
        file = folder / (name.replace("__", "/") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), "utf-8")
    return folder


def asked(folder, prefix=QUERY, suffix="\n", path="", budget_tokens=1000, **more):
    return RepositoryContext(folder).pieces(prefix, suffix, path, budget_tokens=budget_tokens, **more)


def shown(pieces):
    return "".join(piece.rendered for piece in pieces)


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


# ------------------------------------------------------------------------------------------------------------ what is found
def test_a_name_in_use_comes_as_its_signature_with_the_first_line_of_its_docstring(tmp_path):
    filler = "\n".join(f"def unrelated_{n}(circle_area, radius):\n    return circle_area\n\n" for n in range(8))
    long = "0 + " * 1500 + "1"  # so that no chunk shows what the signatures say
    shapes = SHAPES.replace("math.pi * radius**2", long).replace("self.corners = corners", f"self.corners = {long}")
    write(tmp_path, shapes=shapes, filler=filler)
    *_, last = asked(tmp_path, budget_tokens=400)
    assert (last.path, last.why) == ("shapes.py", "symbol")
    assert "def circle_area(radius: float, *, precise: bool = False) -> float:\n    # Area of a circle." in last.text
    assert "class Polygon:\n    # A closed line." in last.text
    assert "With more to say" not in last.text and "secret_of_the_body" not in last.text


def test_a_method_comes_under_its_class(tmp_path):
    write(tmp_path, shapes=SHAPES)
    index = RepositoryContext(tmp_path)
    (method,) = index._index.defined["perimeter_length"]
    assert method.text == "# Polygon\ndef perimeter_length(self, closed=True):\n    # Sum of its sides."


def test_a_name_defined_in_the_file_itself_needs_no_signature_of_another(tmp_path):
    write(tmp_path, shapes=SHAPES, mine="def circle_area(radius):\n    return 3\n")
    found = RepositoryContext(tmp_path)._index.symbols(module._Around(QUERY, ""), frozenset(["mine.py"]))
    assert [item.name for _, item in found] == ["Polygon"]


def test_of_many_definitions_the_imported_one_is_meant(tmp_path):
    texts = {f"other{n}": f"def circle_area(x{n}):\n    return {n}\n" for n in range(9)}
    write(tmp_path, shapes=SHAPES, **texts)
    assert (
        module.RepositoryContext(tmp_path)._index.symbols(module._Around(QUERY, ""), frozenset())[0][1].path == "shapes.py"
    )
    without_import = "area = circle_area("
    found = module.RepositoryContext(tmp_path)._index.symbols(module._Around(without_import, ""), frozenset())
    assert not [item for _, item in found if item.name == "circle_area"]  # ten places say nothing


def test_chunks_are_found_by_sub_words_best_last(tmp_path):
    write(
        tmp_path,
        near="def _(a):\n    return parseHttpHeader(a, retry_limit)\n",
        nearer="def _(a):\n    return parse_http_header(a, retry_limit, quota)\n",
        far="def _(a):\n    return paint(a)\n",
    )
    pieces = asked(tmp_path, "def new(x):\n    header = ParseHTTPHeader(x, RetryLimit, quota")
    assert [piece.path for piece in pieces] == ["near.py", "nearer.py"]
    assert {piece.why for piece in pieces} == {"bm25"}
    assert pieces[0].score < pieces[1].score


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("readAll_x", ("read", "all", "x", "readallx")),
        ("HTTPServer2", ("http", "server2", "httpserver2")),
        ("größeÄndern", ("größe", "ändern", "größeändern")),
        ("число_пи", ("число", "пи", "числопи")),
        ("area", ("area",)),
        ("__", ()),
    ],
)
def test_sub_words(identifier, expected):
    assert parts.sub_words(identifier) == expected


def test_chunks_begin_at_functions_and_lose_no_line():
    text = "\n".join(f"@cached\ndef f{n}(x):\n" + "    x += 1\n" * (5 + n) + "    return x\n" for n in range(30))
    pieces = parts.chunks(text, "python")
    assert all(piece.startswith("@cached\ndef f") for piece in pieces)
    assert [line for piece in pieces for line in piece.split("\n") if line] == [line for line in text.split("\n") if line]
    plain = parts.chunks("\n".join(f"key{n}: 1" + "\n" * (n % 17 == 0) for n in range(500)), "yaml")
    assert all(len(piece.split("\n")) <= parts.MOST_LINES for piece in plain)
    assert sum(piece.count("key") for piece in plain) == 500
    assert parts.chunks("\n \n", "python") == [] == parts.chunks("x = 1 " * 2000, "python")


def test_other_languages_have_signatures_too(tmp_path):
    (tmp_path / "a.go").write_text("package a\n\n// Total adds up.\nfunc Total(items []int) int {\n\treturn 0\n}\n")
    (tmp_path / "b.ts").write_text("export class Basket {\n  addItem(name: string): void {\n    this.n += 1;\n  }\n}\n")
    defined = RepositoryContext(tmp_path)._index.defined
    assert defined["Total"][0].text == "func Total(items []int) int {\n    // Total adds up."
    assert defined["addItem"][0].text.startswith("// Basket\naddItem(name: string): void")
    assert defined["Basket"][0].is_class


def test_the_lines_right_before_the_cursor_count_and_not_those_far_above(tmp_path):
    write(tmp_path, shapes=SHAPES)
    assert not asked(tmp_path, "circle_area(\n" + "q = 1\n" * 30)


# ----------------------------------------------------------------------------------------------------------- budget, twice
@pytest.mark.parametrize("budget", [0, 20, 60, 150, 400, 2000])
def test_pieces_stay_within_the_budget(tmp_path, budget):
    write(
        tmp_path,
        shapes=SHAPES,
        **{f"m{n}": f"def use{n}(radius):\n    return circle_area(radius) + {n}\n" for n in range(20)},
    )
    assert len(shown(asked(tmp_path, budget_tokens=budget))) / 3 <= budget
    pieces = asked(tmp_path, budget_tokens=budget, count=lambda text: len(text.split()))
    assert sum(len(piece.rendered.split()) for piece in pieces) <= budget
    assert pieces or budget < 60
    assert {piece.why for piece in pieces} == {"bm25"} or budget < 2000  # all is shown: no signature is needed


def test_signatures_leave_room_for_chunks(tmp_path):
    names = [f"make_{letter * 9}" for letter in "abcdefghijkl"]
    write(tmp_path, near="def use(ledger):\n    return ledger.balance_sheet\n")
    write(tmp_path, makers="\n\n".join(f"def {name}():\n    return '{'-' * 4000}'\n" for name in names))
    prefix = "\n".join(f"{name}()" for name in names) + "\nledger.balance_sheet"
    pieces = asked(tmp_path, prefix, budget_tokens=60)
    assert [piece.why for piece in pieces] == ["bm25", "symbol"]


def test_nothing_comes_twice(tmp_path):
    same = "def copied(radius):\n    return circle_area(radius)\n"
    write(tmp_path, a=same, b=same, shapes=SHAPES)
    text = shown(asked(tmp_path))
    assert text.count("def copied") == text.count("def circle_area") == 1


# ------------------------------------------------------------------------------------------------------------- one's own
@pytest.mark.parametrize("form", ["pkg/mine.py", "./pkg/mine.py", "{}/pkg/mine.py", "file://{}/pkg/mine.py", "pkg\\mine.py",
                                  "/elsewhere/project/pkg/mine.py", "mine.py"])  # fmt: skip
def test_nothing_of_the_file_being_edited(tmp_path, form):
    write(tmp_path, shapes=SHAPES, pkg__mine="def far_above(radius):\n    return circle_area(radius, precise=True)\n")
    pieces = asked(tmp_path, path=form.format(tmp_path))
    assert {piece.path for piece in pieces} == {"shapes.py"}


def test_a_file_of_the_same_name_elsewhere_is_another_file(tmp_path):
    write(tmp_path, mine="circle_area(radius)\n", pkg__mine="circle_area(radius, 1)\n")
    assert {piece.path for piece in asked(tmp_path, path="mine.py")} == {"pkg/mine.py"}


def test_without_a_path_no_chunk_that_holds_the_text_around_the_cursor(tmp_path):
    write(tmp_path, shapes=SHAPES, other="def grow(radius):\n    return math.pi * radius**2 + circle_area(radius)\n")
    place = SHAPES.index("radius**2")
    for before in (2000, 60):
        pieces = asked(tmp_path, SHAPES[max(0, place - before) : place], SHAPES[place:])
        assert [piece.path for piece in pieces] == ["other.py"]
    pieces = asked(tmp_path, SHAPES[:place].replace("\n", "\r\n"), "")  # what an editor on Windows sends
    assert [piece.path for piece in pieces] == ["other.py"]


def test_a_short_text_around_the_cursor_is_known_again(tmp_path):
    write(tmp_path, shapes=SHAPES)
    line = "    secret_of_the_body = math.pi * radius**2\n"
    assert "secret_of_the_body" in shown(asked(tmp_path, "radius = circle_area(math.", ""))
    assert "secret_of_the_body" not in shown(asked(tmp_path, line[:30], line[30:]))
    assert "secret_of_the_body" not in shown(asked(tmp_path, line + "    ", ""))


# ----------------------------------------------------------------------------------------------------------------- refresh
def test_refresh_reads_what_changed_and_nothing_else(tmp_path, monkeypatch):
    write(tmp_path, shapes=SHAPES, other="def zebra():\n    return 1\n")
    index = RepositoryContext(tmp_path)
    read, asked_for = module.files.read, []
    monkeypatch.setattr(module.files, "read", lambda root, path: asked_for.append(path) or read(root, path))
    assert not index.refresh(least_s=0) and asked_for == []
    write(tmp_path, other="def brand_new_name(x):\n    return x\n", third="def third_one():\n    return 3\n")
    assert index.refresh(least_s=0) and asked_for == ["other.py", "third.py"]
    assert "def brand_new_name(x)" in shown(index.pieces("y = brand_new_name(", "", budget_tokens=500))
    assert not index.pieces("y = zebra(", "", budget_tokens=500)
    (tmp_path / "other.py").unlink()
    assert index.refresh(least_s=0) and index.paths == ["shapes.py", "third.py"]
    assert not index.pieces("y = brand_new_name(", "", budget_tokens=500)


def test_a_file_of_the_same_size_and_time_that_was_replaced_is_read_anew(tmp_path):
    write(tmp_path, a="def first_name():\n    return 1\n")
    index, before = RepositoryContext(tmp_path), os.stat(tmp_path / "a.py")
    write(tmp_path, b="def other_name():\n    return 1\n")
    os.utime(tmp_path / "b.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(tmp_path / "b.py", tmp_path / "a.py")
    assert index.refresh(least_s=0)
    assert "other_name" in index._index.defined and "first_name" not in index._index.defined


def test_refresh_looks_at_most_every_so_often(tmp_path):
    index = RepositoryContext(write(tmp_path, shapes=SHAPES))
    write(tmp_path, third="def third_one():\n    return 3\n")
    assert not index.refresh(least_s=60) and index.paths == ["shapes.py"]
    assert index.refresh(least_s=0) and index.paths == ["shapes.py", "third.py"]


# ------------------------------------------------------------------------------------------------------------- which files
def test_what_git_ignores_is_not_shown(tmp_path):
    write(tmp_path, shapes=SHAPES, generated__gen=SHAPES, private=SHAPES, sub__new=SHAPES, build__kept=SHAPES)
    (tmp_path / ".gitignore").write_text("generated/\nprivate.py\n")
    assert RepositoryContext(tmp_path).paths == ["generated/gen.py", "private.py", "shapes.py", "sub/new.py"]
    git(tmp_path, "init")
    git(tmp_path, "add", "shapes.py")
    assert RepositoryContext(tmp_path).paths == ["build/kept.py", "shapes.py", "sub/new.py"]
    assert RepositoryContext(tmp_path / "sub").paths == ["new.py"]  # a workspace inside a repository
    assert RepositoryContext(tmp_path / "generated").paths == ["gen.py"]  # ignored as a whole: it is asked for by its name
    (tmp_path / "shapes.py").unlink()  # git still knows it
    assert RepositoryContext(tmp_path).left_out == {"vanished": 1}


def test_without_git_builds_are_not_shown(tmp_path, monkeypatch):
    write(tmp_path, shapes=SHAPES, node_modules__a=SHAPES, pkg__build__b=SHAPES)
    git(tmp_path, "init")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert RepositoryContext(tmp_path).paths == ["shapes.py"]


@pytest.mark.parametrize("is_repository", [False, True])
def test_hidden_folders_secrets_and_links_are_not_shown(tmp_path, is_repository):
    root, outside = tmp_path / "root", tmp_path / "outside"
    write(root, shapes=SHAPES, pkg__ok=SHAPES)
    write(outside, far=SHAPES)
    for name in (".hidden/a.py", "pkg/.cache/a.py", ".env", ".env.local", "secrets.yaml", "id_rsa", "server.key"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("circle_area = 'hunter2'\n")
    (root / "link.py").symlink_to(outside / "far.py")
    (root / "linked").symlink_to(outside)
    if is_repository:
        git(root, "init")
    index = RepositoryContext(root)
    assert index.paths == ["pkg/ok.py", "shapes.py"]
    assert index.left_out == {"secret": 5, "link": 1}
    assert "hunter2" not in shown(index.pieces(QUERY, "", budget_tokens=5000))


def test_a_tracked_folder_that_became_a_link_is_not_followed(tmp_path):
    root = tmp_path / "root"
    write(root, shapes=SHAPES, pkg__far=SHAPES)
    write(tmp_path / "outside", far="def from_outside():\n    return 1\n")
    git(root, "init")
    git(root, "add", ".")
    (root / "pkg" / "far.py").unlink()
    (root / "pkg").rmdir()
    (root / "pkg").symlink_to(tmp_path / "outside")
    index = RepositoryContext(root)
    assert index.paths == ["shapes.py"] and index.left_out == {"folder": 1}


def test_sizes_and_numbers_have_limits(tmp_path):
    write(tmp_path, a=SHAPES, b=SHAPES, c="x = 1\n" * 1000)
    index = RepositoryContext(tmp_path, most_files=1, most_file_bytes=3000)
    assert index.paths == ["a.py"] and index.left_out == {"too many": 1, "too large": 1}


def test_non_ascii_and_crlf_files(tmp_path):
    text = 'def größe_berechnen(länge: float) -> float:\n    """Größe — 大きさ."""\n    return länge * 2\n'
    (tmp_path / "maße.py").write_bytes(text.replace("\n", "\r\n").encode())
    (tmp_path / "latin.py").write_bytes(("# -*- coding: latin-1 -*-\n" + text.replace(" — 大きさ", "")).encode("latin-1"))
    index = RepositoryContext(tmp_path)
    first, second = index._index.defined["größe_berechnen"]
    assert second.text == "def größe_berechnen(länge: float) -> float:\n    # Größe — 大きさ." and first.path == "latin.py"
    pieces = index.pieces("wert = größe_berechnen(", "", budget_tokens=500)
    assert {piece.path for piece in pieces} == {"latin.py", "maße.py"}
    assert all("\r" not in piece.text and "\n\n" not in piece.text for piece in pieces)


# --------------------------------------------------------------------------------------------------------------- bad input
def test_no_folder_and_a_file(tmp_path):
    with pytest.raises(ServingError, match="nowhere: no such folder; name the folder"):
        RepositoryContext(tmp_path / "nowhere")
    (tmp_path / "a.py").write_text(SHAPES)
    with pytest.raises(ServingError, match=r"a[.]py: is a file, not a folder; name"):
        RepositoryContext(tmp_path / "a.py")


def test_what_cannot_be_read_is_left_out_and_counted(tmp_path, monkeypatch):
    write(tmp_path, shapes=SHAPES, locked=SHAPES, gone=SHAPES, empty="", broken="def f(:\n  ((circle_area\n")
    (tmp_path / "binary.py").write_bytes(b"circle_area\0\1\2")
    (tmp_path / "wrong.js").write_bytes(b"let circle_area = '\xff\xfe'")
    (tmp_path / "translation.ts").write_text("<?xml version='1.0'?>\n<TS>circle_area</TS>")
    os.mkfifo(tmp_path / "pipe.py")
    real = module.files.Path.read_bytes

    def read_bytes(path):  # root may read all, so that is not left to permissions
        if path.name == "locked.py":
            raise PermissionError(13, "no")
        if path.name == "gone.py":
            path.unlink()
        return real(path)

    monkeypatch.setattr(module.files.Path, "read_bytes", read_bytes)
    index = RepositoryContext(tmp_path)
    assert index.paths == ["broken.py", "shapes.py"]
    assert index.left_out == {"no text": 4, "unreadable": 2, "vanished": 1}
    assert "def circle_area" in shown(index.pieces(QUERY, "", budget_tokens=500))


@pytest.mark.parametrize("text", ["", "#\n", "()\n" * 50])
def test_workspaces_without_a_word(tmp_path, text):
    (tmp_path / "a.py").write_text(text)
    assert asked(tmp_path) == []
    assert asked(tmp_path, "", "") == []


def test_a_workspace_that_vanishes_leaves_nothing(tmp_path):
    folder = write(tmp_path / "root", shapes=SHAPES)
    index = RepositoryContext(folder)
    (folder / "shapes.py").unlink()
    folder.rmdir()
    assert index.refresh(least_s=0) and index.pieces(QUERY, "", budget_tokens=500) == []


# ------------------------------------------------------------------------------------------------------------------- speed
def test_a_query_of_500_files_takes_less_than_10_ms(tmp_path, within):
    for n in range(500):
        body = "\n".join(
            f"def work_{n}_{k}(circle, radius):\n" + "    radius = circle_area(radius)\n" * 12 for k in range(12)
        )
        (tmp_path / f"m{n}.py").write_text(body)
    index = RepositoryContext(tmp_path)
    assert len(index.paths) == 500
    with within(20 * 0.010):
        for n in range(20):
            index.pieces(QUERY, "", f"m{n}.py", budget_tokens=500)
