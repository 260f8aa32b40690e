"""`yunque export`: a file that answers as its model does, or one line."""

import json
import shutil

import pytest

from yunque.core.errors import ModelError
from yunque.pipelines.export import NUM_PROMPTS, Export

pytest.importorskip("xllamacpp")


def test_a_file_is_compared_with_the_model(fim_folder, tmp_path):
    said = []
    exact = Export(model=fim_folder, quantization="f16", out=tmp_path / "a.gguf", say=said.append).run()
    assert exact.largest_difference < 1e-2 and exact.bits_per_byte is None
    assert exact.same_answers > NUM_PROMPTS // 2, "a random model has many near ties, and writes halves of characters"
    assert exact.path.stat().st_size == exact.num_bytes and not said
    rounded = Export(model=fim_folder, out=tmp_path / "b.gguf").run()
    before, after = rounded.bits_per_byte
    assert before != after and abs(before - after) < 0.05 * before and rounded.num_bytes < exact.num_bytes
    assert "bits per byte: " in rounded.lines()[1] and f"of {NUM_PROMPTS} greedy answers the same" in rounded.lines()[0]
    with_default = shutil.copytree(fim_folder, tmp_path / "model")
    (tmp_path / "model.copies").write_bytes(b"an index")
    assert Export(model=with_default, quantization="q4_0").run().path == tmp_path / "model.gguf"
    Export(model=with_default, quantization="q4_0", out=tmp_path / "c.gguf").run()
    assert (tmp_path / "c.copies").read_bytes() == b"an index" and not (tmp_path / "b.copies").exists()


def test_a_file_that_llama_cpp_reads_otherwise_is_not_kept(fim_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("yunque.models.exports.gguf.permuted", lambda weight, heads: weight)
    with pytest.raises(ModelError, match=r"llama\.cpp reads it otherwise: log-probabilities differ by"):
        Export(model=fim_folder, quantization="f16", out=tmp_path / "a.gguf").run()
    assert not list(tmp_path.iterdir())


def test_an_adapter_is_merged_into_its_base(base_folder, tmp_path, fim_folder):
    import torch
    from transformers import AutoModelForCausalLM

    from yunque.models.adapt import add_lora, load_model, save_adapter
    from yunque.models.recipe import ModelRecipe
    from yunque.models.tokenizer import load_tokenizer

    torch.manual_seed(3)
    adapted = add_lora(load_model(base_folder, torch.float32), ModelRecipe(lora_rank=2), [])
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, 0.0, 0.3)
    save_adapter(adapted, tmp_path / "adapter")
    load_tokenizer(base_folder).save_pretrained(tmp_path / "adapter")
    named = Export(model=tmp_path / "adapter", to="merged", base=str(base_folder)).run()
    assert named.path == tmp_path / "adapter-merged"
    one, base = (AutoModelForCausalLM.from_pretrained(folder) for folder in (named.path, base_folder))
    assert not torch.equal(one.model.layers[0].mlp.up_proj.weight.float(), base.model.layers[0].mlp.up_proj.weight.float())
    file = Export(model=tmp_path / "adapter", base=str(base_folder), quantization="f16").run()
    assert file.path == tmp_path / "adapter.gguf" and file.largest_difference < 0.02
    copied = Export(model=tmp_path / "adapter", to="adapter").run()
    assert {path.name for path in copied.path.iterdir()} >= {"adapter_config.json", "adapter_model.safetensors"}
    config = tmp_path / "adapter" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": "/nowhere/base"}))
    with pytest.raises(ModelError, match=r"its base is not here \(no such folder\); name it with --base"):
        Export(model=tmp_path / "adapter").run()


def test_what_cannot_be_exported_is_one_line(fim_folder, tmp_path):
    for job, says in (
        (Export(model=tmp_path / "nope"), "no such model folder; run `yunque forge` first"),
        (Export(model=fim_folder, to="onnx"), "no form 'onnx'"),
        (Export(model=fim_folder, to="adapter"), "holds merged weights, no adapter"),
        (Export(model=fim_folder, to="merged"), "holds merged weights already"),
        (Export(model=fim_folder, quantization="q3"), "no quantisation 'q3'"),
    ):
        with pytest.raises(ModelError, match=says) as caught:
            job.run()
        assert "\n" not in caught.value.line()
