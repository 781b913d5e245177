"""Molecules and reactions as RDKit reads them: canonical SMILES, bonds, symmetry, pictures.

RDKit does the chemistry; this module asks it the few things that an atom map needs.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

NO_ATOM = -1  # in an atom map: comes from no reactant that is written down
BOND_UNITS = 1.5  # how long a bond is in RDKit's coordinates
FONT_FILE = Path(__file__).parents[1] / "fonts" / "AttnbookSans-Regular.ttf"
DISKS = [  # pale colors, neighbors in the list far apart
    "#9ccbe8", "#f6b48a", "#94d8b8", "#e9b3d2", "#f5d67a", "#c3b5e6", "#c9d58b", "#f2a3a3",
    "#9fdde0", "#d9c3a5",
]  # fmt: skip


def _molecule(smiles: str, *, sanitize: bool = True) -> Any:
    """Return RDKit's molecule, or raise with what RDKit says."""
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles, sanitize=False)
        if molecule is None or not smiles:
            raise ValueError(
                f"{smiles!r} is not the SMILES of a molecule: look for a parenthesis or a ring "
                "number that is not closed, and for symbols that are no element"
            )
        if sanitize:
            for problem in Chem.DetectChemistryProblems(molecule):
                if problem.GetType() == "AtomValenceException":
                    atom = molecule.GetAtomWithIdx(problem.GetAtomIdx())
                    why = f"atom {atom.GetIdx()}, {atom.GetSymbol()}, has too many bonds"
                else:
                    why = "single and double bonds cannot alternate in its aromatic rings"
                raise ValueError(f"{smiles!r} is no possible molecule: {why}")
            Chem.SanitizeMol(molecule)
    return molecule


def _sides(reaction: str) -> tuple[list[str], list[str]]:
    """Return the SMILES of the reactants, with the agents, and of the products."""
    if not isinstance(reaction, str):
        raise TypeError(f"reaction must be a string, got {type(reaction).__name__}")
    parts = "".join(reaction.split()).split(">")
    if len(parts) != 3 or not parts[0] or not parts[2]:
        raise ValueError(
            "reaction must read reactants>>products, with molecules on both sides and a dot "
            f"between molecules, as in CC(=O)O.CCO>>CCOC(C)=O; got {reaction!r}"
        )
    left = [smiles for part in parts[:2] for smiles in part.split(".") if part]
    return left, parts[2].split(".")


