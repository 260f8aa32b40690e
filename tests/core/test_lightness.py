"""Importing the package, and asking for help, load nothing heavy."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "pyarrow", "peft", "matplotlib", "huggingface_hub", "tensorboard", "accelerate")
LOADED = f"import sys; print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
ROOMS = "import yunque.core.nouns, yunque.core.seams, yunque.core.plugins, yunque.core.errors, yunque.core.progress; "


def loaded_after(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("loaded:"), done.stderr
    return last.removeprefix("loaded:").strip()


def test_the_check_itself_sees_a_heavy_module():
    assert loaded_after(f"import pyarrow; {LOADED}") == "pyarrow"


@pytest.mark.parametrize("imports", ["import yunque; ", ROOMS, "import yunque.cli.main; ", "import yunque.sandbox; "])
def test_an_import_is_light(imports):
    assert loaded_after(imports + LOADED) == ""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["forge", "--help"], ["models", "--help"]], ids=" ".join)
def test_a_word_of_help_is_light(arguments):
    code = f"import atexit; atexit.register(lambda: exec({LOADED!r}, {{}})); from yunque.cli.main import run; run()"
    assert loaded_after(code, *arguments) == ""


def test_core_needs_the_standard_library_alone():
    code = (
        f"{ROOMS}import sys; own = {{name.partition('.')[0] for name in sys.modules}} - set(sys.stdlib_module_names);"
        " print('loaded:', *sorted(name for name in own if not name.startswith('_')))"
    )
    found = set(loaded_after(code).split())
    plain = set(loaded_after("import sys; print('loaded:', *{name.partition('.')[0] for name in sys.modules})").split())
    assert found - plain == {"yunque"}


def test_a_recipe_is_read_without_torch():
    done = loaded_after(
        "from pathlib import Path; from yunque.pipelines.recipes import load_recipe; load_recipe(None, []); " + LOADED
    )
    assert "torch" not in done.split() and "transformers" not in done.split()
