"""The files for other editors: that they are what each editor reads, and that what it then sends is answered."""

import json
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest
import yaml

import yunque
from tests.serving.conftest import served
from yunque.core.nouns import PromptStyle
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.serving.fim_prompts import FORMS, taken_apart
from yunque.serving.lsp.server import Settings
from yunque.serving.tokens import Tokens

EDITORS = Path(__file__).parents[2] / "editors"
BEFORE, BEHIND = "def add(a, b):\n    return ", "\n\n\nprint(add(1, 2))\n"


@pytest.fixture
def engine():
    return ScriptedEngine({"return ": "a + b"})


@pytest.fixture
def url(engine, tmp_path):
    with served(engine, Tokens(tmp_path / "none.json")) as url:
        yield url


# ------------------------------------------------------------------------------------------------- one form for all clients
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0].strip())
def test_what_a_client_has_rendered_is_taken_apart(form):
    prefix, suffix, middle = form
    assert taken_apart(f"{prefix}{BEFORE}{suffix}{BEHIND}{middle}") == (BEFORE, BEHIND)
    assert taken_apart(f"# other.py\n{prefix}{BEFORE}{suffix}{BEHIND}{middle}") == (f"# other.py\n{BEFORE}", BEHIND)
    assert taken_apart(f"{prefix}{suffix}{BEHIND}{middle}{BEFORE}") == (BEFORE, BEHIND)
    assert taken_apart(f"{prefix}{suffix}{BEHIND}{middle}") == ("", BEHIND)


@pytest.mark.parametrize(
    "code", ["", "x = 1", 'MARKS = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")', "<fim_middle>",
             "<fim_prefix>a<fim_middle>", "<fim_suffix>a<fim_prefix>b<fim_middle>"]
)  # fmt: skip
def test_code_that_speaks_of_such_tokens_is_code(code):
    assert taken_apart(code) is None


# --------------------------------------------------------------------------------------------------------------- jetbrains
def test_the_template_for_lsp4ij_is_one(url):
    folder = EDITORS / "jetbrains" / "yunque"
    template = json.loads((folder / "template.json").read_text())
    assert set(template) == {"id", "name", "programArgs", "fileTypeMappings"} and template["programArgs"] == {
        "default": "yunque lsp"
    }
    for mapping in template["fileTypeMappings"]:
        assert set(mapping) == {"fileType", "languageId"} and mapping["fileType"]["patterns"]
    assert json.loads((folder / "clientSettings.json").read_text()) == {}
    schema = json.loads((folder / "initializationOptions.schema.json").read_text())
    names = {
        "".join(part.capitalize() if n else part for n, part in enumerate(name.split("_")))
        for name in Settings.__dataclass_fields__
    }
    assert set(schema["properties"]) == names  # of every setting of the server, and of no other
    options = json.loads((folder / "initializationOptions.json").read_text())
    assert set(options) <= names and Settings().with_values(options) == Settings()
    settings = json.loads((folder / "settings.json").read_text())["yunque"]
    assert set(settings) <= names and Settings().with_values(settings) == Settings()
    whole = json.loads((folder / "settings.schema.json").read_text())["properties"]["yunque"]["properties"]
    assert whole == schema["properties"]


def _camel(name):
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


