"""CodeBLEU: the published example, each part by hand, each language, and texts that no grammar expects."""

import importlib.util
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yunque.core.errors import EvaluationError
from yunque.evaluation.metrics import codebleu
from yunque.evaluation.metrics.codebleu import code_bleu, has_codebleu
from yunque.evaluation.metrics.data_flow import _Flow, data_flow
from yunque.evaluation.metrics.keywords import KEYWORDS

SAMPLES = {
    "c": "int f ( int a ) { int x = a + 1 ; for ( int i = 0 ; i < a ; i ++ ) { x += i ; } return x ; }",
    "cpp": "int f ( int a ) { int x = a + 1 ; for ( auto y : ys ) { x = x + y ; } return x ; }",
    "csharp": "public int F ( int a ) { int x = a + 1 ; foreach ( var y in ys ) { x = x + y ; } return x ; }",
    "go": "func f ( a int ) int { x , y := a , 1 ; for i := 0 ; i < a ; i ++ { x = x + i } ; return x + y }",
    "java": "int f ( int a ) { int x = a + 1 ; for ( int y : ys ) { x = x + y ; } return x ; }",
    "javascript": "function f ( a ) { let x = a + 1 ; for ( const y of ys ) { x = x + y ; } return x ; }",
    "python": "def f ( a ) :\n    x = a + 1\n    for y in ys :\n        x = x + y\n    return x",
    "rust": "fn f ( a : i32 ) -> i32 { let mut x = a + 1 ; for y in ys { x = x + y ; } x }",
    "tsx": "function f ( a : number ) { let x = a + 1 ; for ( const y of ys ) { x = x + y ; } return x ; }",
    "typescript": "function f ( a : number ) { let x = a + 1 ; for ( const y of ys ) { x = x + y ; } return x ; }",
}


def flow(text, language="python"):
    return data_flow(codebleu._parsed(text, language))


def need(language):
    if not has_codebleu(language):
        pytest.skip(f"the grammar of {language} is not installed")


# ----------------------------------------------------------------------------------------------------------------- published
def test_the_published_example():
    found = code_bleu(
        ["def add ( a , b ) :\n return a + b"],
        ["def sum ( first , second ) :\n return second + first"],
        "python",
        (0.25, 0.25, 0.25, 0.25),
    )
    parts = (found.ngram, found.weighted_ngram, found.syntax, found.dataflow)
    assert [f"{part:.5f}"[:6] for part in parts] == ["0.1041", "0.1109", "1.0000", "1.0000"]  # cut, as published
    assert f"{found.score:.5f}"[:6] == "0.5537"
    assert found.num_without_dataflow == 0 and found.low is None


# --------------------------------------------------------------------------------------------------------------------- parts
def test_a_keyword_weighs_five_other_tokens():
    # of "return x" the keyword is found, 1 of 1.2; orders without an n-gram count a tenth of one
    found = code_bleu(["return y"], ["return x"], "python")
    assert found.weighted_ngram == pytest.approx((1 / 1.2 * 0.1 * 0.1 * 0.1) ** 0.25)
    assert found.ngram == pytest.approx((1 / 2 * 0.1 * 0.1 * 0.1) ** 0.25)
    other = code_bleu(["yield x"], ["return x"], "python")
    assert other.weighted_ngram < found.weighted_ngram and other.ngram == found.ngram


def test_syntax_sees_shape_and_neither_names_nor_operators():
    assert code_bleu(["g ( y ) - 1"], ["f ( x ) + 1"], "python").syntax == 1.0
    # of module, statement, sum and call, the answer has none; it is a list
    assert code_bleu(["[ 1 ]"], ["f ( x ) + 1"], "python").syntax == 0.0
    # call and arguments, out of module, statement, sum, call and arguments
    assert code_bleu(["return f ( x )"], ["f ( x ) + 1"], "python").syntax == pytest.approx(2 / 5)


def test_comments_and_docstrings_do_not_count():
    bare = "def f ( x ) :\n    return x"
    told = 'def f ( x ) :\n    """x"""\n    # x\n    return x'
    found = code_bleu([told], [bare], "python")
    assert (found.syntax, found.dataflow) == (1.0, 1.0)
    java = code_bleu(["int f ( ) { /* a */ return 1 ; // b\n }"], ["int f ( ) { return 1 ; }"], "java")
    assert java.syntax == 1.0


