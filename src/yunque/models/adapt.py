"""Load a causal language model, extend its vocabulary, make it trainable whole or by an adapter, merge it, save it.

LoRA: Hu et al. 2021, arXiv:2106.09685; all linear layers and alpha = 2r after arXiv:2405.09673.
New rows of the embedding start as the mean of all rows, which disturbs a base least, and a little of a phrase that says what
the token does, so that they differ from one another; with tied weights the output row is the same row.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yunque.core.errors import ModelError
from yunque.models.allocator import keep_freed_memory
from yunque.models.quiet import quiet
from yunque.models.recipe import ModelRecipe
from yunque.models.tokenizer import FAMILIES, PAD, encode, ends, load_tokenizer

OWN_SHARE = 0.02
"""Rows of the usual length, for tokens that say nothing yet, cost the embedded base 0.58 nats an answer token."""
MEANINGS = dict(zip((*FAMILIES[0], PAD), ("code before", "code after", "missing code", "empty"), strict=True))


def choose_dtype(wanted: str) -> Any:
    """The torch dtype for ``auto``: bfloat16 where it is multiplied faster (a GPU, a CPU with AMX), else float32.

    AVX512-BF16 alone does not count: on such a CPU a packed LoRA step took 1.5 times as long in bfloat16 as in float32
    (`docs/log.md`).
    """
    import torch

    if wanted != "auto":
        return getattr(torch, wanted)
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if torch.cpu._is_amx_tile_supported() else torch.float32


def load_model(folder: Path, dtype: Any, **more: Any) -> Any:
    """The causal language model in ``folder``; ModelError when it cannot be read. Attention is SDPA where it has that."""
    from transformers import AutoModelForCausalLM

    keep_freed_memory()
    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=dtype, local_files_only=True, **more)
    except Exception as error:  # safetensors, transformers and json each raise their own
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise ModelError(f"cannot be loaded ({line})", where=folder) from error
    model.config.use_cache = False
    return model


def extend_vocabulary(model: Any, tokenizer: Any, new_ids: list[int]) -> None:
    """Grow the embedding for ``new_ids``: each row the mean of all, and `OWN_SHARE` of its meaning at the usual length."""
    import torch

    if not new_ids:
        return
    rows = model.get_input_embeddings().weight
    if max(new_ids) >= rows.shape[0]:
        with quiet():
            model.resize_token_embeddings(max(new_ids) + 1, mean_resizing=False)
    for table in {id(t.weight): t.weight for t in (model.get_input_embeddings(), model.get_output_embeddings())}.values():
        with torch.no_grad():
            old = table[: min(new_ids)].float()
            usual, everything = old.norm(dim=1).mean(), old.mean(dim=0)
            for token_id in new_ids:
                name = tokenizer.convert_ids_to_tokens(token_id)
                pieces = encode(tokenizer, MEANINGS.get(name, name))
                mean = table[pieces].float().mean(dim=0)
                own = mean * usual / mean.norm().clamp_min(1e-6)
                table[token_id] = (everything + OWN_SHARE * own).to(table.dtype)


def trainable(folder: Path, recipe: ModelRecipe, tokenizer: Any, new_ids: list[int], unlearned: Sequence[int] = ()) -> Any:
    """The model in ``folder`` with its vocabulary grown, and with what the recipe tunes ready to be trained.

    ``unlearned``: tokens that it has and never learned, whose rows are trained beside an adapter.

    What is trained is float32, whatever it is computed in: in bfloat16 small updates are rounded away. ModelError for
    qlora without a GPU or without bitsandbytes.
    """
    import torch

    dtype = choose_dtype(recipe.dtype)
    if recipe.tuning == "qlora":
        model = _load_4bit(folder, dtype)
    else:
        model = load_model(folder, torch.float32 if recipe.tuning == "full" else dtype)
    extend_vocabulary(model, tokenizer, new_ids)
    if recipe.tuning == "full":
        return with_dropout(model, recipe.dropout)
    return add_lora(model, recipe, [*unlearned, *new_ids])


def _load_4bit(folder: Path, dtype: Any) -> Any:
    """The model in NF4 with double quantisation (Dettmers et al. 2023, arXiv:2305.14314)."""
    import torch

    if not torch.cuda.is_available():
        raise ModelError("qlora needs a GPU, and there is none here", where="model.tuning", do="use --set model.tuning=lora")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError("qlora needs bitsandbytes", where="model.tuning", do="pip install 'yunque[qlora]'")
    from peft import prepare_model_for_kbit_training
    from transformers import BitsAndBytesConfig

    quantization = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )
    model = load_model(folder, dtype, quantization_config=quantization)
    return prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)


def with_dropout(model: Any, share: float) -> Any:
    """The model, dropping this share wherever its architecture can: attention weights, residuals, embeddings."""
    import torch

    for part in (model, *model.modules()):
        if isinstance(part, torch.nn.Dropout):
            part.p = share
        elif isinstance(getattr(part, "attention_dropout", None), float):
            part.attention_dropout = share
    return model


def add_lora(model: Any, recipe: ModelRecipe, new_ids: list[int]) -> Any:
    """The model with a trainable adapter on every linear layer, and with only the new embedding rows trainable.

    Dropout acts on the rank-r activations, not on each layer's input: the same regulariser at r/width of the random
    numbers, which on a CPU were an eighth of the step. Not of DoRA, which calls its layers to measure weights as well:
    there it is PEFT's own.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    dora = recipe.tuning == "dora"
    recurrent = any(hasattr(module, "conv1d") for module in model.modules())
    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha or 2 * recipe.lora_rank,
        lora_dropout=recipe.dropout if dora else 0.0,
        use_dora=dora,
        use_rslora=recipe.tuning == "rslora",
        target_modules="all-linear",
        exclude_modules=["out_proj", "conv1d"] if recurrent else None,  # whose kernels read their weights past any adapter
        task_type="CAUSAL_LM",
        trainable_token_indices=_trained_rows(model, new_ids) or None,
        ensure_weight_tying=bool(new_ids) and bool(model.config.tie_word_embeddings),
    )
    with quiet():
        adapted = get_peft_model(model, config)
    if recipe.dropout and not dora:
        for name, module in adapted.named_modules():
            if ".lora_A." in name:
                module.register_forward_hook(lambda m, _, out: torch.nn.functional.dropout(out, recipe.dropout, m.training))
    return adapted


