"""Tests and the functions they test: by name, by call, by import; none where more than one would do."""

# ruff: noqa: E501 - sources in one line

import pytest

from yunque.core.nouns import Origin, PairKind, Record, content_id
from yunque.data.pairs.tested_functions import MAX_NAMESAKES, TestedIndex, file_facts

TestedIndex.__test__ = False  # its name is not that of a test


def record(text: str, path: str, language: str = "python", source: str = "repo") -> Record:
    origin = Origin(source=source, path=path, revision="1", licence="MIT", collected_at="2026-01-01T00:00:00")
    return Record(id=content_id(text, path), text=text, language=language, origin=origin)


def pairs(*records: Record, **options) -> list:
    index = TestedIndex(**options)
    for one in records:
        index.add(file_facts(one))
    found = list(index.pairs(lambda: records))
    texts = {one.id: one.text.encode() for one in records}
    for pair in found:
        assert pair.kind is PairKind.TEST
        assert texts[pair.origin_ids[0]][slice(*pair.span_bytes)].decode() == pair.answer
    return found


def heads(*records: Record, **options) -> list[tuple[str, str]]:
    """The first lines of each test and its function."""
    return [
        (pair.prompt.lstrip().split("\n")[0], pair.answer.lstrip().split("\n")[0]) for pair in pairs(*records, **options)
    ]


MODULE = """\
def greet(name):
    return "hello " + name


def part(name):
    return name


class Box:
    def open(self):
        return 1

    def close(self):
        return 2
"""
TESTS = '''\
from pkg.mod import Box, greet


def test_greet_with_a_name():
    """Says hello to whoever is named."""
    assert greet("a") == "hello a"


def test_part_is_not_called():
    assert greet


class TestBox:
    def test_open(self):
        assert Box().open() == 1
'''


def test_a_test_finds_its_function_in_another_file():
    code, tests = record(MODULE, "src/pkg/mod.py"), record(TESTS, "tests/test_mod.py")
    first, second = pairs(code, tests)
    assert first.prompt.startswith('def test_greet_with_a_name():\n    """Says') and first.prompt.endswith(
        '== "hello a"\n\n# What it tests, in src/pkg/mod.py:\n'
    )
    assert first.answer == 'def greet(name):\n    return "hello " + name'
    assert (first.origin_ids, first.natural_language) == ((code.id, tests.id), "en")
    assert second.answer == "    def open(self):\n        return 1"


def test_in_one_file_no_import_is_asked_for():
    text = MODULE + "\n\ndef test_greet():\n    assert greet(1)\n"
    assert heads(record(text, "pkg/mod.py")) == [("def test_greet():", "def greet(name):")]


def test_without_an_import_a_call_or_the_same_source_there_is_no_pair():
    code = record(MODULE, "src/pkg/mod.py")
    assert pairs(code, record(TESTS.replace("from pkg.mod", "from pkg.other"), "tests/test_mod.py")) == []
    assert pairs(code, record(TESTS.replace("greet(", "meet("), "tests/test_mod.py"), across=False) == []
    assert pairs(code, record(TESTS, "tests/test_mod.py", source="elsewhere")) == []


def test_two_that_would_do_are_no_pair():
    tests = record("from pkg import greet\n\ndef test_greet():\n    assert greet(1)\n", "tests/test_a.py")
    one, two = record(MODULE, "pkg/a.py"), record(MODULE, "pkg/b.py")
    assert heads(one, tests) == [("def test_greet():", "def greet(name):")]
    assert heads(one, two, tests) == []
    many = [record(MODULE, f"pkg/m{number}.py") for number in range(MAX_NAMESAKES + 1)]
    assert heads(*many, tests) == []


def test_a_class_decides_between_methods():
    other = MODULE.replace("Box", "Chest")
    tests = "from pkg.a import Box\nfrom pkg.b import Chest\n\nclass ChestTest:\n    def test_open(self):\n        Chest().open()\n"
    found = pairs(record(MODULE, "pkg/a.py"), record(other, "pkg/b.py"), record(tests, "tests/test_c.py"))
    assert [pair.prompt.strip().split("\n")[-1] for pair in found] == ["# What it tests, in pkg/b.py:"]
    nobody = tests.replace("class ChestTest", "class TestAll")
    assert pairs(record(MODULE, "pkg/a.py"), record(other, "pkg/b.py"), record(nobody, "tests/test_c.py")) == []


