"""What the tests of several rooms share: marks, a tiny model and its tokenizer, made here, no network, and a sandbox.

Nothing heavy is imported before a test asks for it, so that the light rooms stay quick to test.
"""

import contextlib
import gc
import multiprocessing
import os
import shutil
import signal
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["ACCELERATE_USE_CPU"] = "true"  # bit-equality is promised on a CPU

from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]
FOLDER_MARKS = {"hostile": "hostile", "story": "story"}
FIXTURE_MARKS = {
    **dict.fromkeys(("toolchain", "npm_registry", "eslint_here", "pylint_here", "tests_box", "browser"), "toolchain"),
    **{"benchmark_files": "corpus", "cluster": "ray", "alone": "timing", "vscode_here": "editors"},
}
"""A test carries the mark of a folder above it, and of every fixture it uses, directly or through another one."""
LONG_ROOMS = ("story", "evaluation", "training", "hostile", "inference", "cli", "sandbox", "store")

END, REPOSITORY = "<|endoftext|>", "<repo_name>"
TORCH_ROOMS = {"models", "training", "inference"}
CODE = '''
def area(width: int, height: int) -> int:
    """Area of a rectangle."""
    if width < 0 or height < 0:
        raise ValueError("a side is negative")
    return width * height


class Stack:
    """Last in, first out."""

    def __init__(self, items=()):
        self.items = list(items)

    def push(self, item):
        """Put an item on top."""
        self.items.append(item)

    def pop(self):
        """Take the item from the top."""
        if not self.items:
            raise IndexError("the stack is empty")
        return self.items.pop()


def words(text: str) -> dict[str, int]:
    """How often each word occurs."""
    counts = {}
    for word in text.lower().split():
        counts[word] = counts.get(word, 0) + 1
    return counts
'''


# Processes that the product starts are forks of one that has these; without it each would import them anew, in a second.
multiprocessing.set_forkserver_preload(
    ["pytest", "yunque.data.collect", "yunque.data.screening.finishing", "yunque.data.duplicates.find"]
)


# --------------------------------------------------------------------------------------------------------- marks and order
# Examples of a property: as a person works, in CI, and `HYPOTHESIS_PROFILE=sweep` to look for new ones.
for profile, num_examples in (("dev", 25), ("ci", 300), ("sweep", 5_000)):
    hypothesis.settings.register_profile(
        profile,
        max_examples=num_examples,
        derandomize=profile != "sweep",
        deadline=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
        print_blob=True,
    )
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collecting makes a million objects that stay: looking through them for garbage, then and later, is time lost."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks by folder and fixture; the rooms whose files take longest first, so that no process ends alone."""
    items.sort(key=lambda item: (*LONG_ROOMS, _room(item.path)).index(_room(item.path)))
    for item in items:
        folders, fixtures = item.path.relative_to(ROOT).parts, getattr(item, "fixturenames", ())
        for mark in sorted({*map(FOLDER_MARKS.get, folders), *map(FIXTURE_MARKS.get, fixtures)} - {None}):
            item.add_marker(mark)


@pytest.fixture
def alone():
    """For a test that compares times, or loads every core: it runs when no other test does."""


@pytest.fixture
def within():
    """``with within(seconds):`` the block may take that much processor time; other work on the machine does not count.

    What else is given is told when it takes longer.
    """

    @contextlib.contextmanager
    def check(seconds: float, *about: object):
        started = time.process_time()
        yield
        took = time.process_time() - started
        assert took < seconds, (f"{took:.1f} s of processor time, where {seconds} s are allowed", *about)

    return check


@pytest.fixture(scope="session")
def benchmark_files() -> Path:
    """The public benchmark files; they are no part of the repository."""
    folder = Path(os.environ.get("YUNQUE_BENCHMARKS", ROOT.parent / "shared" / "benchmarks"))
    if not folder.is_dir():
        pytest.skip("shared/benchmarks is not here")
    return folder


@pytest.fixture(scope="session")
def toolchain():
    """``toolchain("java")`` skips the test where that language cannot be run."""
    from yunque.core.errors import SandboxError
    from yunque.sandbox.languages.table import runtime
    from yunque.sandbox.languages.toolchains import find_toolchain

    def need(name: str):
        try:
            return find_toolchain(runtime(name))
        except SandboxError:
            pytest.skip(f"no toolchain for {name}: {runtime(name).install}")

    return need