def _trained_rows(model: Any, new_ids: list[int]) -> list[int] | dict[str, list[int]]:
    """As PEFT wants it: a list means the input's table alone, which is the output's as well where they are tied."""
    if not new_ids or model.config.tie_word_embeddings:
        return new_ids
    names = {id(module): name.rpartition(".")[2] for name, module in model.named_modules()}
    tables = model.get_input_embeddings(), model.get_output_embeddings()
    return {names[id(table)]: new_ids for table in tables if table is not None}


def continue_adapter(adapted: Any, folder: Path) -> None:
    """Put the weights of a saved adapter into a fresh one. ModelError when they are of another shape."""
    from peft import load_peft_weights, set_peft_model_state_dict

    try:
        with quiet():
            state: Any = set_peft_model_state_dict(adapted, load_peft_weights(str(folder), device="cpu"))
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"the adapter cannot be continued ({str(error)[:120]})", where=folder) from error
    if state.unexpected_keys:
        raise ModelError(f"the adapter has weights for other layers ({state.unexpected_keys[0]})", where=folder)


def save_adapter(adapted: Any, folder: Path) -> None:
    """Save the adapter alone. ``save_embedding_layers`` is set, since ``auto`` asks the Hub for the base's config."""
    with quiet():
        adapted.save_pretrained(str(folder), save_embedding_layers=False)


def merge(adapted: Any, tokenizer: Any, folder: Path) -> None:
    """Fold the adapter into the weights and save them with `save_whole`."""
    with quiet():
        save_whole(adapted.merge_and_unload(), tokenizer, folder)


def save_whole(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save an ordinary Hugging Face folder in bfloat16, tokenizer included.

    The end token that was taught stands in every place where whoever generates may look for it.
    """
    import torch

    with quiet():
        model.config.use_cache = True
        model.config.pad_token_id = tokenizer.pad_token_id
        model.config.eos_token_id = tokenizer.eos_token_id
        if model.generation_config is not None:
            every = ends(tokenizer, model)
            model.generation_config.pad_token_id = tokenizer.pad_token_id
            model.generation_config.eos_token_id = every if len(every) > 1 else every[0]
        model.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def load_adapter(base: Path, adapter: Path, tokenizer: Any, dtype: str) -> Any:
    """A base with a saved adapter on it, ready to be merged or asked. Raises ModelError when they do not belong together."""
    from peft import PeftConfig, PeftModel

    model = load_model(base, choose_dtype(dtype))
    try:
        with quiet():
            trained = PeftConfig.from_pretrained(str(adapter)).trainable_token_indices or []
            every = trained if isinstance(trained, list) else [token for ids in trained.values() for token in ids]
            known = len(load_tokenizer(base))
            extend_vocabulary(model, tokenizer, sorted({token for token in every if token >= known}))
            return PeftModel.from_pretrained(model, str(adapter))
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"the adapter does not fit its base ({str(error)[:120]})", where=adapter) from error
