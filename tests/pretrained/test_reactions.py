"""RXNMapper on the book's block: published maps and confidences, reading, refusing, drawing."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from attnbook.pretrained import fetch
from attnbook.pretrained import molecules as mol
from attnbook.pretrained import reactions as rx


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return rx.ReactionTransformer.load()


def decoded(model, text):
    reaction = rx.read_reaction(text)
    return rx.decode(model.weights(reaction)[rx.MAP_LAYER, rx.MAP_HEAD], reaction)


@pytest.mark.parametrize("marked", rx.PUBLISHED)
def test_published_maps_and_confidences(model, marked):
    text, published = mol.mapped_reaction(marked)
    found, sure = decoded(model, text)
    np.testing.assert_array_equal(found, published)
    assert sure.prod() == pytest.approx(rx.PUBLISHED[marked], abs=2e-6)


@pytest.mark.parametrize(
    ("text", "confidence"),
    [("C(C)O.BrC(C)>>CCOCC", 0.9754605679009868), ("CCO.BrCFC>>CCOCFC", 0.9730222157275086)],
)
def test_published_confidence_of_texts_taken_as_they_are(model, text, confidence):
    assert decoded(model, text)[1].prod() == pytest.approx(confidence, abs=2e-6)


def test_all_layers_are_one_block_and_nothing_is_trained(model):
    assert len({id(block) for block in model.blocks}) == 1
    assert sum(weight.numel() for weight in model.parameters()) == 735_439
    assert not any(weight.requires_grad for weight in model.parameters())


def test_the_stored_readout_is_the_table_of_tokens(model):
    stored = torch.load(
        fetch("rxnmapper") / "pytorch_model.bin", map_location="cpu", weights_only=True
    )
    assert torch.equal(stored["predictions.decoder.weight"], model.embedding.weight)
    assert torch.equal(stored["predictions.decoder.bias"], stored["predictions.bias"])
    assert sum(weight.numel() for weight in stored.values()) == 877_598


def test_weights_are_those_of_the_forward_pass(model):
    reaction = rx.read_reaction("CC(=O)O.CCO>>CCOC(C)=O")
    weights = model.weights(reaction)
    assert weights.shape == (12, 8, len(reaction.tokens), len(reaction.tokens))
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    everything = torch.ones(1, 1, 1, len(reaction.tokens), dtype=torch.bool)
    tokens = model.encode(reaction)
    torch.testing.assert_close(model(tokens, mask=everything), model(tokens), rtol=0, atol=1e-5)
    batch = model(tokens.repeat(2, 1))
    torch.testing.assert_close(batch[1:], model(tokens), rtol=0, atol=1e-5)


def test_a_mask_shuts_a_road(model):
    reaction = rx.read_reaction("CBr.O>>CO")
    tokens = model.encode(reaction)
    mask = torch.ones(8, 9, 9, dtype=torch.bool)
    mask[5, 7, 4] = False
    assert (model(tokens, mask=mask) - model(tokens)).abs().max() > 1e-3


PARITY = """
import sys, numpy as np, torch
from transformers import AlbertConfig, AlbertForMaskedLM
torch.set_num_threads(1)
config = AlbertConfig.from_json_file(sys.argv[1] + "/config.json")
config._attn_implementation = "eager"
model = AlbertForMaskedLM(config).eval()
stored = torch.load(sys.argv[1] + "/pytorch_model.bin", map_location="cpu", weights_only=True)
missing = model.load_state_dict(stored, strict=False).missing_keys
assert not missing, missing
tokens = torch.tensor([[int(i) for i in sys.argv[3].split(",")]])
with torch.no_grad():
    out = model(tokens, output_hidden_states=True, output_attentions=True)
np.savez(sys.argv[2], hidden=torch.cat(out.hidden_states), maps=torch.cat(out.attentions),
         logits=out.logits)
