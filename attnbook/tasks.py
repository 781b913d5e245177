"""Small tasks with a known answer, made by NumPy from a random generator that the caller owns."""

from __future__ import annotations

import re
import sys
import unicodedata

import numpy as np


def name_lookup(
    rng: np.random.Generator, batch_size: int, *, n_names: int = 6, content_width: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw tables of named contents, and questions that know the name only.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    batch_size : int
        B, the number of tables.
    n_names : int, default 6
        S, the number of names; every table holds each once, in its own order.
    content_width : int, default 4
        C, the width of a content.

    Returns
    -------
    tables : float32 array of shape (B, S, S + C)
        Each row is a token: its name as a one-hot vector, then its content.
    questions : float32 array of shape (B, S, S + C)
        The names in alphabetical order, with zeros where the content would be.
    answers : float32 array of shape (B, S, C)
        The content that belongs to each question.

    Examples
    --------
    >>> from attnbook.tasks import name_lookup
    >>> tables, questions, answers = name_lookup(np.random.default_rng(0), 2)
    >>> tables.shape, questions.shape, answers.shape
    ((2, 6, 10), (2, 6, 10), (2, 6, 4))
    """
    names = np.eye(n_names, dtype=np.float32)
    order = rng.permuted(np.tile(np.arange(n_names), (batch_size, 1)), axis=1)
    contents = rng.standard_normal((batch_size, n_names, content_width)).astype(np.float32)
    tables = np.concatenate([names[order], contents], axis=-1)
    blank = np.zeros_like(contents)
    questions = np.concatenate([np.broadcast_to(names, (batch_size, n_names, n_names)), blank], -1)
    answers = np.take_along_axis(contents, np.argsort(order, axis=1)[..., None], axis=1)
    return tables, questions, answers


ALPHABET = "abcdefghijklmnopqrstuvwxyz -\n"
OTHER_SCRIPTS = re.compile("HANGUL|YI |CJK|MATH|CANADIAN|ETHIOPIC|BYZANTINE|KANGXI")


def character_corpus() -> tuple[np.ndarray, str]:
    """Return the names of the characters in Unicode 3.2, one in each line, letter by letter.

    Returns
    -------
    corpus : int64 array of shape (n,)
        Places in the alphabet, some two hundred thousand of them.
    alphabet : str
        The letters a to z, space, hyphen and line end.

    Notes
    -----
    Python carries this old version of the Unicode database beside the current one, so the text is
    the same in every Python and on every machine [1]_. Names with digits, and the long series that
    repeat one pattern, are left out. The order is shuffled once, so that a part of the text
    resembles the whole.

    References
    ----------
    .. [1] Python documentation, ``unicodedata.ucd_3_2_0``,
       https://docs.python.org/3/library/unicodedata.html#unicodedata.ucd_3_2_0

    Examples
    --------
    >>> from attnbook.tasks import character_corpus
    >>> corpus, alphabet = character_corpus()
    >>> print("".join(alphabet[place] for place in corpus[:55]))
    arabic ligature yeh with hamza above with oe final form
    """
    names = (unicodedata.ucd_3_2_0.name(chr(code), "") for code in range(sys.maxunicode + 1))
    kept = [n for n in names if re.fullmatch("[A-Z -]+", n) and not OTHER_SCRIPTS.match(n)]
    order = np.random.default_rng(0).permutation(len(kept))
    text = "".join(f"{kept[i].lower()}\n" for i in order)
    place = np.zeros(128, dtype=np.int64)
    place[[ord(letter) for letter in ALPHABET]] = np.arange(len(ALPHABET))
    return place[np.frombuffer(text.encode("ascii"), dtype=np.uint8)], ALPHABET


def draw_windows(
    rng: np.random.Generator, corpus: np.ndarray, batch_size: int, length: int
) -> np.ndarray:
    """Cut passages of `length` tokens out of a text, at random places.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    corpus : array of shape (n,)
        The text.
    batch_size : int
        B.
    length : int
        N, at most n.

    Returns
    -------
    array of shape (B, N)
        One passage in each row.

    Raises
    ------
    ValueError
        If the text is shorter than `length`.

    Examples
    --------
    >>> from attnbook.tasks import draw_windows
    >>> windows = draw_windows(np.random.default_rng(0), np.arange(100), 2, 4)
    >>> windows - windows[:, :1]
    array([[0, 1, 2, 3],
           [0, 1, 2, 3]])
    """
    if len(corpus) < length:
        raise ValueError(f"length must be at most that of the text, {len(corpus)}, got {length}")
    starts = rng.integers(len(corpus) - length + 1, size=(batch_size, 1))
    return corpus[starts + np.arange(length)]


def share_found(samples: np.ndarray, corpus: np.ndarray, *, run: int = 4) -> float:
    """Measure how much of a text reads like another: which part of its runs occur there.

    Parameters
    ----------
    samples : int array of shape (B, N)
        Texts to judge.
    corpus : int array of shape (n,)
        The text to look in.
    run : int, default 4
        Number of tokens in a run.

    Returns
    -------
    float
        Share of all runs of `run` tokens in `samples` that occur somewhere in `corpus`, 0 to 1.

    Examples
    --------
    Of the runs (1, 2), (2, 3) and (3, 1) the text holds the first two:

    >>> from attnbook.tasks import share_found
    >>> share_found(np.array([[1, 2, 3, 1]]), np.array([1, 2, 3]), run=2) == 2 / 3
    True
    """
    base = 1 + int(max(samples.max(), corpus.max()))
    places = base ** np.arange(run)
    coded, known = (
        np.lib.stride_tricks.sliding_window_view(text, run, axis=-1) @ places
        for text in (samples, corpus)
    )
    return float(np.isin(coded, known).mean())


def repeating_symbols(
    rng: np.random.Generator,
    batch_size: int,
    length: int,
    *,
    period: int = 24,
    n_symbols: int = 16,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw sequences that repeat a random pattern; the target is the next symbol.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    batch_size : int
        B, each with a pattern of its own.
    length : int
        N, the number of symbols that are shown.
    period : int, default 24
        Length of the pattern, the same in all sequences.
    n_symbols : int, default 16
        Size of the alphabet.

    Returns
    -------
    inputs, targets : int64 arrays of shape (B, N)
        The targets are the inputs one step ahead: from position ``period - 1`` on, a target is the
        input at distance ``period - 1``.

    Examples
    --------
    >>> from attnbook.tasks import repeating_symbols
    >>> inputs, targets = repeating_symbols(np.random.default_rng(0), 1, 6, period=3)
    >>> (targets[:, 2:] == inputs[:, :-2]).all()
    np.True_
    """
    pattern = rng.integers(0, n_symbols, (batch_size, period))
    sequence = pattern[:, np.arange(length + 1) % period]
    return sequence[:, :-1], sequence[:, 1:]


def two_lookups(
    rng: np.random.Generator, batch_size: int, *, n_tokens: int = 12, n_classes: int = 8
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw tables of values, and questions that ask for two of them in order.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    batch_size : int
        B, the number of questions.
    n_tokens : int, default 12
        N, the number of tokens in a table.
    n_classes : int, default 8
        Values are 0 to ``n_classes - 1``.

    Returns
    -------
    asked : int array of shape (B, 2)
        Two different tokens.
    table : int array of shape (B, N)
        The value of each token.
    answers : int array of shape (B, 2)
        The values of the two tokens, in the order asked.

    Examples
    --------
    >>> from attnbook.tasks import two_lookups
    >>> asked, table, answers = two_lookups(np.random.default_rng(0), 3)
    >>> bool((table[1, asked[1]] == answers[1]).all())
    True
    """
    table = rng.integers(n_classes, size=(batch_size, n_tokens))
    order = rng.permuted(np.tile(np.arange(n_tokens), (batch_size, 1)), axis=1)
    asked = order[:, :2]
    return asked, table, np.take_along_axis(table, asked, axis=1)


def redundant_cues(
    rng: np.random.Generator, batch_size: int, *, n_tokens: int = 12, n_classes: int = 8
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw tables whose first two tokens both hold the answer to the one question there is.

    Parameters
    ----------
    rng, batch_size, n_tokens, n_classes
        As in `two_lookups`.

    Returns
    -------
    asked : int array of shape (B, 2)
        Always tokens 0 and 1.
    table : int array of shape (B, N)
        The value of each token; tokens 0 and 1 hold the same.
    answers : int array of shape (B, 1)
        The value of either.

    Examples
    --------
    >>> from attnbook.tasks import redundant_cues
    >>> asked, table, answers = redundant_cues(np.random.default_rng(0), 3)
    >>> bool((table[:, :2] == answers).all())
    True
    """
    table = rng.integers(n_classes, size=(batch_size, n_tokens))
    table[:, 1] = table[:, 0]
    return np.tile([0, 1], (batch_size, 1)), table, table[:, :1].copy()


def associative_recall(
    rng: np.random.Generator,
    batch_size: int,
    *,
    n_symbols: int = 32,
    n_pairs: int = 16,
    n_classes: int = 8,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw lists of symbols with a class beside each, and ask for the class of one symbol.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    batch_size : int
        B, the number of lists.
    n_symbols : int, default 32
        Size of the alphabet.
    n_pairs : int, default 16
        S, the length of a list, at most `n_symbols`; no symbol stands in it twice.
    n_classes : int, default 8
        Classes are 0 to ``n_classes - 1``, drawn anew for every list.

    Returns
    -------
    asked : int array of shape (B,)
        One symbol out of each list.
    symbols, classes : int arrays of shape (B, S)
        The lists.
    answers : int array of shape (B,)
        The class beside the symbol asked for.

    Examples
    --------
    >>> from attnbook.tasks import associative_recall
    >>> asked, symbols, classes, answers = associative_recall(np.random.default_rng(0), 3)
    >>> bool((classes[symbols == asked[:, None]] == answers).all())
    True
    """
    order = rng.permuted(np.tile(np.arange(n_symbols), (batch_size, 1)), axis=1)
    symbols = order[:, :n_pairs]
    classes = rng.integers(n_classes, size=(batch_size, n_pairs))
    rows, places = np.arange(batch_size), rng.integers(n_pairs, size=batch_size)
    return symbols[rows, places], symbols, classes, classes[rows, places]


def periods_in_context(
    rng: np.random.Generator,
    batch_size: int,
    length: int,
    *,
    shortest: int,
    longest: int,
    n_symbols: int = 16,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw sequences that repeat a random pattern, each with a period of its own.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    batch_size : int
        B.
    length : int
        N, the number of symbols that are shown.
    shortest, longest : int
        Periods are drawn evenly from this range, both ends included.
    n_symbols : int, default 16
        Size of the alphabet.

    Returns
    -------
    inputs, targets : int64 arrays of shape (B, N)
        The targets are the inputs one step ahead.
    periods : int64 array of shape (B,)
        How long each pattern is; a pattern may by chance repeat within itself.

    Raises
    ------
    ValueError
        If not ``1 <= shortest <= longest``.

    Examples
    --------
    >>> from attnbook.tasks import periods_in_context
    >>> rng = np.random.default_rng(0)
    >>> inputs, targets, periods = periods_in_context(rng, 2, 8, shortest=3, longest=3)
    >>> periods
    array([3, 3])
    >>> (inputs[:, 3:] == inputs[:, :-3]).all() and (targets[:, 2:] == inputs[:, :-2]).all()
    np.True_
    """
    if not 1 <= shortest <= longest:
        raise ValueError(f"periods must go from 1 or more up, got {shortest} to {longest}")
    periods = rng.integers(shortest, longest + 1, batch_size)
    patterns = rng.integers(0, n_symbols, (batch_size, longest))
    sequences = np.take_along_axis(patterns, np.arange(length + 1) % periods[:, None], axis=1)
    return sequences[:, :-1], sequences[:, 1:], periods
