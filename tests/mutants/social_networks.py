"""One change for each claim of the chapter `social_networks` that makes this claim fail."""

from tests.mutants import Mutant

MUTANTS = {
    "social.graph-mask": Mutant(
        "the mask lets all members see all",
        cell=("mask = torch.from_numpy(M)", "mask = torch.ones(N, N, dtype=torch.bool)"),
    ),
    "social.honest": Mutant(
        "the adjacency matrix is normalized by columns",
        cell=("M / M.sum(axis=1, keepdims=True)  #", "M / M.sum(axis=0, keepdims=True)  #"),
        what="equal scores: against D^-1 M V",
    ),
}