# ----------------------------------------------------------------------------------------------------------- neovim, emacs
def test_the_file_for_neovim_is_lua_that_it_can_start():
    text = (EDITORS / "neovim" / "lsp" / "yunque.lua").read_text()
    assert "cmd = { 'yunque', 'lsp' }" in text
    if not (lua := shutil.which("lua5.4") or shutil.which("lua")):
        pytest.skip("no toolchain for lua")
    program = f"vim = {{g = {{}}, cmd = {{redrawstatus = function() end}}}}\nlocal c = (function() {text} end)()\n"
    program += "c.handlers['yunque/status'](nil, {state = 'held', reason = 'held back'})\n"
    program += "print(c.cmd[2], #c.filetypes > 10, vim.g.yunque_status, c.init_options.feedback)"
    done = subprocess.run([lua, "-e", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\t") == ["lsp", "true", "yunque: held back", "off\n"]


def test_the_file_for_emacs_closes_what_it_opens():
    """No Emacs here: that it can be read is all that is said."""
    text = (EDITORS / "emacs" / "yunque.el").read_text()
    depth, in_text = 0, False
    for line in text.splitlines():
        for number, char in enumerate(line):
            if char == '"' and (number == 0 or line[number - 1] != "\\"):
                in_text = not in_text
            elif char == ";" and not in_text:
                break
            elif not in_text:
                depth += (char == "(") - (char == ")")
            assert depth >= 0
    assert depth == 0 and not in_text and "(provide 'yunque)" in text


# ---------------------------------------------------------------------------------------- editors that know OpenAI's shape
def test_what_zed_sends_is_answered(url, engine):
    settings = json.loads((EDITORS / "zed" / "settings.json").read_text())["edit_predictions"]
    zed = settings[settings["provider"]]
    assert zed["api_url"].endswith("/v1/completions")
    prefix, suffix, middle = FORMS[0]
    body = {
        "model": zed["model"], "prompt": f"{prefix}{BEFORE}{suffix}{BEHIND}{middle}", "max_tokens": zed["max_output_tokens"],
        "temperature": 0.2, "stop": ["<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<|endoftext|>"],
    }  # fmt: skip
    answer = httpx2.post(zed["api_url"].replace("http://127.0.0.1:8765", url), json=body).json()
    assert answer["choices"][0]["text"] == "a + b"
    assert (engine.asked[-1].prompt, engine.asked[-1].suffix) == (BEFORE, BEHIND)
    assert engine.asked[-1].style is PromptStyle.FIM


def test_what_continue_sends_is_answered(url, engine):
    config = yaml.safe_load((EDITORS / "continue" / "config.yaml").read_text())
    assert {"name", "version", "schema", "models"} == set(config) and config["schema"] == "v1"
    model = next(model for model in config["models"] if "autocomplete" in model["roles"])
    assert model["env"] == {"useLegacyCompletionsEndpoint": True} and model["model"] == "starcoder2"
    prefix, suffix, middle = FORMS[0]
    body = {
        "model": model["model"], "prompt": f"{prefix}{BEFORE}{suffix}{BEHIND}{middle}", "stream": True,
        "max_tokens": model["defaultCompletionOptions"]["maxTokens"], "temperature": 0,
        "stop": ["<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>", "<|endoftext|>", "</fim_middle>", "</code>",
                 "\n\n", "\r\n\r\n", "/src/", "#- coding: utf-8", "```", "\nclass", "\nfunction", "\ndef", "\nimport"],
    }  # fmt: skip
    base = model["apiBase"].replace("http://127.0.0.1:8765", url)
    headers = {"Authorization": f"Bearer {model['apiKey']}"}
    lines = httpx2.post(f"{base}/completions", json=body, headers=headers).text.split("\n\n")
    pieces = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    assert "".join(piece["choices"][0]["text"] for piece in pieces) == "a + b"
    assert engine.asked[-1].suffix == BEHIND


def test_what_llama_vscode_sends_is_answered(url, engine):
    settings = json.loads((EDITORS / "llama.vscode" / "settings.json").read_text())
    assert all(name.startswith("llama-vscode.") for name in settings)
    body = {
        "id_slot": 0, "input_prefix": "def add(a, b):\n", "prompt": "    return ", "input_suffix": BEHIND, "input_extra": [],
        "n_predict": settings["llama-vscode.n_predict"], "top_k": 40, "top_p": 0.99, "stream": False, "n_indent": 4,
        "samplers": ["top_k", "top_p", "infill"], "cache_prompt": True, "t_max_prompt_ms": 500, "t_max_predict_ms": 500,
        "response_fields": ["content"],
    }  # fmt: skip
    endpoint = settings["llama-vscode.endpoint"].replace("http://127.0.0.1:8765", url)
    assert httpx2.post(f"{endpoint}/infill", json=body).json()["content"] == "a + b"


def test_every_editor_of_the_page_has_its_files():
    page = (EDITORS.parent / "docs" / "editors.md").read_text()
    for folder in ("jetbrains", "neovim", "emacs", "zed", "continue", "llama.vscode", "vscode"):
        assert f"editors/{folder}" in page


def test_the_extension_has_the_packages_version_and_every_setting_is_described():
    package = json.loads((EDITORS / "vscode" / "package.json").read_text())
    assert package["version"] == yunque.__version__
    page = (EDITORS.parent / "docs" / "editors.md").read_text()
    for name, setting in package["contributes"]["configuration"]["properties"].items():
        assert f"`{name}`" in page or f"`{name}` (" in page, name
        assert setting.get("description") or setting.get("markdownDescription")