@pytest.fixture(scope="session")
def compiled(tmp_path_factory) -> Path:
    """The cache of compiled programs that all processes of a session share; its keys are hashes of all that decides."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled"


@pytest.fixture(scope="session")
def cluster():
    """One Ray cluster on this machine for the whole session; it leaves the signals of this process as they were."""
    from yunque.inference.ray_engine import connect

    before = signal.getsignal(signal.SIGTERM)
    ray = connect()
    assert signal.getsignal(signal.SIGTERM) is before
    yield ray
    ray.shutdown()


@pytest.fixture(scope="session")
def forked():
    """Calls of the command line, without the imports that each would do anew; see tests/forked.py."""
    from tests.forked import ROOMS, Forked

    with contextlib.closing(Forked(*ROOMS)) as server:
        yield server


@pytest.fixture(scope="session")
def forked_with_torch():
    """The same for verbs that need a model."""
    from tests.forked import ROOMS, TORCH, Forked

    with contextlib.closing(Forked(*ROOMS, *TORCH)) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    """Debian's chromium, without a window."""
    if not (chromium := shutil.which("chromium")):
        pytest.skip("chromium is not available here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def _room(path: Path) -> str:
    return path.relative_to(ROOT).parts[1]


# --------------------------------------------------------------------------------------------------------------------- torch
@pytest.fixture(autouse=True)
def _one_thread(request):
    """Tiny tensors are slower on many threads, and sums keep one order."""
    if _room(request.path) not in TORCH_ROOMS:
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def code() -> str:
    """A few lines of Python, known to the tiny tokenizer."""
    return CODE


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory):
    """A byte-level BPE tokenizer with an end token and one more special token: no fill-in-the-middle tokens, no pad."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=[END, REPOSITORY],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(CODE.splitlines(keepends=True), trainer)
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=END, additional_special_tokens=[REPOSITORY])
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def make_base(tokenizer_folder, tmp_path_factory):
    """A maker of tiny random Llama folders (0.1 million weights); ``spare_rows`` pads the table, ``settings`` go to it."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    def make(*, spare_rows: int = 0, **settings):
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
        config = LlamaConfig(
            **{
                "vocab_size": len(tokenizer) + spare_rows,
                "hidden_size": 64,
                "intermediate_size": 128,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "max_position_embeddings": 1024,
                "tie_word_embeddings": True,
                "initializer_range": 0.1,  # large, so that a forgotten mask or position shows
                "bos_token_id": tokenizer.eos_token_id,
                "eos_token_id": tokenizer.eos_token_id,
                "pad_token_id": None,
            }
            | settings
        )
        torch.manual_seed(7)
        folder = tmp_path_factory.mktemp("base")
        LlamaForCausalLM(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def base_folder(make_base):
    """A tiny random Llama with tied embeddings, as an ordinary Hugging Face folder in float32."""
    return make_base()


@pytest.fixture(scope="session")
def fim_folder(base_folder, tmp_path_factory):
    """The same model after it got fill-in-the-middle tokens, as a forged one has them."""
    import torch

    from yunque.models.adapt import extend_vocabulary, load_model
    from yunque.models.tokenizer import add_fim, load_tokenizer

    tokenizer, model = load_tokenizer(base_folder), load_model(base_folder, torch.float32)
    extend_vocabulary(model, tokenizer, add_fim(tokenizer))
    folder = tmp_path_factory.mktemp("with-fim")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def tokenizer(base_folder):
    """The tiny tokenizer as it comes, fresh for every test."""
    from yunque.models.tokenizer import load_tokenizer

    return load_tokenizer(base_folder)


@pytest.fixture
def fim_tokenizer(fim_folder):
    """The tiny tokenizer with fill-in-the-middle tokens."""
    from yunque.models.tokenizer import load_tokenizer

    return load_tokenizer(fim_folder)


def open_box():
    """The strongest sandbox of this machine, or a skip that says why there is none."""
    from yunque.core.errors import SandboxError
    from yunque.sandbox import open_sandbox

    try:
        return open_sandbox()
    except SandboxError as error:
        pytest.skip(f"the sandbox is not available here: {error.line()}")


@pytest.fixture(scope="module")
def box():
    """A sandbox whose workers end with the module."""
    with open_box() as sandbox:
        yield sandbox


@pytest.fixture
def fresh(box):
    """The same sandbox, of whatever tier, without a worker that started before this test."""
    box.close()
    return box


@pytest.fixture(scope="session")
def tests_box():
    """A sandbox to run the tests of repositories in: every verdict starts a pytest."""
    with open_box() as sandbox:
        yield sandbox
