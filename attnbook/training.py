"""One training loop for all small models of the book."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import torch
from torch import nn
from tqdm import tqdm

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


def train(
    model: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    *,
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    steps: int,
    learning_rate: float = 3e-3,
    optimizer: str = "adam",
    on_step: Callable[[int], None] | None = None,
) -> list[float]:
    """Train `model` in place, one step for each batch.

    Parameters
    ----------
    model : torch module
        Called on the inputs of a batch.
    batches : iterable of (inputs, targets)
        At least `steps` of them.
    loss_fn : callable
        From (output, targets) to a scalar tensor.
    steps : int
        Number of steps.
    learning_rate : float, default 3e-3
        Step size.
    optimizer : {"adam", "adamw", "sgd"}, default "adam"
        Which rule.
    on_step : callable, optional
        Called with the number of steps done, after each.

    Returns
    -------
    list of float
        The loss before each step.

    Raises
    ------
    ValueError
        If the optimizer is unknown, or the batches end early.

    Notes
    -----
    A progress bar goes to the standard error stream and clears itself. With the environment
    variable ``ATTNBOOK_PROGRESS=0``, as in stored notebooks and tests, there is none.

    Examples
    --------
    >>> import torch
    >>> from attnbook.training import train
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> batch = torch.ones(1, 1), torch.ones(1, 1)
    >>> mse = torch.nn.functional.mse_loss
    >>> losses = train(model, [batch] * 200, loss_fn=mse, steps=200, learning_rate=0.05)
    >>> losses[-1] < 0.01
    True
    """
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer must be one of {tuple(OPTIMIZERS)}, got {optimizer!r}")
    rule = OPTIMIZERS[optimizer](model.parameters(), lr=learning_rate)
    losses: list[float] = []
    stream = iter(batches)
    hidden = os.environ.get("ATTNBOOK_PROGRESS") == "0"
    for step in tqdm(range(steps), disable=hidden, leave=False):
        batch = next(stream, None)
        if batch is None:
            raise ValueError(f"batches must hold at least {steps} entries, got {step}")
        inputs, targets = batch
        loss = loss_fn(model(inputs), targets)
        rule.zero_grad()
        loss.backward()
        rule.step()
        losses.append(loss.item())
        if on_step is not None:
            on_step(step + 1)
    return losses
