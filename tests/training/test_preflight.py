"""A run that is sound passes; one that is broken in one way is refused for that, and says which key to change."""

import json
import shutil

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, FalconH1Config, MambaConfig, MistralConfig, Qwen3NextConfig

from yunque.core.errors import TrainingError
from yunque.core.nouns import Outcome, Pair, PairKind, Preference, content_id
from yunque.data.packing.preferences import pack_preferences
from yunque.data.packing.rows import PackRecipe, pack
from yunque.models.recipe import ModelRecipe
from yunque.models.tokenizer import add_fim, find_fim, load_tokenizer
from yunque.training.preflight.checks import CHECKS, refuse, verdicts
from yunque.training.preflight.context import Preflight
from yunque.training.recipe import TrainingRecipe
from yunque.training.run import TrainingJob

TEMPLATE = (
    "{% for m in messages %}<repo_name>{{ m.role }}\n{{ m.content }}<|endoftext|>\n{% endfor %}"
    "{% if add_generation_prompt %}<repo_name>assistant\n{% endif %}"
)


def pairs(count=40):
    for index in range(count):
        prompt, answer = f"def area_{index}(width, height):", f"\n    return width * height + {index}"
        yield Pair(
            id=content_id(prompt), kind=PairKind.BODY, prompt=prompt, answer=answer, span_bytes=None, language="python",
            natural_language="en", origin_ids=(prompt,),
        )  # fmt: skip


@pytest.fixture
def make_job(base_folder, tmp_path):
    """A maker of jobs on a tiny base, or another, whose rows or tokenizer were changed; keywords go to the recipe."""

    def make(*, change_rows=None, change_tokenizer=None, base=base_folder, model=None, packed=True, chat=True, **training):
        folder = tmp_path / "packed"
        folder.mkdir()
        tokenizer = load_tokenizer(base)
        new_ids = add_fim(tokenizer)
        if change_tokenizer:
            change_tokenizer(tokenizer)
        recipe = PackRecipe(length_tokens=128, prompt_tokens=64, packed=packed)
        rows, _ = pack(pairs(), tokenizer, find_fim(tokenizer), recipe, 10**6, 1)
        if change_rows:
            change_rows(rows)
        for part in ("train", "validation"):
            rows.save(folder, part)
        tokenizer.save_pretrained(folder / "tokenizer")
        settings = TrainingRecipe(**{"rows_per_step": 2} | training)
        tuned = model or ModelRecipe(lora_rank=4)
        return TrainingJob(
            base=base, packed=folder, new_ids=tuple(new_ids), model=tuned, training=settings, seed=1, chat=chat
        )

    return make


@pytest.fixture
def look(tmp_path):
    def look(job):
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        return {verdict.check: verdict for verdict in verdicts(Preflight(job=job, scratch=scratch, out=tmp_path))}

    return look


@pytest.fixture
def other_base(base_folder, tmp_path):
    """A maker of bases of other kinds with the tiny tokenizer."""

    def make(kind, **settings):
        torch.manual_seed(0)
        small = {"vocab_size": 420, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 6, "eos_token_id": 0}
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 512}
        own = {} if kind is MambaConfig else heads
        config = kind(**small | own | {"initializer_range": 0.1, "bos_token_id": 0, "pad_token_id": None} | settings)
        folder = tmp_path / "other"
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
        load_tokenizer(base_folder).save_pretrained(folder)
        return folder

    return make


def wrong(verdicts):
    """For a message."""
    return [f"{name}: {v.findings[0].message}" for name, v in verdicts.items() if v.findings]


def fails(verdicts, name):
    """The one check that fails, and that it is refused by name; nothing else is found out to be broken."""
    assert {check for check, verdict in verdicts.items() if verdict.outcome is Outcome.FAIL} == {name}
    with pytest.raises(TrainingError) as caught:
        refuse(list(verdicts.values()))
    assert f"preflight {name}: " in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------------------------ sound
