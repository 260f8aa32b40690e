"""A plan by formula is arithmetic that a hand can check; a measured one is of the run itself, and says so."""

import pytest

from yunque.core.errors import RecipeError
from yunque.data.packing.rows import PackRecipe
from yunque.models.recipe import ModelRecipe
from yunque.training.devices import DEVICES, devices, find_device, here, main_memory_bytes
from yunque.training.plan import Planner, Work, memory_of, model_facts, work_of
from yunque.training.recipe import TrainingRecipe

FACTS = {
    "parameters": 135_000_000,
    "trained": 10_000_000,
    "width": 576,
    "ff": 1536,
    "layers": 30,
    "vocabulary": 49_152,
    "tables": 49_152 * 576,
}


def planner(base, **training):
    pack = PackRecipe(length_tokens=128, train_tokens=12_800, validation_tokens=1_280)
    recipe = TrainingRecipe(**{"epochs": 3.0, "validate_every": 10} | training)
    return Planner(base=base, model=ModelRecipe(lora_rank=4), training=recipe, pack=pack)


def test_the_work_is_counted():
    pack = PackRecipe(length_tokens=128, train_tokens=12_800, validation_tokens=1_280)
    work, steps = work_of(pack, TrainingRecipe(epochs=3.0, rows_per_step=4, validate_every=10))
    assert steps == 75 and work == Work(train_tokens=75 * 4 * 128, validation_tokens=(1 + 8) * 1_280)
    assert work_of(pack, TrainingRecipe(rows_per_step=4), rows=40)[1] == 10


def test_by_formula_hours_energy_and_money_follow_from_the_table(base_folder):
    known, carbon = devices()
    result = planner(base_folder).plan(find_device("h100", known), 8, carbon, measure=False)
    facts = model_facts(base_folder, ModelRecipe(lora_rank=4))
    share = 0.45 * (64 / 2048) ** 0.5
    assert result.tokens_per_s == pytest.approx(8 * share * 989e12 / facts["flops"])
    assert result.hours == pytest.approx((75 * 512 + 9 * 1280 / 3) / result.tokens_per_s / 3600)
    assert result.kwh == pytest.approx(result.hours * 8 * 0.7) and result.usd == pytest.approx(result.hours * 8 * 2.5)
    assert result.co2_kg == pytest.approx(result.kwh * 0.47)
    assert not result.measured and result.fits and result.steps == 75 and result.count == 8


def test_the_facts_are_those_of_the_model(base_folder):
    import torch

    from yunque.models.adapt import add_lora, load_model

    recipe = ModelRecipe(lora_rank=4)
    facts, model = model_facts(base_folder, recipe), load_model(base_folder, torch.float32)
    assert facts["parameters"] == sum(weight.numel() for weight in model.parameters())
    adapted = add_lora(model, recipe, [])
    assert facts["trained"] == sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    assert model_facts(base_folder, ModelRecipe(tuning="full"))["trained"] == facts["parameters"]


def test_memory_grows_with_what_needs_it():
    def gigabytes(tuning="lora", length=512, dtype="float32", facts=FACTS, **training):
        return memory_of(facts, ModelRecipe(tuning=tuning, dtype=dtype), TrainingRecipe(**training), length, "cpu") / 1e9

    plain = gigabytes()
    assert 2 < plain < 5
    assert gigabytes(rows_at_once=4) > plain + 2 and gigabytes(length=1024) > plain + 0.5
    assert gigabytes(checkpointing=True) < plain - 0.5 and gigabytes(dtype="bfloat16") < plain - 0.5
    assert gigabytes("qlora", dtype="bfloat16") < gigabytes("lora", dtype="bfloat16")
    assert gigabytes("full", facts=FACTS | {"trained": FACTS["parameters"]}) > plain + 1


def test_what_is_sharded_is_divided_and_what_is_gathered_is_not():
    def states(sharding, count, **more):
        recipe = TrainingRecipe(sharding=sharding, **more)
        return memory_of(FACTS, ModelRecipe(tuning="full"), recipe, 512, "cuda", count)

    facts = FACTS | {"trained": 135_000_000}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FACTS, "trained", facts["trained"])
        weights, gathered = 4 * 135e6, 4 * (2 * (135e6 - FACTS["tables"]) / 30 + FACTS["tables"])
        assert states("none", 8) == states("none", 1)
        assert states("none", 1) - states("zero1", 8) == pytest.approx(weights - 3 * weights / 8, rel=1e-6)
        assert states("none", 1) - states("zero2", 8) == pytest.approx(2 * weights - 4 * weights / 8, rel=1e-6)
        assert states("none", 1) - states("fsdp", 8) == pytest.approx(4 * weights * 7 / 8 - gathered, rel=1e-6)
        assert states("zero3", 8) - states("fsdp", 8) == pytest.approx(weights / 8 + weights, rel=1e-6)  # with its bucket
        assert states("fsdp", 8) - states("fsdp", 8, offload=True) == pytest.approx(4 * weights / 8, rel=1e-6)


def test_measured_here_it_says_so(base_folder):
    known, carbon = devices()
    result = planner(base_folder).plan(here(known), 1, carbon, measure=True)
    assert result.measured and result.tokens_per_s > 50 and result.memory_bytes > 1e8 and result.device == "cpu"
    assert result.hours == pytest.approx((75 * 512 + 9 * 1280 / 3) / result.tokens_per_s / 3600)


def test_the_speed_of_a_cpu_is_not_guessed(base_folder):
    known, carbon = devices()
    with pytest.raises(RecipeError, match="the speed of 'cpu' is not known; leave --no-measure out"):
        planner(base_folder).plan(here(known), 1, carbon, measure=False)


def test_a_device_that_nobody_knows_is_refused():
    with pytest.raises(RecipeError, match=r"no device 'h1000'.*h100"):
        find_device("h1000", devices()[0])
    assert find_device("H100", devices()[0]).memory_gb == 80


@pytest.mark.parametrize(
    ("called", "key"),
    [
        ("NVIDIA H200", "h200"),
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("NVIDIA RTX A1000", ""),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA L4", "l4"),
    ],
)
def test_a_device_is_known_by_a_whole_word_of_its_name(monkeypatch, called, key):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: called)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: type("Properties", (), {"total_memory": 10**11}))
    known, _ = devices()
    found = here(known)
    assert found.name == called and found.memory_gb == 100 and found.tflops == (known[key].tflops if key else 0)
    if key:
        assert find_device(key, known) == found  # it is here: it can be measured


def test_a_table_of_ones_own(tmp_path):
    path = tmp_path / "devices.toml"
    path.write_text(DEVICES.read_text().replace("usd_per_hour = 2.5", "usd_per_hour = 9.0").replace("0.47", "0.1"))
    known, carbon = devices(path)
    assert known["h100"].usd_per_hour == 9.0 and carbon == 0.1


@pytest.mark.parametrize("text", ["x = [", "carbon_kg_per_kwh = 1\n[h100]\ntflops = 1\n", "[h100]\ntflops = 1\n", None])
def test_a_table_that_is_none_is_refused_in_a_line(tmp_path, text):
    path = tmp_path / "devices.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RecipeError, match="is no table of devices") as caught:
        devices(path)
    assert "\n" not in str(caught.value)


def test_this_machine_has_memory():
    total, free = main_memory_bytes()
    assert total > free > 1e8
