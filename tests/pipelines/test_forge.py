"""What a forge says and refuses around its steps; the steps themselves are run in `tests/story`."""

import pytest

from yunque.core.errors import EvaluationError, RecipeError, SandboxError, SourceError, TooSmallError
from yunque.pipelines.forge import Forge
from yunque.pipelines.recipes import forge_recipe


@pytest.fixture
def forge(tmp_path):
    """A maker of forges of some folders, and what they said."""

    def make(files, *settings, **rest):
        for name, text in files.items():
            path = tmp_path / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        said = []
        recipe = forge_recipe([str(tmp_path / "src")], None, list(settings))
        return Forge(recipe=recipe, out=tmp_path / "out", say=said.append, **rest), said

    return make


def test_little_to_go_on_is_said_and_what_would_help(forge):
    run, said = forge({"a.py": "x = 1\n"})
    run._warn(3, 7)
    run._warn(40, 90)
    assert said == [
        "little to go on: 3 functions that its tests can judge and 7 training steps; more sources, tests that reach more "
        "functions, or a history beside its tree (history:PATH) would help"
    ]
    bare, said = forge({"a.py": "x = 1\n"}, measured=False)
    bare._warn(0, 90)
    assert not said, "nobody is asked"
    with pytest.raises(TooSmallError, match="3 functions that its tests can judge, under 5"):
        forge({"a.py": "x = 1\n"}, min_tasks=5)[0]._warn(3, 700)


def test_a_source_of_which_nothing_is_left_says_which_rule_took_it(forge):
    rules = "screen.rules=[{check='syntax'}]"
    run, _ = forge({"a.py": "def f(:\n", "b.py": "def g(:\n    1 2\n"}, rules)
    dataset = run._data.run()
    with pytest.raises(SourceError, match=r"nothing is left after screening: 2 by syntax"):
        run._refuse_nothing(dataset)


def test_one_empty_source_among_others_is_said(forge, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "bad.py").write_text("def f(:\n")
    run, said = forge({"a.py": "x = 1\n"}, "screen.rules=[{check='syntax'}]", f"sources=[{{spec='{tmp_path / 'other'}'}}]")
    run._refuse_nothing(run._data.run())
    assert "nothing of other is learned from: 1 by syntax" in said


def test_a_key_of_another_verb_and_an_unknown_one_are_refused():
    with pytest.raises(RecipeError, match="unknown key 'serving'"):
        forge_recipe(["a"], None, ["serving.port=1"])


# --------------------------------------------------------------------------------------------------------------- evaluation
def test_an_unknown_suite_is_refused_before_any_work(forge, tmp_path):
    run, _ = forge({"a.py": "x = 1\n"}, "evaluation.suites=['repo-body', 'humanevil']")
    with pytest.raises(EvaluationError, match=r"no suite named 'humanevil'; did you mean 'humaneval'\?"):
        run.run()
    assert not list((tmp_path / "out").glob("artifacts/*"))


def test_a_suite_that_needs_a_sandbox_is_refused_without_one(forge, monkeypatch):
    run, said = forge({"a.py": "x = 1\n"}, "evaluation.suites=['repo-fim', 'yunque-core']")
    monkeypatch.setattr("yunque.sandbox.open_sandbox", lambda: (_ for _ in ()).throw(SandboxError("none here")))
    with pytest.raises(SandboxError, match="no sandbox to judge yunque-core in"):
        run.run()
    assert said == ["no execution accuracy: none here"]