@pytest.mark.parametrize("tuning", ["lora", "dora", "rslora", "full"])
def test_a_sound_run_passes(make_job, look, tuning):
    verdicts = look(make_job(model=ModelRecipe(lora_rank=4, tuning=tuning)))
    assert list(verdicts) == list(CHECKS)
    outcomes = {name: verdict.outcome for name, verdict in verdicts.items()}
    assert outcomes.pop("chat-template") is Outcome.SKIP
    assert set(outcomes.values()) == {Outcome.PASS}, wrong(verdicts)
    assert not any(verdict.findings for verdict in verdicts.values())
    refuse(list(verdicts.values()))


def test_a_base_with_another_head_and_a_template_passes(make_job, look, make_base):
    base = make_base(tie_word_embeddings=False, spare_rows=16, num_hidden_layers=6)
    verdicts = look(make_job(base=base, change_tokenizer=lambda t: setattr(t, "chat_template", TEMPLATE)))
    assert {verdict.outcome for verdict in verdicts.values()} == {Outcome.PASS}, wrong(verdicts)


def test_pretraining_from_whole_files_passes(make_job, look):
    verdicts = look(make_job(model=ModelRecipe(tuning="full"), objective="pretrain", learning_rate=3e-3))
    assert {verdict.outcome for verdict in verdicts.values()} == {Outcome.PASS, Outcome.SKIP}, wrong(verdicts)


# ----------------------------------------------------------------------------------------------------------- broken data
def test_rows_of_another_tokenizer(make_job, look, base_folder, tmp_path):
    job = make_job()
    path = tmp_path / "packed" / "tokenizer" / "tokenizer.json"
    content = json.loads(path.read_text())
    vocabulary = content["model"]["vocab"]
    first, second = list(vocabulary)[300:302]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    path.write_text(json.dumps(content))
    assert "the rows' tokenizer is not the base's" in fails(look(job), "tokenizer")


def test_a_token_beyond_the_embedding(make_job, look):
    def change(rows):
        rows.ids[0, 0] = 5000

    verdicts = look(make_job(change_rows=change))
    assert verdicts["vocabulary"].outcome is Outcome.FAIL
    with pytest.raises(TrainingError, match=r"use token 5000, the embedding has rows for 0 to 423; choose a model\.base"):
        refuse(list(verdicts.values()))


def forget_ends(rows):
    for row in range(len(rows)):
        ends = np.flatnonzero(np.diff(rows.segments[row], append=0))
        rows.answers[row, ends[rows.segments[row, ends] > 0]] = False


def wrong_ends(rows):
    rows.ids[rows.ids == 0] = 7


@pytest.mark.parametrize("change", [forget_ends, wrong_ends])
def test_an_end_that_is_not_trained(make_job, look, change):
    message = fails(look(make_job(change_rows=change)), "end-token")
    assert "40 of 40 answers do not end in a trained end token" in message and "eos_token" in message


def test_a_sample_without_an_answer(make_job, look):
    def change(rows):
        rows.answers[0, rows.segments[0] == 1] = False

    verdicts = look(make_job(change_rows=change))
    assert "1 of 40 samples have no trained token" in verdicts["masked"].findings[0].message
    assert "pack.length_tokens" in verdicts["masked"].detail


def test_nothing_to_learn_at_all(make_job, look):
    def change(rows):
        rows.answers[:] = False

    assert "no token of any row is trained" in look(make_job(change_rows=change))["masked"].findings[0].message


@pytest.mark.parametrize(
    ("template", "what"),
    [
        (TEMPLATE.replace("m.content", "m.content | upper"), "does not give back"),
        (TEMPLATE.replace("m.content", "m.content | replace('\n', ' ')"), "changes a question"),
        ("{{ raise_exception('no') }}", "does not give back"),
    ],
)
def test_a_template_that_changes_what_it_is_given(make_job, look, template, what):
    message = fails(look(make_job(change_tokenizer=lambda t: setattr(t, "chat_template", template))), "chat-template")
    assert what in message and "chat_template" in message


