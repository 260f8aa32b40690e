"""Parts by name."""

import pytest

from yunque.checks.syntax import Syntax
from yunque.core.errors import RecipeError
from yunque.core.plugins import find_part, nearest


def test_our_own_parts_are_entry_points():
    assert find_part("checks", "syntax") is Syntax


def test_anybodys_part_is_a_module_and_an_attribute():
    assert find_part("checks", "yunque.checks.syntax:Syntax") is Syntax
    assert find_part("whatever", "json:dumps").__name__ == "dumps"


@pytest.mark.parametrize("name", ["no_such_module_here:Thing", "json:no_such_attribute", ":Thing", "json:"])
def test_what_cannot_be_loaded_is_a_recipe_error_with_its_name(name):
    with pytest.raises(RecipeError) as caught:
        find_part("checks", name)
    assert f"cannot load '{name}'" in caught.value.line()
    assert "yunque.checks" in caught.value.line()
    assert "\n" not in caught.value.line()


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(RecipeError, match=r"no check named 'sintax'; did you mean 'syntax'\?"):
        find_part("checks", "sintax")


def test_a_name_like_nothing_is_answered_with_all_of_them():
    with pytest.raises(RecipeError, match=r"known: .*minified.*syntax"):
        find_part("checks", "qqqqqqqq")
    with pytest.raises(RecipeError, match="known: none"):
        find_part("no-such-seam", "x")


def test_nearest():
    assert nearest("learning_rat", ["learning_rate", "epochs"]) == "did you mean 'learning_rate'?"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("location", ["spec", "options"]) == "did you mean 'options'? known: options, spec"
    many = [f"option_{number}" for number in range(9)]
    assert nearest("location", ["options", *many]) == "did you mean 'options'?"
