"""Dumps of Stack Exchange: which question is paired with which answer, who is named, and that no row is lost."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("lxml", reason="lxml is not available here")

from benchmarks.data.make_dump import write_dump, write_seven_zip
from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Pair, PairKind, Record
from yunque.core.seams import Stream
from yunque.data.streams import xml_dumps
from yunque.data.streams.posts import AnswerRule, PostRules
from yunque.data.streams.stackexchange import StackExchange

CODE = "<p>Do this:</p><pre><code>kept = sorted(items)\n</code></pre>"


def row(**values) -> str:
    entities = {"\n": "&#xA;", "\r": "&#xD;"}
    return f"  <row {' '.join(f'{name}={quoteattr(str(value), entities)}' for name, value in values.items())} />"


def question(number: int, **values) -> str:
    rest = {"Score": 3, "Title": f"How {number}?", "Body": "<p>Why is it so?</p>", "Tags": "<python>", "OwnerUserId": 7}
    return row(**({"Id": number, "PostTypeId": 1} | rest | values))


def answer(number: int, parent: int, **values) -> str:
    rest = {"Score": 2, "Body": CODE, "OwnerUserId": 8, "ContentLicense": "CC BY-SA 4.0"}
    return row(**({"Id": number, "PostTypeId": 2, "ParentId": parent} | rest | values))


def dump(folder: Path, *rows: str | bytes, end: str = "</posts>") -> Path:
    folder.mkdir(exist_ok=True)
    lines = ['\ufeff<?xml version="1.0" encoding="utf-8"?>', "<posts>", *rows, end]
    data = b"\r\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    (folder / "Posts.xml").write_bytes(data)
    return folder


def read(folder: Path, rules: PostRules = PostRules()) -> tuple[list[Pair], dict[str, str], list[Record]]:
    """Pairs, reasons by path, and records; every row that went in came out."""
    stream = StackExchange(folder, rules)
    items = list(stream.read())
    pairs, records = ([one for one in items if isinstance(one, kind)] for kind in (Pair, Record))
    dropped = [one for one in items if isinstance(one, Dropped)]
    assert (
        stream.counts["rows"] == len(records) + len(dropped) and len(records) == 2 * len(pairs) == 2 * stream.counts["pairs"]
    )
    assert all(one.reason and "\n" not in one.reason + one.detail for one in dropped)
    known = {record.id: record for record in records}
    for pair in pairs:
        told, asked = (known[number] for number in pair.origin_ids)
        assert (pair.answer, pair.prompt) == (told.text, asked.text)
        assert told.text.encode()[slice(*pair.span_bytes)].decode() == pair.answer
    return pairs, {one.path: one.reason for one in dropped}, records


# ------------------------------------------------------------------------------------------------------------ one question
def test_a_pair_names_both_authors_and_licences(tmp_path):
    asked = question(1, ContentLicense="CC BY-SA 3.0", OwnerUserId="", OwnerDisplayName="some body", AcceptedAnswerId=2)
    folder = dump(tmp_path / "example.com", asked, answer(2, 1))
    pairs, dropped, records = read(folder)
    assert isinstance(StackExchange(folder), Stream) and not dropped
    assert (pairs[0].kind, pairs[0].language, pairs[0].answer) == (PairKind.QUESTION, "python", "kept = sorted(items)\n")
    assert pairs[0].prompt == "How 1?\n\nWhy is it so?\n" and pairs[0].natural_language == "en"
    first, second = (record.origin for record in records)
    assert (first.source, first.path, first.licence) == ("example.com", "questions/1", "CC-BY-SA-3.0")
    assert first.author == "some body (questions/1)"
    assert (second.path, second.licence, second.author) == ("questions/1/#2", "CC-BY-SA-4.0", "user 8 (questions/1/#2)")
    assert [record.language for record in records] == ["markdown", "python"]


def test_no_licence_and_no_author_are_said(tmp_path):
    folder = dump(tmp_path, question(1, OwnerUserId=""), answer(2, 1, ContentLicense="All rights reserved"))
    _, _, records = read(folder)
    assert {record.origin.licence for record in records} == {"unknown"}
    assert records[0].origin.author == "a user whose account was removed (questions/1)"


@pytest.mark.parametrize(
    ("rule", "scores", "taken"),
    [
        (AnswerRule.ACCEPTED_OR_BEST, {"accepted": 1, "best": 9}, 2),
        (AnswerRule.ACCEPTED_OR_BEST, {"accepted": -1, "best": 9}, 3),  # accepted, but under its minimum
        (AnswerRule.BEST, {"accepted": 1, "best": 9}, 3),
        (AnswerRule.BEST, {"accepted": 9, "best": 9}, 2),
        (AnswerRule.ACCEPTED, {"accepted": 1, "best": 9}, 2),
        (AnswerRule.ACCEPTED, {"accepted": -1, "best": 9}, None),
    ],
)
@pytest.mark.parametrize("order", ["question first", "question last", "question between"])
def test_which_answer_is_taken(tmp_path, rule, scores, taken, order):
    rows = [answer(2, 1, Score=scores["accepted"]), answer(3, 1, Score=scores["best"]), answer(4, 1, Score=scores["best"])]
    rows.insert({"question first": 0, "question last": 3, "question between": 1}[order], question(1, AcceptedAnswerId=2))
    pairs, dropped, records = read(dump(tmp_path, *rows), PostRules(answer=rule))
    assert [record.origin.path for record in records[1:]] == ([f"questions/1/#{taken}"] if taken else [])
    assert len(dropped) == (2 if taken else 4) and len(pairs) == bool(taken)


def test_the_best_is_taken_where_the_accepted_one_was_deleted(tmp_path):
    folder = dump(tmp_path, question(1, AcceptedAnswerId=99), answer(2, 1, Score=0), answer(3, 1, Score=1))
    _, dropped, records = read(folder)
    assert records[1].origin.path == "questions/1/#3" and dropped == {"questions/1/#2": "low score"}


@pytest.mark.parametrize(
    ("tags", "hint", "language"),
    [
        ("<python><pandas>", "", "python"),
        ("|python|pandas|", "", "python"),
        ("<c><c++>", "", "cpp"),
        ("|typescript|javascript|", "", "typescript"),
        ("<java><python>", ' class="lang-py"', "python"),
        ("<PYTHON-3.x>", "", "python"),
    ],
)
def test_tags_say_the_language(tmp_path, tags, hint, language):
    body = CODE.replace("<pre>", f"<pre{hint}>")
    pairs, _, _ = read(dump(tmp_path, question(1, Tags=tags), answer(2, 1, Body=body)))
    assert [pair.language for pair in pairs] == [language]


def test_every_loss_has_its_reason(tmp_path):
    rows = {
        "posts/1": ("other post type", row(Id=1, PostTypeId=5, Body="<p>wiki</p>")),
        "questions/2": ("no language", question(2, Tags="|excel|")),
        "questions/2/#3": ("question dropped", answer(3, 2)),
        "questions/4": ("low score", question(4, Score=-1)),
        "questions/5": ("no answer", question(5)),
        "questions/999/#6": ("no question", answer(6, 999)),
        "questions/7": ("no code", question(7)),
        "questions/7/#8": ("no code", answer(8, 7, Body="<p>Use <code>len</code>.</p>")),
        "questions/9": ("too short", question(9)),
        "questions/9/#10": ("too short", answer(10, 9, Body="<pre><code>x\n</code></pre>")),
        "questions/11": ("too long", question(11)),
        "questions/11/#12": ("too long", answer(12, 11, Body=f"<pre><code>{'x = 1;' * 3000}</code></pre>")),
        "questions/13": ("ambiguous language", question(13, Tags="<java><python>")),
        "questions/13/#14": ("ambiguous language", answer(14, 13)),
        "posts/15": ("incomplete row", row(Id=15, PostTypeId=2, Body="x")),
        "posts/16": ("incomplete row", row(Id=16, PostTypeId=1, Title="No body", Score=1)),
        "posts/x17": ("incomplete row", question(17).replace('"17"', '"x17"')),
        "questions/18": ("deleted", question(18, DeletionDate="2020-01-01T00:00:00.000")),
        "questions/18/#19": ("question dropped", answer(19, 18)),
        "questions/20": ("no code", question(20)),
        "questions/20/#21": ("no code", answer(21, 20, Body=CODE.replace("<pre>", '<pre class="lang-none">'))),
        "questions/22": ("no code", question(22)),
        "questions/22/#23": ("no code", answer(23, 22, Body=f"<blockquote>{CODE}</blockquote>")),
        "posts/24": ("incomplete row", question(24, Score="9" * 30)),
        "posts/25": ("incomplete row", question(25, Title=" ")),
        "questions/27/#26": ("question dropped", answer(26, 27)),  # before its question, and that one is not wanted
        "questions/27": ("no language", question(27, Tags="")),
    }
    _, dropped, _ = read(dump(tmp_path, *(line for _, line in rows.values())))
    assert dropped == {path: reason for path, (reason, _) in rows.items()}


def test_equal_numbers_are_taken_once(tmp_path):
    pairs, dropped, _ = read(dump(tmp_path, question(1), question(1, Title="Again"), answer(2, 1), answer(2, 1, Score=99)))
    assert [pair.prompt[:5] for pair in pairs] == ["How 1"] and set(dropped.values()) == {"duplicate"}


def test_prose_is_kept_on_request_and_snippets_of_other_languages_are_not_code(tmp_path):
    snippet = (
        '<pre class="snippet-code-css lang-css"><code>a {}</code></pre><pre class="lang-py"><code>print(1, 2)</code></pre>'
    )
    folder = dump(tmp_path, question(1), answer(2, 1, Body=f"<p>So:</p>{snippet}"))
    assert read(folder)[0][0].answer == "print(1, 2)\n"
    pairs, _, records = read(folder, PostRules(keep_prose=True))
    assert pairs[0].answer.startswith("So:\n\n```css") and (pairs[0].language, records[1].language) == ("python", "markdown")


def test_languages_that_are_not_asked_for(tmp_path):
    folder = dump(tmp_path, question(1), answer(2, 1), question(3, Tags="<go>"), answer(4, 3))
    pairs, dropped, _ = read(folder, PostRules(languages=("go",)))
    assert [pair.language for pair in pairs] == ["go"] and dropped["questions/1"] == "language"


def test_the_site_says_what_the_words_do_not(tmp_path):
    asked = question(1, Title="x != y?", Body="<p>???</p>")
    assert read(dump(tmp_path / "ru.example.com", asked, answer(2, 1)))[0][0].natural_language == "ru"
    assert read(dump(tmp_path / "example.com", asked, answer(2, 1)))[0][0].natural_language == "und"


# --------------------------------------------------------------------------------------------------------- the whole dump
@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return write_dump(tmp_path_factory.mktemp("dump") / "example.com", 3000).parent


def test_a_dump_with_all_oddities_adds_up(made):
    pairs, dropped, records = read(made)
    reasons = Counter(dropped.values())
    assert len(pairs) > 300 and sum(reasons.values()) > 1500
    wanted = {"other post type", "low score", "question dropped", "no question", "no answer", "not chosen", "no code"}
    assert wanted | {"no language", "ambiguous language", "broken row"} == set(reasons)
    assert {record.origin.licence for record in records} == {"unknown", "CC-BY-SA-2.5", "CC-BY-SA-3.0", "CC-BY-SA-4.0"}
    assert {"en", "es", "de", "ja"} == {pair.natural_language for pair in pairs}
    assert not any("never" in record.text or "\r" in record.text for record in records)


def test_the_same_twice_and_out_of_an_archive(made, tmp_path):
    pytest.importorskip("py7zr", reason="py7zr is not available here")
    archive = write_seven_zip(made / "Posts.xml", tmp_path / "example.com.7z")
    assert read(archive)[:2] == read(made)[:2] == read(made / "Posts.xml")[:2]
    assert StackExchange(archive).name == StackExchange(made).name == "example.com"


def test_the_dump_is_the_same_for_everybody(tmp_path):
    first, second = (write_dump(tmp_path / name, 200).read_bytes() for name in "ab")
    assert first == second and first.startswith(b"\xef\xbb\xbf<?xml") and b"\r\n  <row " in first


def test_identity_is_content_and_rules(tmp_path):
    folder = dump(tmp_path / "s", question(1))
    told = StackExchange(folder).identity
    assert told == StackExchange(folder / "Posts.xml").identity and str(tmp_path) not in json.dumps(told)
    assert told != StackExchange(folder, PostRules(min_best_score=2)).identity != StackExchange(folder, tags={}).identity
    dump(tmp_path / "s", question(2))
    assert told != StackExchange(folder).identity


def test_nothing_is_left_in_the_temporary_folder(made, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    reading = StackExchange(made).read()
    next(reading)
    assert os.listdir(tmp_path)
    reading.close()
    assert not os.listdir(tmp_path)


def test_a_full_scratch_is_one_line(made):
    with pytest.raises(SourceError, match=r"temporary database failed .*full.*max_scratch_bytes") as error:
        list(StackExchange(made, PostRules(max_scratch_bytes=100_000)).read())
    assert "\n" not in error.value.line()


def test_memory_does_not_grow_with_a_row_that_never_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(xml_dumps, "MAX_ROW_BYTES", 10_000)
    monkeypatch.setattr(xml_dumps, "CHUNK_BYTES", 1_000)
    huge = question(1, Body="x" * 100_000)
    pairs, dropped, _ = read(dump(tmp_path, huge, question(2), answer(3, 2)))
    assert dropped == {"posts/1": "too large"} and len(pairs) == 1


# -------------------------------------------------------------------------------------------------------------- bad input
def test_broken_rows_are_dropped_and_the_others_stay(tmp_path):
    rows = [
        question(1),
        '  <row Id="2" PostTypeId=1 Body="x" />',
        '  <row Id="3" PostTypeId="1" Body="&undefined;" />',
        b'  <row Id="4" PostTypeId="1" Body="caf\xe9" />',
        '  <row Id="5" PostTypeId="1" Body="never ends',
        answer(6, 1, Body=CODE.replace("this", "this\x00\x1f\uffff") + "&"),
        answer(7, 1, Score=1).replace("Do this", "Do &#x1F;&#xD800;&#0;&#xFFFE;this"),
    ]
    stream = StackExchange(dump(tmp_path, *rows))
    items = list(stream.read())
    reasons = {one.path: one.reason for one in items if isinstance(one, Dropped)}
    broken = dict.fromkeys(("posts/2", "posts/3", "posts/5"), "broken row")
    assert reasons == {**broken, "posts/4": "encoding", "questions/1/#7": "not chosen"}
    assert stream.counts == {"rows": 7, "pairs": 1, "cleaned": 2}


def test_no_entity_expands_and_nothing_is_fetched(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("PASSWORD")
    doctype = f'<!DOCTYPE posts [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "{secret.as_uri()}">]>'
    rows = [question(1, Title="T").replace('"T"', '"&a;"'), question(2, Title="T").replace('"T"', '"&b;"'), question(3)]
    (tmp_path / "Posts.xml").write_text(f'<?xml version="1.0"?>{doctype}<posts>{"".join([*rows, answer(4, 3)])}</posts>')
    pairs, dropped, _ = read(tmp_path)
    assert len(pairs) == 1 and dropped == {"posts/1": "broken row", "posts/2": "broken row"}


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_rows_are_found_wherever_the_chunks_end(tmp_path, monkeypatch, size):
    monkeypatch.setattr(xml_dumps, "CHUNK_BYTES", size)
    together = (
        f"{question(1)}{answer(2, 1)}<!-- no row --><row\n Id='3' PostTypeId='1' Title='t' Tags='|go|'\n Body='b > c'></row>"
    )
    pairs, dropped, _ = read(dump(tmp_path, together, answer(4, 3), "<rows/>"))
    assert len(pairs) == 2 and not dropped


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")), min_size=1),
    st.data(),
)
def test_values_come_back_as_they_were_written(texts, data):
    """Whatever a value holds, wherever a chunk ends."""
    written = "".join(row(Id=number, Body=text) for number, text in enumerate(texts))
    whole = f"<?xml version='1.0'?>\n<posts>{written}</posts>".encode()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_dumps, "CHUNK_BYTES", data.draw(st.integers(1, 200)))
        path = Path(folder) / "Posts.xml"
        path.write_bytes(whole)
        assert [one.values["Body"] for one in xml_dumps.read_rows(path, "Posts.xml", 1 << 30)] == texts


def test_rows_are_those_of_iterparse(made, tmp_path):
    """Another reader of the same library, on the rows that it can read."""
    from lxml import etree

    lines = [line for line in (made / "Posts.xml").read_bytes().split(b"\r\n") if line.startswith(b"  <row")]
    sound = [line for line in lines if b"&#x1F;" not in line and b"Body=&" not in line]
    path = dump(tmp_path, *sound) / "Posts.xml"
    rows = [one.values for one in xml_dumps.read_rows(path, "Posts.xml", 1 << 30)]
    assert rows == [dict(element.attrib) for _, element in etree.iterparse(path, tag="row")] and len(rows) > 2900


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_cut_file_says_so(tmp_path, end):
    _, dropped, _ = read(dump(tmp_path, question(1), answer(2, 1), end=end))
    assert dropped == {"Posts.xml": "cut short"}
    (tmp_path / "Posts.xml").write_bytes((tmp_path / "Posts.xml").read_bytes()[:-40])
    assert read(tmp_path)[1] == {"posts/2": "broken row", "questions/1": "no answer"}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "there is no <row> in it"),
        (b"\x00" * 100_000, "there is no <row> in it"),
        (b"PK\x03\x04 a zip", "there is no <row> in it"),
        ("<?xml version='1.0'?><posts><row Id='1'/></posts>".encode("utf-16"), "UTF-16"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><posts><row Id='1'/></posts>", "ISO-8859-1"),
    ],
)
def test_what_is_no_dump_is_one_line(tmp_path, data, told):
    (tmp_path / "Posts.xml").write_bytes(data)
    with pytest.raises(SourceError, match=told) as error:
        list(StackExchange(tmp_path).read())
    assert "\n" not in error.value.line()


def test_a_missing_or_too_large_dump_is_one_line(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        StackExchange(tmp_path)
    with pytest.raises(SourceError, match="more than 100 bytes"):
        list(StackExchange(dump(tmp_path, question(1)), PostRules(max_total_bytes=100)).read())


def test_bad_archives_are_one_line(tmp_path):
    py7zr = pytest.importorskip("py7zr", reason="py7zr is not available here")
    whole = tmp_path / "whole.7z"
    write_seven_zip(write_dump(tmp_path / "d", 2000), whole)
    data, archives = whole.read_bytes(), {}
    archives["damaged"] = data[: len(data) // 2] + bytes(64) + data[len(data) // 2 + 64 :]
    archives["cut"], archives["start"] = data[: len(data) // 2], data[:20]
    with py7zr.SevenZipFile(tmp_path / "locked.7z", "w", password="x" + "y") as file:
        file.writestr("<posts/>", "Posts.xml")
    archives["locked"] = (tmp_path / "locked.7z").read_bytes()
    for name, content in archives.items():
        path = tmp_path / f"{name}.7z"
        path.write_bytes(content)
        with pytest.raises(SourceError, match="damaged or encrypted") as error:
            list(StackExchange(path).read())
        assert "\n" not in error.value.line(), name
    with py7zr.SevenZipFile(tmp_path / "other.7z", "w") as file:
        file.writestr("<users/>", "Users.xml")
    with pytest.raises(SourceError, match=r"no Posts.xml in it \(it holds Users.xml\)"):
        list(StackExchange(tmp_path / "other.7z").read())
    with pytest.raises(SourceError, match="unpacks to more than"):  # told by its headers, before anything is unpacked
        list(StackExchange(whole, PostRules(max_total_bytes=1000)).read())


def test_a_reader_that_stops_early_stops_the_unpacking(tmp_path):
    pytest.importorskip("py7zr", reason="py7zr is not available here")
    import threading

    archive = write_seven_zip(write_dump(tmp_path / "d", 2000), tmp_path / "d.7z")
    reading = StackExchange(archive).read()
    next(reading)
    reading.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "unpack"]


def test_without_py7zr_it_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "site.7z"
    path.write_bytes(xml_dumps.SEVEN_ZIP + bytes(100))
    monkeypatch.setitem(__import__("sys").modules, "py7zr", None)
    with pytest.raises(SourceError, match="pip install py7zr"):
        list(StackExchange(path).read())