@pytest.mark.parametrize(
    "template",
    [
        TEMPLATE.replace(
            "{{ m.content }}", "{{ '<think></think>' if m.role == 'assistant' else '' }}{{ m.content }}"
        ),  # Qwen3
        TEMPLATE.replace("m.content", "m.content | trim"),  # Llama 3, Gemma
    ],
)
def test_templates_in_wide_use_are_no_reason_to_refuse(make_job, look, template):
    verdict = look(make_job(change_tokenizer=lambda t: setattr(t, "chat_template", template)))["chat-template"]
    assert verdict.outcome is Outcome.PASS


def test_without_pairs_in_a_template_a_bad_one_is_a_warning(make_job, look):
    template = TEMPLATE.replace("m.content", "m.content | upper")
    job = make_job(change_tokenizer=lambda t: setattr(t, "chat_template", template), chat=False)
    verdict = look(job)["chat-template"]
    assert verdict.outcome is Outcome.PASS and verdict.findings[0].severity == "warning"


def test_a_turn_that_ends_otherwise_than_answers_is_a_warning(make_job, look):
    template = TEMPLATE.replace("<|endoftext|>", "<repo_name>")
    verdict = look(make_job(change_tokenizer=lambda t: setattr(t, "chat_template", template)))["chat-template"]
    assert verdict.outcome is Outcome.PASS and verdict.findings[0].severity == "warning"
    assert "both must stop an answer" in verdict.findings[0].message


# --------------------------------------------------------------------------------------------------------- broken recipes
@pytest.mark.parametrize(
    ("tuning", "settings", "what"),
    [
        ("full", {"learning_rate": 1e-2}, "training.learning_rate is 0.01; 1e-06 to 0.0005 is usual for full"),
        ("lora", {"learning_rate": 0.3}, "training.learning_rate is 0.3; 1e-05 to 0.002 is usual for lora"),
        ("lora", {"learning_rate": 1e-7}, "training.learning_rate is 1e-07"),
    ],
)
def test_what_is_out_of_range_is_a_warning(make_job, look, tuning, settings, what):
    verdict = look(make_job(model=ModelRecipe(lora_rank=4, tuning=tuning), **settings))["rates"]
    assert verdict.outcome is Outcome.PASS and verdict.findings[0].severity == "warning"
    assert what in verdict.findings[0].message


def test_a_batch_larger_than_is_usual_is_a_warning(make_job, look, monkeypatch):
    monkeypatch.setattr("yunque.training.preflight.inputs.MOST_ROWS", 2)
    assert "training.rows_per_step is 4; 2 is usual at most" in look(make_job(rows_per_step=4))["rates"].findings[0].message


def test_a_step_larger_than_the_data_is_a_warning(make_job, look):
    verdict = look(make_job(rows_per_step=500, learning_rate=5e-3))["rates"]
    assert verdict.outcome is Outcome.PASS and "one step takes 500 rows, and there are" in verdict.findings[0].message


def test_more_memory_than_there_is(make_job, look, monkeypatch):
    monkeypatch.setattr("yunque.training.preflight.inputs.free_memory_bytes", lambda: 500_000_000)
    message = fails(look(make_job()), "memory")
    assert "of 0.5 GB that are free; lower training.rows_at_once" in message and "training.checkpointing" in message


def test_memory_that_is_tight_is_a_warning(make_job, look, monkeypatch):
    monkeypatch.setattr("yunque.training.preflight.inputs.free_memory_bytes", lambda: 800_000_000)
    verdict = look(make_job())["memory"]
    assert verdict.outcome is Outcome.PASS and verdict.findings[0].severity == "warning"


