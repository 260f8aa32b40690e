"""New rows beside untouched old ones, an adapter that changes nothing at first, and a merge that is the adapter."""

import copy
import socket

import huggingface_hub.constants
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from yunque.core.errors import ModelError
from yunque.models.adapt import add_lora, choose_dtype, extend_vocabulary, load_adapter, load_model, merge, save_adapter
from yunque.models.recipe import ModelRecipe
from yunque.models.tokenizer import add_fim, encode, find_fim, load_tokenizer

RECIPE = ModelRecipe(lora_rank=4, dropout=0.0)


@pytest.fixture(scope="module")
def folders(make_base, base_folder):
    """Bases that keep their tables differently."""
    return {
        "tied": base_folder,
        "untied": make_base(tie_word_embeddings=False),
        "spare": make_base(spare_rows=16),
        "few spare": make_base(spare_rows=2),
        "untied, spare": make_base(spare_rows=16, tie_word_embeddings=False),
    }


def grown(folder):
    """The model in a folder with four new rows, its tokenizer and their ids."""
    tokenizer, model = load_tokenizer(folder), load_model(folder, torch.float32)
    new_ids = add_fim(tokenizer)
    extend_vocabulary(model, tokenizer, new_ids)
    return model.eval(), tokenizer, new_ids


def adapted_and_trained(folder, recipe=RECIPE):
    """The same with an adapter whose every weight is away from where it began."""
    model, tokenizer, new_ids = grown(folder)
    torch.manual_seed(2)
    adapted = add_lora(model, recipe, new_ids).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in adapted.parameters():
            if weight.requires_grad:
                weight += 0.05 * torch.randn(weight.shape, generator=generator)
    return adapted, tokenizer, new_ids


def tables(model):
    return model.get_input_embeddings().weight, model.get_output_embeddings().weight


@torch.no_grad()
def logits(model, tokenizer, text, *more_ids):
    return model(input_ids=torch.tensor([[*encode(tokenizer, text), *more_ids]]), use_cache=False).logits[0].float()


# ------------------------------------------------------------------------------------------------------------------ new rows
@pytest.mark.parametrize("kind", ["tied", "untied", "spare", "few spare"])
def test_old_rows_keep_every_bit(folders, kind):
    before = [table.detach().clone() for table in tables(load_model(folders[kind], torch.float32))]
    model, _, new_ids = grown(folders[kind])
    for old, new in zip(before, tables(model), strict=True):
        assert torch.equal(new[: min(new_ids)], old[: min(new_ids)])


@pytest.mark.parametrize("kind", ["tied", "untied", "spare", "few spare"])
def test_new_rows_differ_and_lie_where_they_disturb_least(folders, kind):
    model, _, new_ids = grown(folders[kind])
    for table in tables(model):
        rows, old = table[new_ids], table[: min(new_ids)]
        usual = old.norm(dim=1).mean()
        assert torch.pdist(rows).min() > 0.001 * usual
        assert ((rows - old.mean(dim=0)).norm(dim=1) < 0.03 * usual).all()


def test_old_text_keeps_the_logits_of_old_tokens(folders, code):
    before, (model, tokenizer, new_ids) = load_model(folders["tied"], torch.float32).eval(), grown(folders["tied"])
    old = logits(before, tokenizer, code)
    new = logits(model, tokenizer, code)
    assert new.shape[1] == old.shape[1] + len(new_ids)
    assert torch.allclose(new[:, : old.shape[1]], old, atol=1e-5)


def test_tied_tables_stay_one_table(folders):
    given, taken = tables(grown(folders["tied"])[0])
    assert given.data_ptr() == taken.data_ptr()


def test_untied_tables_stay_two_and_both_grow(folders):
    model, _, new_ids = grown(folders["untied"])
    given, taken = tables(model)
    assert given.data_ptr() != taken.data_ptr()
    assert len(given) == len(taken) == model.config.vocab_size == max(new_ids) + 1


def test_spare_rows_are_used_and_kept(folders):
    before = load_model(folders["spare"], torch.float32)
    model, tokenizer, new_ids = grown(folders["spare"])
    assert len(tables(model)[0]) == len(tables(before)[0]) > max(new_ids) + 1
    assert torch.equal(tables(model)[0][len(tokenizer) :], tables(before)[0][len(tokenizer) :])


def test_nothing_new_changes_nothing(base_folder):
    model = load_model(base_folder, torch.float32)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    extend_vocabulary(model, load_tokenizer(base_folder), [])
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