"""


@pytest.mark.parity
@pytest.mark.parametrize("name", ["Fischer esterification", "Suzuki coupling"])
def test_hidden_states_equal_those_of_transformers(model, tmp_path, name):
    pytest.importorskip("transformers")
    reaction = rx.read_reaction(mol.canonical_reaction(rx.TEXTBOOK[name]))
    tokens = model.encode(reaction)
    numbers = ",".join(map(str, tokens[0].tolist()))
    command = [sys.executable, "-c", PARITY, str(fetch("rxnmapper")), str(tmp_path / "theirs.npz")]
    done = subprocess.run([*command, numbers], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = np.load(tmp_path / "theirs.npz")
    x = model.embed(tokens)
    np.testing.assert_allclose(x[0], theirs["hidden"][0], atol=1e-4)
    for layer, block in enumerate(model.blocks, start=1):
        x = block(x)
        np.testing.assert_allclose(x[0], theirs["hidden"][layer], atol=1e-4)
    np.testing.assert_allclose(model.weights(reaction), theirs["maps"], atol=5e-5)
    np.testing.assert_allclose(model.logits(x), theirs["logits"], atol=1e-3)


@pytest.mark.parametrize(
    ("smiles", "tokens"),
    [
        ("ClCBr", ["Cl", "C", "Br"]),
        ("C[N+](=O)[O-]", ["C", "[N+]", "(", "=", "O", ")", "[O-]"]),
        ("c1cc2c%11c1", ["c", "1", "c", "c", "2", "c", "%11", "c", "1"]),
        ("[13CH3][C@@H]O>>*", ["[13CH3]", "[C@@H]", "O", ">>", "*"]),
        ("F/C=C\\F.[Na+]~[Cl-]", ["F", "/", "C", "=", "C", "\\", "F", ".", "[Na+]", "~", "[Cl-]"]),
    ],
)
def test_tokens(smiles, tokens):
    assert rx.tokenize(smiles) == tokens


def test_every_atom_of_the_vocabulary_is_one_token(model):
    words = [word for word in model.vocabulary if not word.startswith("[unused")]
    for word in set(words) - set(rx.SPECIAL):
        assert rx.tokenize(word) == [word]


def test_elements_and_places_of_atoms():
    reaction = rx.read_reaction("[13CH3]Cl.[nH]1cccc1>>*C[se]")
    assert [reaction.elements[i] for i in reaction.reactant_atoms] == ["c", "cl", "n"] + ["c"] * 4
    assert [reaction.elements[i] for i in reaction.product_atoms] == ["*", "c", "se"]
    assert reaction.sides == ("[13CH3]Cl.[nH]1cccc1", "*C[se]")


@pytest.mark.parametrize("text", ["CCO", "CCO>>", ">>CCO", "C>>C>>C", "=>>C", "C>>(", "C>O>C"])
def test_what_is_no_reaction(text):
    with pytest.raises(ValueError, match="reactants>>products"):
        rx.read_reaction(text)


def test_errors(model):
    with pytest.raises(ValueError, match="got '!' at place 2"):
        rx.read_reaction("CC!>>C")
    with pytest.raises(ValueError, match="at place 0"):
        rx.tokenize("[CH3")
    with pytest.raises(TypeError, match="string"):
        rx.tokenize(3)
    with pytest.raises(ValueError, match="512 tokens at most, got 605"):
        model.encode(rx.read_reaction("C" * 600 + ">>C" + "C"))
    with pytest.raises(ValueError, match=r"never seen the token '\[Og\]'"):
        model.encode(rx.read_reaction("[Og]>>C"))


@pytest.mark.parametrize(
    ("reaction", "message"),
    [
        ("CCO", "reactants>>products"),
        ("CCO>>", "reactants>>products"),
        ("CC(>>C", "not the SMILES"),
        ("c1cccc>>C", "not the SMILES"),
        ("CC(C)(C)(C)C>>C", "atom 1, C, has too many bonds"),
        ("c1cccc1>>C", "cannot alternate"),
        ("C>>C..C", "not the SMILES"),
        ("[CH3:1][CH3:1]>>C", "one reactant atom only"),
    ],
)
def test_what_is_no_chemistry(reaction, message, capfd):
    with pytest.raises(ValueError, match=message):
        mol.mapped_reaction(reaction)
    assert capfd.readouterr() == ("", "")  # RDKit says nothing of its own


def test_no_string():
    with pytest.raises(TypeError, match="string"):
        mol.canonical_reaction(None)


def test_canonical_form():
    assert mol.canonical_reaction("OCC.C(C)(O)=O>[H+]>C(C)OC(C)=O") == (
        "CC(=O)O.CCO.[H+]>>CCOC(C)=O"
    )
    assert mol.canonical_reaction("[Na+]~[O-]CC>>OCC") == "CC[O-]~[Na+]>>CCO"


@pytest.mark.parametrize("name", rx.TEXTBOOK | rx.HARD)
def test_hand_made_maps_keep_elements_and_use_atoms_once(name):
    marked = (rx.TEXTBOOK | rx.HARD)[name]
    text, truth = mol.mapped_reaction(marked)
    assert mol.mapped_reaction(text)[0] == text
    reaction = rx.read_reaction(text)
    elements = np.array(reaction.elements)
    assert len(set(truth)) == len(truth)
    assert truth.min() >= 0
    assert (elements[reaction.reactant_atoms[truth]] == elements[reaction.product_atoms]).all()


def test_rewritings_are_the_same_molecule():
    smiles = "CCOC(C)=O"
    letters = np.array([token for token in rx.tokenize(smiles) if rx.is_atom(token)])
    for text, order in mol.rewritings(smiles):
        assert mol.canonical_reaction(f"{text}>>{text}") == f"{smiles}>>{smiles}"
        assert [t for t in rx.tokenize(text) if rx.is_atom(t)] == list(letters[order])


def test_symmetry_and_bonds():
    classes = mol.symmetry_classes("Cc1ccccc1.Cc1ccccc1")
    assert classes[2] == classes[6] == classes[9]
    assert len(set(classes)) == 5
    assert mol.bonds("C1CC1.O").sum() == 6


def test_decoding_leaves_out_what_has_no_origin():
    reaction = rx.read_reaction("C>>CO")
    found, sure = rx.decode(np.full((6, 6), 1 / 6), reaction)
    assert found.tolist() == [0, mol.NO_ATOM]
    assert sure.tolist() == [1, 1]


def test_neighbors_of_mapped_atoms_are_preferred():
    reaction = rx.read_reaction("CO.CS>>CS")  # the sulfur is certain; its neighbor must follow
    weights = np.full((12, 12), 0.01)
    weights[9, 1] = 0.02  # alone, the first carbon would win
    found, _ = rx.decode(weights, reaction)
    assert found.tolist() == [2, 3]
    assert rx.decode(weights, reaction, boost=1.0)[0].tolist() == [0, 3]


def test_pictures(model):
    text, truth = mol.mapped_reaction(rx.TEXTBOOK["Fischer esterification"])
    picture = mol.draw_molecules(text.split(">>")[0], colors={0: "#9ccbe8"})
    assert picture.shape == (400, 1400, 3)
    assert (picture == mol.draw_molecules(text.split(">>")[0], colors={0: "#9ccbe8"})).all()
    assert (picture == np.array([0x9C, 0xCB, 0xE8])).all(axis=-1).any()
    top, bottom = mol.plot_map(text, truth, wrong=[False] * 5 + [True])
    assert len(top.images) == len(bottom.images) == 1
    with pytest.raises(ValueError, match="6 entries, got 2"):
        mol.plot_map(text, [0, 1])
    with pytest.raises(ValueError, match="#rrggbb"):
        mol.draw_molecules("C", colors={0: "red"})