def _canonical(smiles: str) -> tuple[str, list[int]]:
    """Return the canonical SMILES without map numbers, and the numbers in its order."""
    molecule = _molecule(smiles.replace("~", "."))
    numbers = [atom.GetAtomMapNum() for atom in molecule.GetAtoms()]
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(0)
    text = Chem.MolToSmiles(molecule)
    order = list(molecule.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"])
    return text.replace(".", "~"), [numbers[i] for i in order]


def canonical_reaction(reaction: str) -> str:
    """Return a reaction in the form in which the published tool hands it to the model.

    Parameters
    ----------
    reaction : str
        Reaction SMILES ``reactants>>products`` or ``reactants>agents>products``, with or without
        map numbers. A tilde binds the ions of one salt.

    Returns
    -------
    str
        Every molecule in RDKit's canonical SMILES, agents among the reactants, the molecules of
        each side in alphabetical order, no map numbers.

    Raises
    ------
    TypeError
        If `reaction` is no string.
    ValueError
        If a side is missing, or a molecule is not valid.

    Examples
    --------
    >>> from attnbook.pretrained.molecules import canonical_reaction
    >>> canonical_reaction("OCC.CC(O)=O>>CC(=O)OCC")
    'CC(=O)O.CCO>>CCOC(C)=O'
    """
    return mapped_reaction(reaction)[0]


def mapped_reaction(reaction: str) -> tuple[str, np.ndarray]:
    """Return a reaction in canonical form, and the atom map that its numbers tell.

    Parameters
    ----------
    reaction : str
        Reaction SMILES in which an atom and its origin carry the same number.

    Returns
    -------
    str
        As from `canonical_reaction`.
    int array of shape (P,)
        For each atom of the products, which atom of the reactants it was; both counted in the
        order of the text. -1 for a product atom without number or without partner.

    Raises
    ------
    TypeError, ValueError
        As in `canonical_reaction`; also if two reactant atoms carry the same number.

    Examples
    --------
    The oxygen of the product, its second atom, was the first atom of the reactants:

    >>> from attnbook.pretrained.molecules import mapped_reaction
    >>> mapped_reaction("[CH3:7]Br.[OH2:3]>>[CH3:7][OH:3]")
    ('CBr.O>>CO', array([0, 2]))
    """
    sides = [sorted(map(_canonical, side)) for side in _sides(reaction)]
    text = ">>".join(".".join(smiles for smiles, _ in side) for side in sides)
    before, after = ([n for _, numbers in side for n in numbers] for side in sides)
    used = [number for number in before if number]
    if len(used) != len(set(used)):
        raise ValueError(f"each number may mark one reactant atom only, got {reaction!r}")
    return text, np.array([before.index(n) if n in used else NO_ATOM for n in after])


def bonds(side: str) -> np.ndarray:
    """Return which atoms are bonded.

    Parameters
    ----------
    side : str
        SMILES of the molecules of one side of a reaction.

    Returns
    -------
    bool array of shape (A, A)
        True for bonded atoms, in the order of the text. A tilde counts as a bond.

    Examples
    --------
    >>> from attnbook.pretrained.molecules import bonds
    >>> bonds("CO.C").astype(int)
    array([[0, 1, 0],
           [1, 0, 0],
           [0, 0, 0]])
    """
    return np.asarray(Chem.GetAdjacencyMatrix(_molecule(side, sanitize=False))).astype(bool)


def symmetry_classes(side: str) -> np.ndarray:
    """Return a number for each atom, the same for atoms that a symmetry exchanges.

    Parameters
    ----------
    side : str
        SMILES of the molecules of one side of a reaction.

    Returns
    -------
    int array of shape (A,)
        Equal for atoms of equal surroundings, also in two equal molecules.

    Examples
    --------
    The two outer carbon atoms of propane are alike:

    >>> from attnbook.pretrained.molecules import symmetry_classes
    >>> first, middle, last = symmetry_classes("CCC")
    >>> bool(first == last), bool(first == middle)
    (True, False)
    """
    molecule = _molecule(side.replace("~", "."))
    return np.array(Chem.CanonicalRankAtoms(molecule, breakTies=False))


def rewritings(smiles: str) -> list[tuple[str, np.ndarray]]:
    """Return the same molecule, written from each of its atoms in turn.

    Parameters
    ----------
    smiles : str
        Of one molecule.

    Returns
    -------
    list of (str, int array)
        A SMILES that begins at this atom, and where each of its atoms stands in `smiles`.

    Examples
    --------
    >>> from attnbook.pretrained.molecules import rewritings
    >>> for text, order in rewritings("CCO"):
    ...     print(text, order)
    CCO [0 1 2]
    C(C)O [1 0 2]
    OCC [2 1 0]
    """
    molecule, found = _molecule(smiles), []
    for root in range(molecule.GetNumAtoms()):
        text = Chem.MolToSmiles(molecule, rootedAtAtom=root)
        order = molecule.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"]
        found.append((text, np.array(list(order))))
    return found


def draw_molecules(
    side: str,
    *,
    notes: Sequence[str] | None = None,
    colors: Mapping[int, str] | None = None,
    bond: int = 100,
    size: tuple[int, int] = (1400, 400),
) -> np.ndarray:
    """Draw the molecules of one side of a reaction as a picture.

    Parameters
    ----------
    side : str
        Their SMILES.
    notes : sequence of str, optional
        A small text beside each atom, by default its number in the order of the text.
    colors : mapping of int to str, optional
        The color of a disk behind an atom, as ``#rrggbb``.
    bond : int, default 100
        Length of a bond in pixels; less where there is no room.
    size : pair of int, default (1400, 400)
        Width and height in pixels.

    Returns
    -------
    uint8 array of shape (height, width, 3)
        For ``imshow``.

    Raises
    ------
    ValueError
        If a molecule is not valid, or `notes` has another length than the atoms.

    Examples
    --------
    >>> from attnbook.pretrained.molecules import draw_molecules
    >>> draw_molecules("CCO", size=(200, 100)).shape
    (100, 200, 3)
    """
    from PIL import Image

    molecule, width, height = _side_by_side(side)
    bond = min(bond, _longest_bond(width, height, size))
    notes = [str(i) for i in range(molecule.GetNumAtoms())] if notes is None else list(notes)
    if len(notes) != molecule.GetNumAtoms():
        raise ValueError(f"notes must have {molecule.GetNumAtoms()} entries, got {len(notes)}")
    for atom, note in zip(molecule.GetAtoms(), notes, strict=True):
        atom.SetProp("atomNote", note)
    canvas = rdMolDraw2D.MolDraw2DCairo(*size)
    options: Any = canvas.drawOptions()
    options.useBWAtomPalette()
    options.fontFile = str(FONT_FILE)
    options.fixedBondLength = bond
    options.fixedFontSize, options.annotationFontScale = 38, 0.9
    options.padding = 0.02
    options.bondLineWidth = 3
    options.scaleBondWidth = False
    options.highlightRadius = 0.3
    disks = {i: _rgb(color) for i, color in (colors or {}).items()}
    canvas.DrawMolecule(
        molecule, highlightAtoms=list(disks), highlightAtomColors=disks, highlightBonds=[]
    )
    canvas.FinishDrawing()
    return np.array(Image.open(io.BytesIO(canvas.GetDrawingText())).convert("RGB"))


def _side_by_side(side: str) -> tuple[Any, float, float]:
    """Return one molecule object with all molecules of a side in a row, its width and height."""
    row, x, height = None, 0.0, 0.0
    for smiles in side.replace("~", ".").split("."):
        molecule = _molecule(smiles)
        rdDepictor.Compute2DCoords(molecule, canonOrient=True)
        shape = molecule.GetConformer()
        places = shape.GetPositions()[:, :2]
        low, high = places.min(axis=0), places.max(axis=0)
        for i, place in enumerate(places):
            shape.SetAtomPosition(i, [x + place[0] - low[0], place[1] - (low + high)[1] / 2, 0])
        x += high[0] - low[0] + 2 * BOND_UNITS
        height = max(height, high[1] - low[1])
        row = molecule if row is None else Chem.CombineMols(row, molecule)
    if row is None:
        raise ValueError("a side must hold a molecule")
    Chem.SanitizeMol(row)
    return row, x - 2 * BOND_UNITS, height


def _longest_bond(width: float, height: float, size: tuple[int, int]) -> int:
    """Return how many pixels a bond may have so that everything fits, with room for notes."""
    across, down = size[0] / (width / BOND_UNITS + 1.6), size[1] / (height / BOND_UNITS + 1.6)
    return int(min(across, down))


def _rgb(color: str) -> tuple[float, float, float]:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        raise ValueError(f"a color must read #rrggbb, got {color!r}")
    r, g, b = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return r, g, b


def plot_map(
    reaction: str, atom_map: Any, *, wrong: Any = None, axes: Sequence[Axes] | None = None
) -> Sequence[Axes]:
    """Draw a reaction as molecules, reactants above and products below, and the map in color.

    Parameters
    ----------
    reaction : str
        Reaction SMILES ``reactants>>products``.
    atom_map : int array of shape (P,)
        The reactant atom of each product atom, -1 for none.
    wrong : bool array of shape (P,), optional
        Product atoms whose number gets an exclamation mark.
    axes : pair of Axes, optional
        Where to draw, by default a new figure.

    Returns
    -------
    pair of Axes
        Reactant atoms carry their numbers in the order of the text; every product atom carries the
        number, and has the color, of the reactant atom that it came from.

    Raises
    ------
    ValueError
        If `atom_map` has another length than the product atoms.

    Examples
    --------
    >>> from attnbook.pretrained.molecules import plot_map
    >>> top, bottom = plot_map("CBr.O>>CO", [0, 2])
    >>> top.get_title(loc="left"), bottom.get_title(loc="left")
    ('reactants', 'products: each atom with the number of its origin')
    """
    before, after = _sides(reaction)
    atom_map = [int(r) for r in atom_map]
    if axes is None:
        axes = plt.subplots(2, 1, figsize=(7, 4.3))[1]
    marks = ["" for _ in atom_map] if wrong is None else ["!" if bad else "" for bad in wrong]
    notes = [("?" if r == NO_ATOM else str(r)) + m for r, m in zip(atom_map, marks, strict=True)]
    below = {p: DISKS[r % len(DISKS)] for p, r in enumerate(atom_map) if r != NO_ATOM}
    above = {r: DISKS[r % len(DISKS)] for r in atom_map if r != NO_ATOM}
    top, bottom = axes
    texts = [".".join(side) for side in (before, after)]
    bond = min(100, *(_longest_bond(*_side_by_side(text)[1:], (1400, 400)) for text in texts))
    top.imshow(draw_molecules(texts[0], colors=above, bond=bond))
    bottom.imshow(draw_molecules(texts[1], notes=notes, colors=below, bond=bond))
    top.set_title("reactants", loc="left")
    bottom.set_title("products: each atom with the number of its origin", loc="left")
    for ax in axes:
        ax.set_axis_off()
    return axes