# --------------------------------------------------------------------------------------------------------------- the adapter
def test_only_adapters_and_new_rows_are_trained(folders):
    model, _, new_ids = grown(folders["tied"])
    adapted = add_lora(model, RECIPE, new_ids)
    trained = {name: weight for name, weight in adapted.named_parameters() if weight.requires_grad}
    rows = [weight for name, weight in trained.items() if "trainable_tokens" in name]
    assert [tuple(weight.shape) for weight in rows] == [(len(new_ids), 64)]
    assert len(trained) - len(rows) == 2 * 7 * 2  # A and B of seven linear layers in two blocks
    assert all("lora_A" in name or "lora_B" in name or "trainable_tokens" in name for name in trained)
    assert not any("lm_head" in name for name in trained)


def test_without_new_rows_only_adapters_are_trained(fim_folder):
    adapted = add_lora(load_model(fim_folder, torch.float32), RECIPE, [])
    assert all("lora_" in name for name, weight in adapted.named_parameters() if weight.requires_grad)


@pytest.mark.parametrize("kind", ["tied", "untied"])
def test_a_fresh_adapter_changes_nothing(folders, code, kind):
    model, tokenizer, new_ids = grown(folders[kind])
    before = logits(model, tokenizer, code, *new_ids)
    assert torch.equal(logits(add_lora(model, RECIPE, new_ids).eval(), tokenizer, code, *new_ids), before)


def test_alpha_is_twice_the_rank(folders):
    model, _, new_ids = grown(folders["tied"])
    config = add_lora(model, RECIPE, new_ids).peft_config["default"]
    assert (config.r, config.lora_alpha) == (4, 8)


def test_dropout_acts_only_while_training(folders, code):
    adapted, tokenizer, _ = adapted_and_trained(folders["tied"], ModelRecipe(lora_rank=4, dropout=0.5))
    plain, _, _ = adapted_and_trained(folders["tied"])
    assert torch.equal(logits(adapted, tokenizer, code), logits(plain, tokenizer, code))
    adapted.train()
    plain.train()
    first, second = logits(adapted, tokenizer, code), logits(adapted, tokenizer, code)
    assert not torch.allclose(first, second)
    assert torch.equal(logits(plain, tokenizer, code), logits(plain.eval(), tokenizer, code))


