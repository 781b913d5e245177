"""MiniLM in the book's blocks: the reference library's numbers, and what its switches do."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

import attnbook as ab
from attnbook.live import real_heads, real_heads_data
from attnbook.pretrained import fetch, minilm

TEXTS = ["The dog bit the man.", "Embeddings of unusually long words, e.g. antidisestablishment!"]

REFERENCE = """
import sys, torch
from transformers import BertModel, PreTrainedTokenizerFast
folder, answer, *texts = sys.argv[1:]
torch.set_num_threads(1)
bert = BertModel.from_pretrained(folder, attn_implementation="eager").eval()
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", pad_token="[PAD]")
found = []
for text in texts:
    given = tokenizer(text, return_tensors="pt", padding=False, truncation=False)
    with torch.no_grad():
        f = bert(given["input_ids"], output_hidden_states=True, output_attentions=True)
    found.append((given["input_ids"], torch.cat(f.hidden_states), torch.cat(f.attentions)))
torch.save(found, answer)
"""


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return minilm.load()


@pytest.mark.parity
def test_it_computes_what_the_reference_library_computes(model, tmp_path):
    answer = tmp_path / "answer"
    command = [sys.executable, "-c", REFERENCE, str(fetch("minilm")), str(answer), *TEXTS]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for text, (ids, hidden, weights) in zip(TEXTS, torch.load(answer), strict=True):
        reading = model.read(text)
        assert model.ids(text) == ids[0].tolist()
        torch.testing.assert_close(reading.hidden, hidden, atol=1e-4, rtol=0)
        torch.testing.assert_close(reading.weights, weights, atol=1e-5, rtol=0)


def test_shapes_and_rows(model):
    reading = model.read(TEXTS[1])
    n = len(reading.tokens)
    assert reading.hidden.shape == (7, n, 384)
    assert reading.weights.shape == (6, 12, n, n)
    torch.testing.assert_close(reading.weights.sum(dim=-1), torch.ones(6, 12, n))
    assert reading.tokens[0] == "[CLS]"
    assert reading.tokens[-1] == "[SEP]"
    assert any(token.startswith("##") for token in reading.tokens)
    assert float(reading.vector.norm()) == pytest.approx(1, abs=1e-6)


def test_a_batch_is_its_texts(model):
    texts = ["The dog bit the man.", "The man bit the dog."]
    hidden, weights = model(torch.tensor([model.ids(text) for text in texts]))
    for b, text in enumerate(texts):
        torch.testing.assert_close(hidden[:, b], model.read(text).hidden, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(weights[:, b], model.read(text).weights, atol=1e-5, rtol=1e-4)
    assert model.vectors(texts).shape == (2, 384)


def test_nothing_is_cut_off_or_filled(model):
    assert len(model.read("word " * 300).tokens) == 302
    assert not (fetch("minilm") / "tokenizer.json").samefile(__file__)
    stored = Tokenizer.from_file(str(fetch("minilm") / "tokenizer.json"))
    assert stored.truncation is not None or stored.padding is not None  # what `load` turns off


def test_a_text_that_is_too_long_is_refused(model):
    with pytest.raises(ValueError, match="at most 512 tokens, got 602"):
        model.read("word " * 600)


def test_without_positions_reordered_words_get_reordered_vectors(model):
    bare = model.without_positions()
    one, two = bare.read("The dog bit the man."), bare.read("The man bit the dog.")
    order = [0, 1, 5, 3, 4, 2, 6, 7]
    torch.testing.assert_close(one.hidden, two.hidden[:, order], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(one.vector, two.vector, atol=1e-5, rtol=0)
    assert (model.read("The dog bit the man.").vector - one.vector).abs().max() > 1e-3


def test_without_the_scale_the_scores_are_raw(model):
    x = model.embed(torch.tensor([model.ids(TEXTS[0])]))
    attention = model.blocks[0].attention
    q, k = (ab.split_heads(linear(x), 12) for linear in (attention.q, attention.k))
    raw = ab.attention_weights(q, k, scale=1.0)[0]
    torch.testing.assert_close(
        model.without_scale().read(TEXTS[0]).weights[0], raw, atol=1e-5, rtol=1e-4
    )


def test_a_head_that_is_knocked_out_writes_nothing(model):
    """Layer by hand: the heads' blends, with that of one head zero, times W_O."""
    x = model.embed(torch.tensor([model.ids(TEXTS[0])]))
    block = model.blocks[0]
    weights = block.attention(x, return_weights=True)[1]
    blends = weights @ ab.split_heads(block.attention.v(x), 12)
    blends[:, 3] = 0
    attended = block.norm_attention(x + block.attention.o(ab.merge_heads(blends)))
    expected = block.norm_mlp(attended + block.mlp(attended))[0]
    found = model.without_heads([(0, 3)]).read(TEXTS[0])
    torch.testing.assert_close(found.hidden[1], expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.weights[0], weights[0])


def test_switches_leave_the_model_as_it_was(model):
    before = model.read(TEXTS[0]).hidden
    changed = model.without_heads([(0, 2), (5, 11)])
    for other in (changed, model.without_scale(), model.without_positions()):
        assert not torch.equal(other.read(TEXTS[0]).hidden, before)
        assert other.words is model.words
    assert torch.equal(model.read(TEXTS[0]).hidden, before)
    assert changed.blocks[1] is model.blocks[1]
    assert torch.equal(model.without_heads([]).read(TEXTS[0]).hidden, before)


def test_switches_add_up(model):
    both = model.without_heads([(0, 2)]).without_heads([(1, 3)])
    at_once = model.without_heads([(0, 2), (1, 3)])
    assert torch.equal(both.read(TEXTS[0]).hidden, at_once.read(TEXTS[0]).hidden)


@pytest.mark.parametrize("head", [(6, 0), (0, 12), (-1, 0), (0, -1)])
def test_a_head_that_is_not_there_is_refused(model, head):
    with pytest.raises(ValueError, match="layer|head"):
        model.without_heads([head])


def test_a_head_must_be_a_whole_number(model):
    with pytest.raises(TypeError, match="layer must be an integer"):
        model.without_heads([(0.5, 1)])


def test_loading_draws_no_random_numbers():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    minilm.load()
    assert torch.rand(1) == expected


def test_the_live_figure_holds_what_the_model_gives(model):
    step = 1 / real_heads.STEPS
    data = json.loads(real_heads.FILE.read_text(encoding="utf-8"))
    assert data["sentences"] == real_heads_data.SENTENCES
    assert real_heads.FILE.stat().st_size < 60_000
    for text, (tokens, kept) in zip(data["sentences"], real_heads.stored(), strict=True):
        reading = model.read(text)
        assert tokens == reading.tokens
        assert np.abs(kept - reading.weights.numpy()).max() < step * 1.001
        np.testing.assert_allclose(kept.sum(axis=-1), 1, atol=1e-12)


def test_rounding_keeps_the_sum_and_stays_within_a_step():
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(9, 0.3), size=200)
    kept = real_heads_data.rounded(weights)
    assert (kept.sum(axis=-1, dtype=int) == 255).all()
    assert np.abs(kept / 255 - weights).max() < 1 / 255
    np.testing.assert_array_equal(real_heads_data.rounded(np.eye(3)), 255 * np.eye(3))
