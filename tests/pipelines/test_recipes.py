"""A TOML recipe to typed values; everything that is wrong with one is one line that says where."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from yunque.core.errors import RecipeError
from yunque.pipelines.recipes import (
    DataRecipe,
    ForgeRecipe,
    forge_recipe,
    load_recipe,
    resolved_values,
    train_recipe,
)

LAPTOP = Path(__file__).parents[2] / "recipes" / "laptop.toml"


@pytest.fixture
def write(tmp_path):
    def file(text: str | bytes) -> Path:
        path = tmp_path / "my.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return file


def refusal(path: Path | None, *settings: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, list(settings))
    line = caught.value.line()
    assert line.splitlines() == [line]
    return line


# ----------------------------------------------------------------------------------------------------------------- accepted
def test_without_a_file_all_is_default():
    assert load_recipe(None, []) == ForgeRecipe()
    assert load_recipe(None, []).seed == 17


def test_a_file_changes_what_it_names_and_nothing_else(write):
    recipe = load_recipe(write("seed = 3\n[training]\nlearning_rate = 2e-4\n"), [])
    assert (recipe.seed, recipe.training.learning_rate) == (3, 2e-4)
    assert recipe.training.epochs == ForgeRecipe().training.epochs
    assert recipe.model == ForgeRecipe().model


def test_an_empty_file_is_a_recipe(write):
    assert load_recipe(write(""), []) == ForgeRecipe()


def test_a_setting_is_stronger_than_the_file_and_a_later_one_than_an_earlier(write):
    path = write("[training]\nlearning_rate = 2e-4\n")
    recipe = load_recipe(path, ["training.learning_rate=3e-4", "seed=1", "seed=2"])
    assert (recipe.training.learning_rate, recipe.seed) == (3e-4, 2)


@pytest.mark.parametrize(
    ("setting", "section", "key", "value"),
    [
        ("training.epochs=2", "training", "epochs", 2.0),
        ("training.learning_rate = 5e-4", "training", "learning_rate", 5e-4),
        ("pairs.body=false", "pairs", "body", False),
        ("model.base=some/model", "model", "base", "some/model"),
        ('model.base="quoted"', "model", "base", "quoted"),
        ("model.base=/a folder/with = signs", "model", "base", "/a folder/with = signs"),
        ('collect.languages=["python", "go"]', "collect", "languages", ("python", "go")),
        ("collect.checks=[]", "collect", "checks", ()),
        ("evaluation.fim_tasks=0", "evaluation", "fim_tasks", 0),
    ],
)
def test_a_setting_has_its_type(setting, section, key, value):
    found = getattr(getattr(load_recipe(None, [setting]), section), key)
    assert found == value and type(found) is type(value)


def test_the_recipe_we_ship_can_be_read():
    recipe = load_recipe(LAPTOP, [])
    assert recipe.model.base == "smollm2-135m-instruct"


def test_a_recipe_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError):
        load_recipe(None, []).seed = 3


# ------------------------------------------------------------------------------------------------------------------ refused
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[training]\nlearning_rat = 1\n", ["unknown key 'training.learning_rat'", "did you mean 'learning_rate'?"]),
        ("[trainin]\nepochs = 1\n", ["unknown key 'trainin'", "did you mean 'training'?"]),
        ("sed = 3\n", ["unknown key 'sed'", "did you mean 'seed'?"]),
        ("[training]\nqqqqqqqq = 1\n", ["unknown key 'training.qqqqqqqq'", "known: ", "learning_rate"]),
        ("[training]\nlearning_rate = 'fast'\n", ["training.learning_rate = 'fast'", "valid number"]),
        ("[training]\nlearning_rate = -1\n", ["training.learning_rate = -1", "greater than 0"]),
        ("[model]\nlora_rank = 2.5\n", ["model.lora_rank = 2.5", "integer"]),
        ("[model]\ndtype = 'float8'\n", ["model.dtype = 'float8'", "pattern"]),
        ("[collect]\nchecks = [1]\n", ["collect.checks.0 = 1", "string"]),
        ("training = 3\n", ["training = 3"]),
        ("seed = 'x'\n", ["seed = 'x'", "integer"]),
        ("seed = \n", ["cannot be read as TOML", "line 1"]),
        ("[training\n", ["cannot be read as TOML"]),
        (b"\xff\xfe\x00", ["cannot be read as TOML"]),
        ("seed = 1\nseed = 2\n", ["cannot be read as TOML"]),
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_line_with_its_name(write, text, told):
    path = write(text)
    line = refusal(path)
    assert line.startswith(f"{path}: ")
    assert [word for word in told if word not in line] == []


def test_a_file_that_is_not_there_and_one_that_is_a_folder(tmp_path):
    assert refusal(tmp_path / "no.toml").startswith(f"{tmp_path / 'no.toml'}: no such recipe; ")
    assert refusal(tmp_path).startswith(f"{tmp_path}: cannot be read as TOML")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("training.lr=1", ["unknown key 'training.lr'"]),
        ("training.learning_rat=1", ["did you mean 'learning_rate'?"]),
        ("trainin.epochs=1", ["unknown key 'trainin'", "did you mean 'training'?"]),
        ("training.learning_rate=fast", ["training.learning_rate = 'fast'", "valid number"]),
        ("training.learning_rate", ["'training.learning_rate' is not a setting", "section.key=value"]),
        ("=3", ["'=3' is not a setting"]),
        ("seed.x=1", ["seed"]),
        ("training=3", ["training = 3"]),
        ("a.b.c.d=1", ["unknown key 'a'"]),
        ("training..epochs=1", ["training"]),
        (".=1", ["unknown key"]),
    ],
)
def test_what_is_wrong_with_a_setting_is_one_line(setting, told):
    line = refusal(None, setting)
    assert line.startswith("--set")
    assert [word for word in told if word not in line] == []


def test_a_setting_below_a_value_is_refused(write):
    assert "'seed' is a value, not a section" in refusal(write("seed = 3\n"), "seed.x=1")


def test_a_wrong_setting_is_not_blamed_on_the_file(write):
    path = write("seed = 3\n")
    assert refusal(path, "training.learning_rat=1").startswith("--set")


def test_a_forge_takes_sources_and_a_recipe(write):
    path = write("[[sources]]\nspec = 'a'\n\n[training]\nepochs = 3\n")
    for sources, given in (([str(path), "b"], None), (["b"], path)):
        recipe = forge_recipe(sources, given, ["seed=4"])
        assert [source.spec for source in recipe.sources] == ["a", "b"]
        assert (recipe.training.epochs, recipe.seed) == (3, 4)
    assert forge_recipe(["x", "y"], None, []).data().sources == forge_recipe(["x", "y"], None, []).sources


@pytest.mark.parametrize(
    ("sources", "told"),
    [([], "nothing to learn from"), (["a.toml", "b.toml"], "one recipe at a time"), (["a.toml"], "no such")],
)
def test_a_forge_without_sources_or_with_two_recipes_is_refused(sources, told):
    with pytest.raises(RecipeError, match=told):
        forge_recipe(sources, None, [])


def test_screening_is_the_default_and_can_be_left_out():
    recipe = forge_recipe(["a"], None, [])
    assert [rule.check for rule in recipe.screen.rules] == ["malware"] and recipe.redact.secrets and recipe.redact.personal
    assert recipe.duplicates.action == "drop" and "licence" in recipe.screen.names
    bare = forge_recipe(["a"], None, ["screen.checks=['quality']"], screened=False)
    assert not bare.screen.names and not bare.redact.checks and bare.duplicates.action == "off"


def test_a_licence_policy_drops_what_it_forbids():
    recipe = DataRecipe.model_validate({"screen": {"options": {"licence": {"deny": ["GPL-3.0-only"]}}}})
    assert [rule.check for rule in recipe.screen.all_rules] == ["malware", "licence"] and "licence" in recipe.screen.names
    own = {"rules": [{"check": "licence", "action": "negative"}], "options": {"licence": {}}}
    assert [rule.action for rule in DataRecipe.model_validate({"screen": own}).screen.all_rules] == ["negative"]
    bare = forge_recipe(["a"], None, ["screen.options={licence={deny=['MIT']}}"], screened=False)
    assert not bare.screen.all_rules and not bare.screen.names, "and the check has no options without being asked"
    assert DataRecipe.model_validate(bare.data().model_dump(mode="json")) == bare.data()


def test_every_value_says_where_it_is_from(write):
    path = write("[training]\nepochs = 3\nlearning_rate = 2e-3\n[[sources]]\nspec = 'a'\n")
    values = {value.key: value for value in resolved_values(path, ["training.epochs=4", "screen.checks=['quality']"])}
    assert (values["training.epochs"].text, values["training.epochs"].origin) == ("4.0", "--set")
    assert (values["training.learning_rate"].origin, values["sources"].origin) == (str(path), str(path))
    assert values["training.patience"].origin == values["pack.shares.fim"].origin == "default"
    assert values["screen.checks"].origin == "--set" and len(values) > 80


def test_a_training_takes_what_the_data_set_was_built_with(write):
    built = DataRecipe.model_validate({"sources": [{"spec": "a"}], "seed": 3, "collect": {"plain_text": True}})
    recipe = train_recipe(None, ["training.epochs=2"], built)
    assert (recipe.seed, recipe.collect.plain_text, recipe.training.epochs) == (3, True, 2.0) and recipe.data() == built
    assert train_recipe(write("[collect]\nplain_text = true\n"), [], built).data() == built
    with pytest.raises(RecipeError, match="'collect' is another than the data set was built with"):
        train_recipe(None, ["collect.plain_text=false"], built)
    with pytest.raises(RecipeError, match="'redact' is another"):
        train_recipe(write("[redact]\nsecrets = false\n"), [], built)
