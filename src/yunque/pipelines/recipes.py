"""A TOML recipe to typed values: defaults, then the file, then ``--set a.b=value``; an unknown key names its nearest."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, overload

from pydantic import BaseModel, Field, ValidationError

from yunque.core.errors import RecipeError
from yunque.core.plugins import nearest
from yunque.data.collect import CollectRecipe
from yunque.data.duplicates.find import DuplicatesRecipe
from yunque.data.packing.mixture import MixtureRecipe
from yunque.data.packing.rows import PackRecipe
from yunque.data.pairs.make import PairsRecipe
from yunque.data.screening.cleaning import CleanRecipe
from yunque.data.screening.redaction import RedactRecipe
from yunque.data.screening.screen import ScreenRecipe
from yunque.data.split import SplitRecipe
from yunque.evaluation.repository.questions import EvaluationRecipe
from yunque.models.recipe import ModelRecipe
from yunque.training.recipe import TrainingRecipe

R = TypeVar("R", bound=BaseModel)


class SourceRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """One source of a data build."""

    spec: str = Field()
    """What `yunque forge` takes, or a stream such as history:PATH; see docs/data.md."""
    options: dict[str, Any] = {}
    """What this kind of source can be told, e.g. a column map."""


class DataRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Everything that decides a data set."""

    seed: int = 17
    """seed of every random choice"""
    sources: tuple[SourceRecipe, ...] = ()
    """[[sources]] tables, in order."""
    collect: CollectRecipe = CollectRecipe()
    screen: ScreenRecipe = ScreenRecipe()
    clean: CleanRecipe = CleanRecipe()
    redact: RedactRecipe = RedactRecipe()
    pairs: PairsRecipe = PairsRecipe()
    mixture: MixtureRecipe = MixtureRecipe()
    duplicates: DuplicatesRecipe = DuplicatesRecipe()


class ForgeRecipe(DataRecipe):
    """Everything that decides a forged model: its data set, and one section for each step after that."""

    split: SplitRecipe = SplitRecipe()
    pack: PackRecipe = PackRecipe()
    model: ModelRecipe = ModelRecipe()
    training: TrainingRecipe = TrainingRecipe()
    evaluation: EvaluationRecipe = EvaluationRecipe()

    def data(self) -> DataRecipe:
        """Its data set's part, as `yunque data build` has it: of a split by time, what there was before. RecipeError."""
        day, until = self.split.after, self.collect.until
        if day and until and day != until:
            what = f"split.after is {day.isoformat()}, collect.until {until.isoformat()}"
            raise RecipeError(what, where="split", do="leave collect.until out: it follows from split.after")
        collect = self.collect.model_copy(update={"until": day or until})
        return DataRecipe(**{name: getattr(self, name) for name in DataRecipe.model_fields} | {"collect": collect})


UNSCREENED: dict[str, Any] = {
    "screen": {"checks": (), "rules": (), "options": {}},
    "redact": {"secrets": False, "personal": ()},
    "duplicates": {"action": "off"},
}
"""What ``--no-screen`` sets: everything that was collected is learned from, as it is."""


def forge_recipe(sources: Sequence[str], path: Path | None, settings: list[str], *, screened: bool = True) -> ForgeRecipe:
    """The recipe of a forge: of a file, with the sources that are named beside it. Raises RecipeError.

    A source that is a ``.toml`` file is the recipe. Not ``screened``: as `UNSCREENED` says, whatever the recipe does.
    """
    files = [source for source in sources if source.endswith(".toml")]
    if len(files) + (path is not None) > 1:
        raise RecipeError("one recipe at a time", where=files[-1], do="join them in one file")
    recipe = load_recipe(Path(files[0]) if files else path, settings)
    named = tuple(SourceRecipe(spec=source) for source in sources if source not in files)
    recipe = recipe.model_copy(update={"sources": (*recipe.sources, *named)})
    if not recipe.sources:
        raise RecipeError("nothing to learn from", do="name sources, or a recipe with [[sources]]")
    if screened:
        return recipe
    updates = {name: getattr(recipe, name).model_copy(update=keys) for name, keys in UNSCREENED.items()}
    return recipe.model_copy(update=updates)