def test_without_data_flow_the_part_is_nothing_and_is_counted():
    nothing = code_bleu(["pass", "pass"], ["pass", "pass"], "python")
    assert (nothing.dataflow, nothing.num_without_dataflow) == (0.0, 2)
    # one pair with data flow decides alone
    mixed = code_bleu(["pass", SAMPLES["python"]], ["pass", SAMPLES["python"]], "python")
    assert (mixed.dataflow, mixed.num_without_dataflow) == (1.0, 1)


def test_weights_choose_the_part():
    texts = ["def add ( a , b ) :\n return a + b"], ["def sum ( first , second ) :\n return second * 2"]
    whole = code_bleu(*texts, "python")
    for at, part in enumerate((whole.ngram, whole.weighted_ngram, whole.syntax, whole.dataflow)):
        weights = [float(place == at) for place in range(4)]
        assert code_bleu(*texts, "python", weights).score == pytest.approx(part)


def test_an_interval_holds_the_score():
    answers = [SAMPLES["java"].replace("x + y", "y") if number % 2 else SAMPLES["java"] for number in range(40)]
    found = code_bleu(answers, [SAMPLES["java"]] * 40, "java")
    assert found.low < found.score < found.high


# ----------------------------------------------------------------------------------------------------------------- data flow
def test_the_edges_of_the_published_example():
    assert flow("def sum ( first , second ) :\n return second + first") == [
        (0, "comesFrom", ()),  # first, the argument
        (1, "comesFrom", ()),  # second
        (1, "comesFrom", (1,)),
        (0, "comesFrom", (0,)),
    ]


def test_assignments_compute_and_declarations_come():
    assert flow("x = y + 2") == [(2, "computedFrom", (0, 1)), (0, "comesFrom", ()), (1, "comesFrom", ())]
    assert flow("int x = y + 2 ;", "java") == [(2, "comesFrom", (0, 1)), (0, "comesFrom", ()), (1, "comesFrom", ())]
    assert flow("x ++ ;", "java") == [(0, "computedFrom", (0,))]


def test_names_are_numbered_and_pairs_are_kept_apart():
    assert flow("a , b = c , d") == flow("one , two = three , four") != flow("a , b = d")
    assert flow("func f ( ) { a , b := c , d }", "go") == flow("func f ( ) { w , x := y , z }", "go")


def test_ways_are_joined():
    both = flow("x = 1\nif a :\n x = 2\nelse :\n x = 3\nprint ( x )")
    assert both[-1] == (both[0][0], "comesFrom", (both[0][0],))
    entries = _Flow()
    entries.walk(codebleu._parsed("x = 1\nif a :\n x = 2\nelse :\n x = 3\nprint ( x )", "python"), {})
    last = entries.entries[max(entries.entries)]
    assert len(last.sources) == 2  # not what was before the branch: every way set it
    entries = _Flow()
    entries.walk(codebleu._parsed("x = 1\nif a :\n x = 2\nprint ( x )", "python"), {})
    assert len(entries.entries[max(entries.entries)].sources) == 2


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "match a :\n  case 1 :\n    x = 2\n  case 2 :\n    x = 3\nprint ( x )"),
        ("java", "switch ( a ) { case 1 : x = 2 ; break ; case 2 : x = 3 ; } use ( x ) ;"),
        ("javascript", "switch ( a ) { case 1 : x = 2 ; break ; case 2 : x = 3 ; } use ( x ) ;"),
        ("c", "void f ( ) { switch ( a ) { case 1 : x = 2 ; break ; case 2 : x = 3 ; } use ( x ) ; }"),
        ("go", "func f ( ) { switch a { case 1 : x = 2 ; case 2 : x = 3 } ; use ( x ) }"),
        ("rust", "fn f ( ) { match a { 1 => x = 2 , 2 => { x = 3 ; } } ; use_it ( x ) ; }"),
    ],
)
def test_cases_are_ways(language, text):
    walk = _Flow()
    walk.walk(codebleu._parsed(text, language), {})
    names = {text.encode().find(b"x = 2"), text.encode().find(b"x = 3")}
    assert set(walk.entries[text.rfind("x")].sources) >= names