OTHERS = {
    "javascript": (
        ("src/add.js", "export function add(a, b) {\n  return a + b;\n}\n"),
        ("test/add.test.js", "import { add } from '../src/add';\ndescribe('add', () => {\n  it('adds two of them', () => {\n    expect(add(1, 2)).toBe(3);\n  });\n});\n"),
        "it('adds two of them', () => {",
    ),
    "go": (
        ("p/a.go", "package p\nfunc Add(a int) int {\n\treturn a\n}\n"),
        ("p/a_test.go", "package p\nfunc TestAdd(t *testing.T) {\n\tif Add(1) != 1 {\n\t\tt.Fail()\n\t}\n}\n"),
        "func TestAdd(t *testing.T) {",
    ),
    "java": (
        ("src/main/java/p/Sum.java", "class Sum {\n  int addAll(int a) {\n    return a;\n  }\n}\n"),
        ("src/test/java/p/SumTest.java", "class SumTest {\n  @Test\n  void testAddAll() {\n    assertEquals(1, new Sum().addAll(1));\n  }\n}\n"),
        "@Test",
    ),
    "ruby": (
        ("lib/box.rb", "class Box\n  def open_it(a)\n    a\n  end\nend\n"),
        ("spec/box_spec.rb", "require 'box'\ndescribe 'Box' do\n  it 'open_it gives it back' do\n    expect(Box.new.open_it(1)).to eq 1\n  end\nend\n"),
        "it 'open_it gives it back' do",
    ),
    "php": (
        ("src/Sum.php", "<?php\nclass Sum {\n  function addAll($a) {\n    return $a;\n  }\n}\n"),
        ("tests/SumTest.php", "<?php\nuse App\\Sum;\nclass SumTest {\n  function testAddAll() {\n    $this->assertSame(1, (new Sum)->addAll(1));\n  }\n}\n"),
        "function testAddAll() {",
    ),
    "solidity": (
        ("src/Vault.sol", "contract Vault {\n  function deposit(uint a) public {\n    total += a;\n  }\n}\n"),
        ("test/Vault.t.sol", 'import "../src/Vault.sol";\ncontract VaultTest {\n  function test_deposit() public {\n    vault.deposit(1);\n  }\n}\n'),
        "function test_deposit() public {",
    ),
    "rust": (
        ("src/lib.rs", "pub fn add_all(a: u8) -> u8 {\n    a\n}\nmod tests {\n    #[test]\n    fn test_add_all() {\n        assert_eq!(super::add_all(1), 1);\n    }\n}\n"),
        ("src/none.rs", "fn x() {}\n"),
        "#[test]",
    ),
    "shell": (
        ("bin/tool.sh", "make_all() {\n  echo 1\n}\n"),
        ("tests/test_tool.sh", "source bin/tool.sh\ntest_make_all() {\n  make_all\n}\n"),
        "test_make_all() {",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", OTHERS)
def test_other_languages(language):
    *files, head = OTHERS[language]
    found = pairs(*(record(text, path, language) for path, text in files))
    assert [pair.prompt.lstrip().split("\n")[0] for pair in found] == [head]


def test_order_and_length_change_nothing_but_what_they_say():
    records = [record(MODULE, "pkg/mod.py"), record(TESTS, "tests/test_mod.py"), record("x = 1\n", "a.py")]
    assert pairs(*records) == pairs(*reversed(records))
    assert len(pairs(*records)) == 2
    assert pairs(*records, max_answer_chars=5) == pairs(*records, max_prompt_chars=5) == []


@pytest.mark.parametrize("text", ["", "\x00", "def test_(:\n", "def test_():\n    f()\n", "import (\nfrom . import\n" * 50])
def test_bad_input(text):
    assert pairs(record(text, "tests/test_a.py"), record(text, "test/a.test.js", "javascript")) == []
