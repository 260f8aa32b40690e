"""The same preferences, the same weights: losses and gradients are TRL's, however the answers are packed."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from tests.training.objectives.test_answers import VOCABULARY
from yunque.core.errors import TrainingError
from yunque.core.plugins import find_part
from yunque.data.packing.rows import MISMATCHED, UNWANTED, WANTED, Rows
from yunque.models.adapt import load_model
from yunque.training.loop import Trainer
from yunque.training.objectives.preferences import DirectPreference, KahnemanTversky, OddsRatio
from yunque.training.recipe import TrainingRecipe

LENGTH, SEGMENTS = 96, 8


def rows_of(*layout):
    """Rows of (prompt ids, answer ids, role), each a list."""
    ids = np.full((len(layout), LENGTH), VOCABULARY - 1, dtype=np.int32)
    answers, segments = np.zeros(ids.shape, dtype=bool), np.zeros(ids.shape, dtype=np.int16)
    roles = np.zeros((len(layout), SEGMENTS), dtype=np.int8)
    for row, samples in enumerate(layout):
        start = 0
        for number, (prompt, answer, role) in enumerate(samples, start=1):
            end = start + len(prompt) + len(answer)
            ids[row, start:end] = [*prompt, *answer]
            answers[row, start + len(prompt) : end] = True
            segments[row, start:end] = number
            roles[row, number - 1] = role
            start = end
    return Rows(ids=ids, answers=answers, segments=segments, roles=roles)


def draw(*lengths, seed=3):
    generator = np.random.default_rng(seed)
    return [generator.integers(1, VOCABULARY - 1, length).tolist() for length in lengths]


PAIRS = [tuple(draw(*lengths, seed=seed)) for seed, lengths in enumerate([(5, 6, 4), (3, 2, 9), (8, 1, 1)])]
"""(prompt, wanted, unwanted)."""
PAIRED = rows_of(*[[(p, w, WANTED), (p, u, UNWANTED)] for p, w, u in PAIRS])
PACKED = rows_of([part for p, w, u in PAIRS for part in ((p, w, WANTED), (p, u, UNWANTED))])


@pytest.fixture
def models(fim_folder):
    """The reference, and two copies of another model, which is trained."""

    def moved():
        model = load_model(fim_folder, torch.float32).train()
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn(weight.shape, generator=generator) * 0.02)
        return model

    return load_model(fim_folder, torch.float32).eval(), moved(), moved()


def referring(objective, model, rows):
    """The rows with what the model says of them."""
    with torch.no_grad():
        reference = objective.reference(model, objective.batch(rows, np.arange(len(rows)))).numpy()
    return Rows(**{name: array for name, array in vars(rows).items() if array is not None} | {"reference": reference})


def mean(objective, model, rows):
    batch = objective.batch(rows, np.arange(len(rows)))
    return objective.loss(model, batch) / objective.weight(batch)


def assert_same(loss, wanted, ours, theirs):
    assert loss.item() == pytest.approx(wanted.item(), abs=1e-4)
    loss.backward()
    wanted.backward()
    for (name, one), (_, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert (one.grad - other.grad).norm() <= 1e-4 * other.grad.norm() + 1e-5, name


def settings(folder, **more):
    return {
        "output_dir": str(folder), "use_cpu": True, "bf16": False, "report_to": "none", "disable_tqdm": True,
        "gradient_checkpointing": False, "per_device_train_batch_size": len(PAIRS), **more,
    }  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- equal to TRL's
def padded(sequences, prompts, pad):
    """ids, attention and completion masks, padded on the right, as TRL's collators make them."""
    length = max(map(len, sequences))
    ids = torch.full((len(sequences), length), pad)
    attention, completion = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, (sequence, prompt) in enumerate(zip(sequences, prompts, strict=True)):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        attention[row, : len(sequence)] = 1
        completion[row, len(prompt) : len(sequence)] = 1
    return ids, attention, completion


@pytest.mark.parametrize("beta", [0.1, 2.0])
@pytest.mark.parametrize("rows", [PAIRED, PACKED], ids=["a pair a row", "all in one"])
def test_dpo_is_trls(models, fim_folder, tmp_path, rows, beta):
    reference, ours, theirs = models
    objective = DirectPreference(TrainingRecipe(beta=beta))
    loss = mean(objective, ours, referring(objective, reference, rows))
    tokenizer = AutoTokenizer.from_pretrained(fim_folder)
    text = Dataset.from_dict({"prompt": ["a"] * 3, "chosen": ["b"] * 3, "rejected": ["c"] * 3})
    config = DPOConfig(**settings(tmp_path, beta=beta))
    trainer = DPOTrainer(model=theirs, ref_model=reference, args=config, train_dataset=text, processing_class=tokenizer)
    prompts = [prompt for prompt, _, _ in PAIRS] * 2
    sequences = [p + w for p, w, _ in PAIRS] + [p + u for p, _, u in PAIRS]
    ids, attention, completion = padded(sequences, prompts, VOCABULARY - 1)
    batch = {"input_ids": ids, "attention_mask": attention, "completion_mask": completion}
    assert_same(loss, trainer.compute_loss(trainer.model.train(), batch), ours, theirs)