def test_what_one_round_leaves_reaches_the_next():
    walk = _Flow()
    text = "while a :\n  use ( x )\n  x = y"
    walk.walk(codebleu._parsed(text, "python"), {})
    assert text.find("x = y") in walk.entries[text.find("x )")].sources
    text = "for ( i = 0 ; i < n ; i ++ ) { }"
    walk = _Flow()
    walk.walk(codebleu._parsed(text, "java"), {})
    assert set(walk.entries[text.find("i <")].sources) == {text.find("i ="), text.find("i ++")}


def test_a_comprehension_sets_its_variable_before_its_value():
    assert (1, "comesFrom", (1,)) in flow("def f ( l ) :\n return [ e for e in l ]")


# ----------------------------------------------------------------------------------------------------------------- languages
@pytest.mark.parametrize("language", sorted(KEYWORDS))
def test_every_language(language):
    need(language)
    text = SAMPLES[language]
    assert not codebleu._parsed(text, language).has_error
    same = code_bleu([text], [text], language)
    assert same.score == pytest.approx(1) and same.num_without_dataflow == 0
    renamed = re.sub(r"\b([axy])\b", r"\1_given", text)
    found = code_bleu([renamed], [text], language)
    assert (found.syntax, found.dataflow) == (1.0, 1.0) and found.ngram < 0.6
    broken = code_bleu([text.replace("x + y", "y").replace("x + i", "i").replace("x += i", "x = 0")], [text], language)
    assert broken.dataflow < 1.0


def test_c_sharp_is_known_where_its_grammar_is():
    assert has_codebleu("csharp") == (importlib.util.find_spec("tree_sitter_c_sharp") is not None)


def test_an_unknown_language_is_answered_with_the_nearest():
    with pytest.raises(EvaluationError, match=r"pyton.*python"):
        code_bleu(["a"], ["a"], "pyton")


@pytest.mark.parametrize(
    ("answers", "references", "weights"),
    [([], [], (1, 0, 0, 0)), (["a"], [], (1, 0, 0, 0)), (["a"], ["a"], (1, 0, 0))],
)
def test_bad_calls_are_refused(answers, references, weights):
    with pytest.raises(ValueError, match=r"predictions to|four weights"):
        code_bleu(answers, references, "python", weights)


# ------------------------------------------------------------------------------------------------------------------- hostile
@pytest.mark.parametrize(
    "text",
    ["", "\0", "\ud800", "(" * 50_000, "{" * 140, "return " + "+".join("a" * 20_000), "# only a comment"],
    ids=["empty", "nul", "surrogate", "open", "open-blocks", "sum", "comment"],
)
def test_any_text_has_a_score(text):
    for answer, reference in ((text, SAMPLES["java"]), (SAMPLES["java"], text), (text, text)):
        assert 0.0 <= code_bleu([answer], [reference], "java").score <= 1.0 + 1e-9


def test_loops_within_loops_end(within):
    with within(20):
        nested = "".join(f"{' ' * depth}for v{depth} in range ( n ) :\n" for depth in range(60)) + " " * 60 + "v0 = v1\n"
        code_bleu([nested], [nested], "python")
        blocks = "void f ( ) { " + "for ( ; a ; ) { x = x + y ; " * 40 + "} " * 41
        code_bleu([blocks], [blocks], "java")


@given(
    st.text(alphabet="ab=+(){};:\n\t\"'#0 if", max_size=60), st.sampled_from(["python", "java", "javascript", "go", "rust"])
)
def test_parts_are_shares_and_a_text_is_like_itself(text, language):
    found = code_bleu([text], [text], language)
    for part in (found.score, found.ngram, found.weighted_ngram, found.syntax, found.dataflow):
        assert 0.0 <= part <= 1.0 + 1e-9
    assert found.syntax == 1.0
    assert found.dataflow == (0.0 if found.num_without_dataflow else 1.0)


@settings(max_examples=20)
@given(st.lists(st.sampled_from(list(SAMPLES.values())), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_a_corpus_does_not_matter(answers, random):
    pairs = [(answer, SAMPLES["java"]) for answer in answers]
    one = code_bleu(*zip(*pairs, strict=True), "java")
    other = code_bleu(*zip(*random.sample(pairs, len(pairs)), strict=True), "java")
    assert one.score == pytest.approx(other.score)