def train_recipe(path: Path | None, settings: list[str], data: DataRecipe) -> ForgeRecipe:
    """The recipe of a training on a data set that was built by ``data``. Raises RecipeError.

    What a file or a setting says of data must be what the data set was built with.
    """
    recipe = load_recipe(path, settings)
    for name in DataRecipe.model_fields:
        if name != "seed" and name in recipe.model_fields_set and getattr(recipe, name) != getattr(data, name):
            where = "--set" if any(setting.startswith(f"{name}.") for setting in settings) else path
            do = "build another one with `yunque data build`, or leave it out"
            raise RecipeError(f"'{name}' is another than the data set was built with", where=where, do=do)
    if recipe.split.after and recipe.split.after != data.collect.until:
        built = f"until {data.collect.until.isoformat()}" if data.collect.until else "of all there is"
        do = "build another one with `yunque data build --set collect.until=DAY`, or leave it out"
        raise RecipeError(f"split.after is {recipe.split.after.isoformat()}, the data set {built}", where="split", do=do)
    given = {name: getattr(data, name) for name in DataRecipe.model_fields if name not in recipe.model_fields_set}
    return recipe.model_copy(update=given)


@dataclass(frozen=True, kw_only=True)
class RecipeValue:
    """One key of a recipe that is resolved."""

    key: str
    """With its section: ``training.epochs``."""
    text: str
    """As JSON, which TOML reads as well but for null."""
    origin: str
    """``default``, ``--set`` or the name of the file."""


def resolved_values(path: Path | None, settings: list[str]) -> list[RecipeValue]:
    """Every key of the recipe of a forge, in order. Raises RecipeError."""
    resolved = load_recipe(path, settings)
    given = set(_given(resolved))
    set_keys = {setting.partition("=")[0].strip() for setting in settings}
    values = []
    for key, value in _leaves(resolved):
        from_set = any(key == name or key.startswith(f"{name}.") for name in set_keys)
        origin = "--set" if from_set else str(path) if key in given else "default"
        values.append(RecipeValue(key=key, text=json.dumps(value, ensure_ascii=False), origin=origin))
    return values


def _leaves(recipe: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that is not a section, with its JSON value."""
    plain = recipe.model_dump(mode="json")
    for name in type(recipe).model_fields:
        value = getattr(recipe, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", plain[name]


def _given(recipe: BaseModel, prefix: str = "") -> Iterator[str]:
    """Those of them that a file or a setting named, not left to their defaults."""
    for name in recipe.model_fields_set:
        value = getattr(recipe, name)
        if isinstance(value, BaseModel):
            yield from _given(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@overload
def load_recipe(path: Path | None, settings: list[str]) -> ForgeRecipe: ...
@overload
def load_recipe(path: Path | None, settings: list[str], kind: type[R]) -> R: ...
def load_recipe(path: Path | None, settings: list[str], kind: type[BaseModel] = ForgeRecipe) -> BaseModel:
    """The recipe of a file (defaults without one) with ``a.b=value`` settings on top. Raises RecipeError."""
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RecipeError("no such recipe", where=path, do="recipes are TOML files, see recipes/laptop.toml") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RecipeError(f"cannot be read as TOML ({error})", where=path) from error
    for setting in settings:
        _put(tree, setting)
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        raise explain(error, path, kind, {setting.partition("=")[0].strip() for setting in settings}) from error


def _put(tree: dict[str, Any], setting: str) -> None:
    """Put ``a.b=value`` into the tree; the value is read as TOML, or else is a plain string."""
    name, equals, text = setting.partition("=")
    if not equals or not name.strip():
        raise RecipeError(f"'{setting}' is not a setting", where="--set", do="write --set section.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, key = name.strip().split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise RecipeError(f"'{section}' is a value, not a section", where="--set " + setting)
    tree[key] = value


def explain(error: ValidationError, path: Path | None, kind: type[BaseModel], set_keys: Collection[str] = ()) -> RecipeError:
    """The first thing wrong with a recipe, with its key and, for an unknown key, the nearest known one.

    ``set_keys``: those that an option set, not the file.
    """
    first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")  # a misspelt key explains a missing one
    place = [str(part) for part in first["loc"]]
    key = ".".join(place)
    where = "--set" if path is None or key in set_keys else path
    if first["type"] == "tuple_type" and isinstance(first["input"], dict) and len(place) == 1:
        return RecipeError(f"{key} is a list of tables", where=where, do=f"write [[{key}]], not [{key}]")
    if first["type"] != "extra_forbidden":
        given = repr(first["input"])[:60]
        return RecipeError(f"{key} = {given}: {first['msg'].lower()}", where=where)
    model: Any = kind
    for part in place[:-1]:
        if not part.isdigit():  # the number of a table in an array of tables
            annotation = model.model_fields[part].annotation
            model = next((arg for arg in get_args(annotation) if isinstance(arg, type)), annotation)
    hint = nearest(place[-1], list(model.model_fields))
    return RecipeError(f"unknown key '{key}'", where=where, do=hint)