UNPAIRED = [(p, w, WANTED) for p, w, _ in PAIRS] + [(PAIRS[0][0], PAIRS[0][2], UNWANTED)]


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.7, 1.5)])
def test_kto_is_trls(models, fim_folder, tmp_path, weights):
    reference, ours, theirs = models
    answers = [answer for _, answer, _ in UNPAIRED]
    cycled = [answers[-1], *answers[:-1]]
    elsewhere = [(prompt, answer, MISMATCHED) for (prompt, _, _), answer in zip(UNPAIRED, cycled, strict=True)]
    # All in one row, which is what a batch is to TRL.
    rows = rows_of(UNPAIRED + elsewhere)
    objective = KahnemanTversky(TrainingRecipe(beta=0.3, wanted_weight=weights[0], unwanted_weight=weights[1]))
    loss = mean(objective, ours, referring(objective, reference, rows))
    tokenizer = AutoTokenizer.from_pretrained(fim_folder)
    text = Dataset.from_dict({"prompt": ["a"] * 4, "completion": ["b"] * 4, "label": [True, False] * 2})
    config = KTOConfig(**settings(tmp_path, beta=0.3, desirable_weight=weights[0], undesirable_weight=weights[1]))
    trainer = KTOTrainer(model=theirs, ref_model=reference, args=config, train_dataset=text, processing_class=tokenizer)
    prompts = [prompt for prompt, _, _ in UNPAIRED]
    batch = {"label": torch.tensor([role == WANTED for _, _, role in UNPAIRED])}
    for name, those in (("", answers), ("KL_", cycled)):
        sequences = [prompt + answer for prompt, answer in zip(prompts, those, strict=True)]
        parts = padded(sequences, prompts, VOCABULARY - 1)
        batch |= dict(zip((f"{name}input_ids", f"{name}attention_mask", f"{name}completion_mask"), parts, strict=True))
    wanted = trainer.compute_loss(trainer.model.train(), batch)
    with torch.no_grad():
        far = objective.ratios(ours, objective.batch(referring(objective, reference, rows), np.arange(1)))[0, 4:].mean()
    assert abs(far.item()) > 0.01, "the point of reference must not be nothing"
    assert_same(loss, wanted, ours, theirs)


@pytest.mark.parametrize("pair", range(len(PAIRS)))
def test_orpo_is_trls_of_each_pair(models, fim_folder, tmp_path, pair):
    """One token of prompt, since TRL's loss on the wanted answer is taken on its prompt as well."""
    _, ours, theirs = models
    prompt, wanted, unwanted = PAIRS[pair][0][:1], PAIRS[pair][1], PAIRS[pair][2]
    rows = rows_of([(prompt, wanted, WANTED), (prompt, unwanted, UNWANTED)])
    loss = mean(OddsRatio(TrainingRecipe(beta=0.4)), ours, rows)
    tokenizer = AutoTokenizer.from_pretrained(fim_folder)
    text = Dataset.from_dict({"prompt": ["a"], "chosen": ["b"], "rejected": ["c"]})
    config = ORPOConfig(**settings(tmp_path, beta=0.4))
    trainer = ORPOTrainer(model=theirs, args=config, train_dataset=text, processing_class=tokenizer)
    batch = {}
    for name, answer in (("chosen", wanted), ("rejected", unwanted)):
        sequence = torch.tensor([prompt + answer])
        batch |= {f"{name}_input_ids": sequence, f"{name}_attention_mask": torch.ones_like(sequence)}
        batch[f"{name}_labels"] = sequence.masked_fill(torch.arange(sequence.shape[1]) < 1, -100)
    theirs_loss, _ = trainer.get_batch_loss_metrics(trainer.model.train(), batch)
    assert_same(loss, theirs_loss, ours, theirs)


# ------------------------------------------------------------------------------------------------------------ packed or not
@pytest.mark.parametrize("objective", [DirectPreference, KahnemanTversky, OddsRatio])
def test_one_row_or_several_are_the_same(models, objective):
    reference, ours, other = models
    objective = objective()
    one = mean(objective, ours, referring(objective, reference, PAIRED))
    all_in_one = mean(objective, other, referring(objective, reference, PACKED))
    assert_same(one, all_in_one, ours, other)


def test_rows_without_preferences_are_refused():
    rows = Rows(ids=PAIRED.ids, answers=PAIRED.answers, segments=PAIRED.segments)
    with pytest.raises(TrainingError, match=r"training.objective: the rows hold no preferences; use objective = 'sft'"):
        DirectPreference().batch(rows, np.arange(1))


