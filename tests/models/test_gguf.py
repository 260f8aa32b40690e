"""A model as one GGUF file: every architecture answers in llama.cpp as it does in torch, and its tokenizer is the same."""

import json

import pytest

from yunque.core.errors import ModelError
from yunque.models.base import BaseFacts
from yunque.models.exports.gguf import fim_ids, load_weights, permuted, unpermuted, write_gguf
from yunque.models.exports.gguf_tokenizer import load_gguf_tokenizer
from yunque.models.tokenizer import encode, load_tokenizer, opening

pytest.importorskip("xllamacpp")
FACTS = BaseFacts(name="tiny", source="a test", sha256="ab" * 32, licence="MIT", num_parameters=1)
TEXTS = ["def f(x):\n    return x + 10\n", "naïve 数字 x==1e10\t\tif\r\n  12345 don't", " <fim_prefix> ", "a  b   c"]


def tiny(kind, tokenizer):
    """A random model of that type."""
    import torch
    import transformers

    kind, _, biased = kind.partition(" ")
    names = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "starcoder2": "Starcoder2"}
    settings = {
        "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.1,
        "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None, "pad_token_id": None,
    }  # fmt: skip
    settings |= {"sliding_window": None} if kind in ("mistral", "starcoder2") else {}
    settings |= {"head_dim": 32} if kind == "qwen3" else {}
    settings |= {"attention_bias": True, "mlp_bias": False} if biased else {}
    settings |= {"tie_word_embeddings": kind in ("llama", "starcoder2")}
    torch.manual_seed(5)
    config = getattr(transformers, f"{names[kind]}Config")(**settings)
    model = getattr(transformers, f"{names[kind]}ForCausalLM")(config)
    for name, weight in model.named_parameters():
        if weight.dim() == 1:  # biases and norms that do nothing would hide a missing one
            torch.nn.init.normal_(weight, 1.0 if "norm" in name and name.endswith("weight") else 0.0, 0.1)
    return model


@pytest.fixture(scope="module")
def made(tmp_path_factory, tokenizer_folder):
    """A maker of folders of a type."""
    folders = {}

    def make(kind):
        if kind not in folders:
            tokenizer = load_tokenizer(tokenizer_folder)
            folders[kind] = tmp_path_factory.mktemp(kind.replace(" ", "-"))
            tiny(kind, tokenizer).save_pretrained(folders[kind])
            tokenizer.save_pretrained(folders[kind])
        return folders[kind]

    return make


@pytest.mark.parametrize("kind", ["llama", "llama with biases", "mistral", "qwen2", "qwen3", "starcoder2"])
def test_every_architecture_answers_as_in_torch(made, kind, tmp_path):
    import torch

    from yunque.inference.llama_cpp_engine import LlamaCppEngine
    from yunque.models.adapt import load_model

    folder, file = made(kind), tmp_path / "model.gguf"
    write_gguf(folder, file, FACTS, "f16")
    engine, model = LlamaCppEngine(file, slots=1, context_tokens=256, precise=True), load_model(folder, torch.float32).eval()
    for text in TEXTS:
        ids = encode(engine.tokenizer, text * 3)
        with torch.no_grad():
            logs_V = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0, -1].float(), dim=-1)
        likely = engine.token_log_probabilities(ids, 10)
        assert len(likely) == 10 and max(abs(float(logs_V[token]) - log) for token, log in likely.items()) < 1e-2


@pytest.mark.parametrize("quantization", ["q8_0", "q4_0", "q4_1"])
def test_a_quantised_file_loads_and_is_near(made, quantization, tmp_path):
    import torch

    from yunque.inference.llama_cpp_engine import LlamaCppEngine
    from yunque.models.adapt import load_model

    folder, file = made("llama"), tmp_path / "model.gguf"
    write_gguf(folder, file, FACTS, quantization)
    model, rounded = (load_model(folder, torch.float32).eval() for _ in range(2))
    load_weights(rounded, file)
    near = {"q8_0": 0.01, "q4_0": 0.15, "q4_1": 0.15}[quantization]
    for one, other in zip(model.parameters(), rounded.parameters(), strict=True):
        assert (one - other).abs().max() <= near * one.abs().max()
    assert any(not torch.equal(one, other) for one, other in zip(model.parameters(), rounded.parameters(), strict=True))
    engine = LlamaCppEngine(file, slots=1, context_tokens=256, precise=True)
    ids = encode(engine.tokenizer, TEXTS[0])
    with torch.no_grad():
        logs_V = torch.log_softmax(rounded(input_ids=torch.tensor([ids])).logits[0, -1].float(), dim=-1)
    likely = engine.token_log_probabilities(ids, 5)
    assert max(abs(float(logs_V[token]) - log) for token, log in likely.items()) < 0.2, "but for its rounded activations"


def test_permuting_is_undone():
    import numpy as np

    weight = np.arange(8 * 4 * 3).reshape(32, 3)
    assert (unpermuted(permuted(weight, 4), 4) == weight).all() and not (permuted(weight, 4) == weight).all()


def test_the_tokenizer_in_the_file_is_that_of_the_folder(made, fim_folder, tmp_path):
    for folder in (made("llama"), fim_folder):
        write_gguf(folder, tmp_path / "m.gguf", FACTS)
        mine, given = load_tokenizer(folder), load_gguf_tokenizer(tmp_path / "m.gguf")
        for text in TEXTS:
            assert encode(given, text) == encode(mine, text)
            assert given.decode(encode(mine, text)) == mine.decode(encode(mine, text))
        assert (given.eos_token_id, given.chat_template, opening(given)) == (
            mine.eos_token_id,
            mine.chat_template,
            opening(mine),
        )
        assert fim_ids(given) == fim_ids(mine)
    assert set(fim_ids(given)) >= {"pre", "suf", "mid", "pad"}


def test_what_a_reader_finds_in_the_file(fim_folder, tmp_path):
    import gguf

    write_gguf(fim_folder, tmp_path / "m.gguf", FACTS)
    fields = {name: field.contents() for name, field in gguf.GGUFReader(str(tmp_path / "m.gguf")).fields.items()}
    ids = fim_ids(load_tokenizer(fim_folder))
    assert {name: fields[f"tokenizer.ggml.fim_{name}_token_id"] for name in ids} == ids
    assert (fields["general.license"], fields["general.name"]) == ("MIT", "tiny") and "ab" * 32 in fields[
        "general.description"
    ]
    assert list(tmp_path.iterdir()) == [tmp_path / "m.gguf"]


def test_what_cannot_be_written_is_one_line_and_leaves_nothing(made, tmp_path):
    other = tmp_path / "other"
    cases = [
        ({"model_type": "gemma3"}, "models of type 'gemma3' cannot be written as GGUF; known: llama, mistral"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "its rope is scaled"),
        ({"use_sliding_window": True}, "its attention slides"),
    ]
    for change, says in cases:
        other.mkdir(exist_ok=True)
        config = json.loads((made("qwen2") / "config.json").read_text())
        (other / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(ModelError, match=says) as caught:
            write_gguf(other, tmp_path / "m.gguf", FACTS)
        assert "\n" not in caught.value.line()
    with pytest.raises(ModelError, match=r"no quantisation 'q5'"):
        write_gguf(made("llama"), tmp_path / "m.gguf", FACTS, "q5")
    assert not list(tmp_path.glob("*.gguf")) and not list(tmp_path.glob(".*"))
    (tmp_path / "no.gguf").write_bytes(b"nonsense" * 100)
    with pytest.raises(ModelError, match="is not a GGUF file that can be read"):
        load_gguf_tokenizer(tmp_path / "no.gguf")