def test_a_disk_without_room(make_job, look, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr("yunque.training.preflight.inputs.shutil.disk_usage", lambda _: usage)
    assert "name another --out" in fails(look(make_job()), "disk")


# ---------------------------------------------------------------------------------------------------------- broken models
RECURRENT = {
    "mamba": (MambaConfig, {"state_size": 8, "num_hidden_layers": 2}),
    "falcon-h1, both": (
        FalconH1Config,
        {"mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 16, "mamba_n_groups": 1},
    ),
    "qwen3-next, in turns": (
        Qwen3NextConfig,
        {
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "num_experts": 2,
            "num_experts_per_tok": 1,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
        },
    ),
    "sliding window": (MistralConfig, {"sliding_window": 6}),
}


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_model_that_looks_beyond_a_sample_is_refused_packed_and_runs_unpacked(make_job, look, other_base, kind, tmp_path):
    config, settings = RECURRENT[kind]
    base = other_base(config, **settings)
    verdicts = look(make_job(base=base, model=ModelRecipe(lora_rank=4)))
    assert verdicts["packed"].outcome is Outcome.FAIL, wrong(verdicts)
    assert "pack.packed = false" in verdicts["packed"].detail
    for folder in ("packed", "scratch"):
        shutil.rmtree(tmp_path / folder)
    unpacked = look(make_job(base=base, packed=False, model=ModelRecipe(lora_rank=4)))
    assert unpacked["packed"].outcome is Outcome.SKIP


def test_a_window_wider_than_samples_is_no_harm(make_job, look, other_base):
    assert look(make_job(base=other_base(MistralConfig, sliding_window=100)))["packed"].outcome is Outcome.PASS


def test_a_mean_where_a_sum_is_asked_for(make_job, look):
    message = fails(look(make_job(objective="tests.training.broken:MeanLoss")), "accumulation")
    assert "training.objective must give a sum" in message


def test_an_adapter_that_merging_loses(make_job, look, monkeypatch):
    monkeypatch.setattr(PeftModel, "merge_and_unload", lambda self: self.unload(), raising=False)
    message = fails(look(make_job()), "merge")
    assert "100 % of what training changed" in message and "model.tuning" in message


def test_a_state_that_no_checkpoint_holds(make_job, look):
    verdicts = look(make_job(objective="tests.training.broken:Remembers"))
    assert verdicts["resume"].outcome is Outcome.FAIL
    assert "resumed, the next loss is" in verdicts["resume"].findings[0].message


def test_what_cannot_be_looked_at_is_not_passed(make_job, look, base_folder, tmp_path):
    job = make_job()
    broken = tmp_path / "broken"
    shutil.copytree(base_folder, broken)
    (broken / "model.safetensors").write_bytes(b"cut short")
    verdicts = look(TrainingJob(**{**vars(job), "base": broken}))
    assert verdicts["packed"].outcome is Outcome.ERROR
    with pytest.raises(TrainingError, match="could not be looked at"):
        refuse(list(verdicts.values()))


# -------------------------------------------------------------------------------------------------------------- preferences
@pytest.mark.parametrize("objective", ["dpo", "kto", "orpo"])
def test_preferences_are_looked_at_as_well(make_job, look, objective):
    def prefer(job):
        tokenizer = load_tokenizer(job.packed / "tokenizer")
        some = [Preference(**vars(pair) | {"rejected": "\n    pass", "because": "tests"}) for pair in pairs()]
        recipe = PackRecipe(length_tokens=128, prompt_tokens=64)
        rows, _ = pack_preferences(some, tokenizer, find_fim(tokenizer), recipe, 10**6, 1, paired=objective != "kto")
        for part in ("train", "validation"):
            rows.save(job.packed, part)
        return job

    verdicts = look(prefer(make_job(objective=objective)))
    assert not [name for name, verdict in verdicts.items() if verdict.outcome is Outcome.FAIL], wrong(verdicts)
    assert verdicts["rates"].outcome is Outcome.PASS and not verdicts["rates"].findings


def test_rows_without_preferences_are_refused_for_dpo(make_job, look):
    verdicts = look(make_job(objective="dpo"))
    assert "the rows hold no preferences" in " ".join(wrong(verdicts))