def test_the_first_loss_is_known(models):
    """Before any training every ratio is 1: DPO begins at log 2, KTO at one half."""
    reference, _, _ = models
    for objective, wanted in ((DirectPreference(), np.log(2)), (KahnemanTversky(), 0.5)):
        assert mean(objective, reference, referring(objective, reference, PACKED)).item() == pytest.approx(wanted, abs=1e-6)


# -------------------------------------------------------------------------------------------------------------- the optimum
PROMPT, A, B = [7, 8, 9], 30, 31


@pytest.fixture
def solved(fim_folder, tmp_path):
    """Trains on answers of one token, of which A was wanted 8 times in 10; gives (log p(A), log p(B)) before and after."""

    def solve(name, layout, **settings):
        model = load_model(fim_folder, torch.float32)
        rows = rows_of(*layout)
        recipe = TrainingRecipe(
            objective=name, rows_per_step=len(rows), rows_at_once=len(rows), epochs=150.0, schedule="constant", patience=0,
            warmup_share=0.0, weight_decay=0.0, validate_every=10**6, checkpoint_every=10**6, spike=1e9, **settings,
        )  # fmt: skip
        objective = find_part("objectives", name)(recipe)

        def ask():
            with torch.no_grad():
                return model.eval()(torch.tensor([PROMPT])).logits[0, -1].log_softmax(0)[[A, B]].tolist()

        before = ask()
        trainer = Trainer(
            model=model, objective=objective, train=rows, validation=rows, recipe=recipe, peak=3e-3, seed=1, folder=tmp_path
        )
        trainer.fit()
        trainer._resume()  # the last weights, not the best
        return before, ask()

    return solve


VOTES = [(A, B)] * 8 + [(B, A)] * 2
PAIRS_OF_VOTES = [[(PROMPT, [first], WANTED), (PROMPT, [second], UNWANTED)] for first, second in VOTES]


def test_dpo_ends_where_the_odds_are_those_of_the_votes(solved):
    """beta times the margin of log-ratios is log(8/2) (Bradley-Terry)."""
    (a, b), (a_after, b_after) = solved("dpo", PAIRS_OF_VOTES, beta=0.5)
    assert 0.5 * ((a_after - a) - (b_after - b)) == pytest.approx(np.log(4), abs=0.02)


def test_orpo_ends_between_the_likeliest_and_the_odds(solved):
    """With two answers alone p(A) / p(B) is 4 for the likelihood, 2 for the odds; both together have one minimum."""
    _, (a, b) = solved("orpo", PAIRS_OF_VOTES, beta=1.0)
    assert np.exp(a) + np.exp(b) == pytest.approx(1, abs=0.02)
    p = np.linspace(0.5, 0.95, 10_001)
    odds = 2 * np.log(p / (1 - p))
    losses = -0.8 * np.log(p) - 0.2 * np.log(1 - p) + 0.8 * np.log1p(np.exp(-odds)) + 0.2 * np.log1p(np.exp(odds))
    assert np.exp(a) == pytest.approx(p[losses.argmin()], abs=0.02)


def test_kto_takes_what_is_mostly_wanted_and_leaves_what_is_mostly_not(solved):
    """Its loss is linear in the sigmoid of an answer's log-ratio: most votes decide, as they weigh."""
    layout = [
        [(PROMPT, [answer], role)] for first, second in VOTES for answer, role in ((first, WANTED), (second, UNWANTED))
    ]
    (a, b), (a_after, b_after) = solved("kto", layout, beta=0.5)
    assert a_after > a + 1 and b_after < b - 1


def test_kto_follows_its_weights(solved):
    layout = [[(PROMPT, [A], WANTED)]] * 8 + [[(PROMPT, [A], UNWANTED)]] * 2
    (a, _), (a_after, _) = solved("kto", layout, beta=0.5, unwanted_weight=6.0)
    assert a_after < a - 1


def test_the_reference_is_asked_once_and_kept(solved, tmp_path):
    before, _ = solved("dpo", PAIRS_OF_VOTES, beta=0.5)
    for part in ("train", "validation"):
        reference = np.load(tmp_path / f"reference-{part}.npy")
        assert reference[0, :2] == pytest.approx(before, abs=1e-5) and not reference[:, 2:].any()
    np.save(tmp_path / "reference-train.npy", reference + np.array([5.0] + [0.0] * (SEGMENTS - 1), dtype=np.float32))
    (tmp_path / "checkpoint.pt").unlink()
    (a, b), (a_after, b_after) = solved("dpo", PAIRS_OF_VOTES, beta=0.5)
    margin = np.linspace(-10, 20, 30_001)
    losses = 0.8 * np.log1p(np.exp(-0.5 * (margin - 5))) + 0.2 * np.log1p(np.exp(0.5 * (margin + 5)))
    assert (a_after - a) - (b_after - b) == pytest.approx(margin[losses.argmin()], abs=0.1), "what was kept is what counts"