def test_a_step_moves_new_rows_and_leaves_old_rows_alone(folders, code):
    model, tokenizer, new_ids = grown(folders["tied"])
    before = tables(model)[0].detach().clone()
    adapted = add_lora(model, RECIPE, new_ids)
    optimizer = torch.optim.SGD([weight for weight in adapted.parameters() if weight.requires_grad], lr=1.0)
    ids = torch.tensor([[*new_ids, *encode(tokenizer, code)[:20]]])
    adapted(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    optimizer.step()
    after = tables(adapted.merge_and_unload())[0]
    assert torch.equal(after[: min(new_ids)], before[: min(new_ids)])
    assert (after[new_ids] != before[new_ids]).any(dim=1).all()


# -------------------------------------------------------------------------------------------------------- saving and merging
@pytest.mark.parametrize("kind", ["tied", "untied"])
def test_a_merge_in_float32_is_the_adapter(folders, code, kind):
    adapted, tokenizer, new_ids = adapted_and_trained(folders[kind])
    wanted = logits(adapted, tokenizer, code, *new_ids)
    merged = copy.deepcopy(adapted).merge_and_unload()
    assert torch.allclose(logits(merged, tokenizer, code, *new_ids), wanted, atol=1e-4)


@pytest.mark.parametrize("kind", ["tied", "untied", "spare"])
def test_a_merged_folder_gives_the_logits_of_the_adapter(folders, code, kind, tmp_path):
    base, tokenizer, new_ids = grown(folders[kind])
    adapted, _, _ = adapted_and_trained(folders[kind])
    rounded = copy.deepcopy(adapted).merge_and_unload()
    with torch.no_grad():  # the weights alone: buffers, such as the rotary frequencies, are not saved
        for weight in rounded.parameters():
            weight.copy_(weight.to(torch.bfloat16))
    wanted, unadapted = logits(adapted, tokenizer, code, *new_ids), logits(base, tokenizer, code, *new_ids)
    exact = logits(rounded, tokenizer, code, *new_ids)
    merge(adapted, tokenizer, tmp_path)
    found = logits(load_model(tmp_path, torch.float32).eval(), tokenizer, code, *new_ids)
    assert torch.allclose(found, exact, atol=1e-5), "saving does more than round to bfloat16"
    assert (found - wanted).norm() < 0.1 * (wanted - unadapted).norm(), "the adapter is not in the merged weights"
    agree = (found.argmax(dim=1) == wanted.argmax(dim=1)).float().mean()
    assert agree > 0.95 > (unadapted.argmax(dim=1) == wanted.argmax(dim=1)).float().mean()


def test_a_merged_folder_is_an_ordinary_one(folders, code, tmp_path):
    adapted, tokenizer, new_ids = adapted_and_trained(folders["tied"])
    rows = dict(adapted.named_parameters())
    rows = next(weight.detach().clone() for name, weight in rows.items() if "trainable_tokens" in name)
    merge(adapted, tokenizer, tmp_path)
    model, again = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert model.dtype == torch.bfloat16
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.config.use_cache
    assert model.config.pad_token_id == again.pad_token_id == find_fim(again).pad
    assert tables(model)[0].data_ptr() == tables(model)[1].data_ptr()
    assert torch.equal(tables(model)[0][new_ids], rows.to(torch.bfloat16))
    assert encode(again, code) == encode(tokenizer, code)
    assert not list(tmp_path.glob("adapter*"))


@pytest.mark.parametrize("kind", ["tied", "untied", "spare", "few spare", "untied, spare"])
def test_a_saved_adapter_comes_back(folders, code, kind, tmp_path):
    adapted, tokenizer, new_ids = adapted_and_trained(folders[kind])
    save_adapter(adapted, tmp_path)
    again = load_adapter(folders[kind], tmp_path, tokenizer, "float32").eval()
    wanted = logits(adapted, tokenizer, code, *new_ids)
    assert torch.equal(logits(again, tokenizer, code, *new_ids), wanted)


def test_a_saved_adapter_is_small(folders, tmp_path):
    adapted, _, _ = adapted_and_trained(folders["tied"])
    save_adapter(adapted, tmp_path)
    trained = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    assert (tmp_path / "adapter_model.safetensors").stat().st_size < 4 * trained + 20_000


def test_saving_never_asks_the_network(folders, tmp_path, monkeypatch):
    asked = []

    def refuse(*address, **_):
        asked.append(address)
        raise OSError("no network in this test")

    adapted, tokenizer, _ = adapted_and_trained(folders["tied"])
    adapted.peft_config["default"].base_model_name_or_path = "some/base"
    adapted.get_base_model().config._name_or_path = "some/base"
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    save_adapter(adapted, tmp_path / "adapter")
    merge(adapted, tokenizer, tmp_path / "merged")
    assert asked == []


# ------------------------------------------------------------------------------------------------------------------ refusals
def test_an_adapter_of_another_shape_is_refused(folders, make_base, tmp_path):
    adapted, tokenizer, _ = adapted_and_trained(folders["tied"])
    save_adapter(adapted, tmp_path)
    with pytest.raises(ModelError, match="does not fit its base"):
        load_adapter(make_base(hidden_size=32), tmp_path, tokenizer, "float32")


def test_a_missing_adapter_is_refused(folders, tokenizer, tmp_path):
    with pytest.raises(ModelError) as caught:
        load_adapter(folders["tied"], tmp_path / "nowhere", tokenizer, "float32")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["weights", "config", "empty"])
def test_a_model_that_cannot_be_read_is_refused_in_one_line(base_folder, tmp_path, damage):
    if damage != "empty":
        for file in base_folder.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    if damage == "weights":
        (tmp_path / "model.safetensors").write_bytes(b"not weights")
    if damage == "config":
        (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_model(tmp_path, torch.float32)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("wanted", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_a_wanted_dtype_is_taken(base_folder, wanted, dtype):
    assert choose_dtype(wanted) is dtype
    assert load_model(base_folder, choose_dtype(wanted)).dtype is dtype


@pytest.mark.parametrize(("fast", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_is_bfloat16_only_where_it_is_faster(monkeypatch, fast, dtype):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: fast)
    assert choose_dtype("auto") is dtype


def test_the_end_that_was_taught_stands_in_every_config(make_base, tmp_path):
    import json

    base = make_base(eos_token_id=1)
    told = json.loads((base / "generation_config.json").read_text()) | {"eos_token_id": [1]}
    (base / "generation_config.json").write_text(json.dumps(told))
    adapted, tokenizer, _ = adapted_and_trained(base)
    merge(adapted, tokenizer, tmp_path)
    end = tokenizer.eos_token_id
    assert end != 1 and json.loads((tmp_path / "config.json").read_text())["eos_token_id"] == end
    assert json.loads((tmp_path / "generation_config.json").read_text())["eos_token_id"] == [end, 1]
