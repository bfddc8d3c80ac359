"""Training a selector: prompts to rows, rows to predictions, predictions to chances; each checked out of fold."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.embedding import Embedding
from antiphon.core.error import BadRequest
from antiphon.evaluation.basis import EMBEDDING_SCALE, Basis, basis, packed, see
from antiphon.evaluation.calibrate import calibrated, chances
from antiphon.evaluation.costs import Prices, prices
from antiphon.evaluation.grid import Array, Grid
from antiphon.evaluation.impute import imputed
from antiphon.evaluation.learn import Learned, Rows, learn
from antiphon.evaluation.lengths import lengths
from antiphon.evaluation.logged_margin import followed
from antiphon.evaluation.measures import best_single
from antiphon.evaluation.nearest import Near
from antiphon.evaluation.outcomes import Outcome
from antiphon.evaluation.report import fitted_margin, fitted_tolerance, judged, report
from antiphon.evaluation.ridge import Fit
from antiphon.routing.selector_features import VERSION, WORD_BITS
from antiphon.routing.selector_file import (
    FORMAT,
    Calibration,
    Lengths,
    Lines,
    Method,
    Prior,
    SelectorFile,
    Variant,
    sealed,
)

FOLDS = 5
LEAST_PROMPTS = 50


class Embedded(Struct, frozen=True, kw_only=True, eq=False):
    """The embeddings of a training's prompts, in their order."""

    embedder: str
    """Its name: model and version."""
    vectors: Array
    """Of length 1."""


class Trained(Struct, frozen=True, kw_only=True, eq=False):
    """A selector, and what it predicted of its own prompts out of fold."""

    file: SelectorFile
    chances: Array
    """Calibrated."""
    expected_usd: Array
    """What calls were expected to cost."""
    choices: int = 0
    """Made by chance, that margin and tolerance are from; 0: they are from prompts that every model answered, if any."""


def embedded(embedder: str, vectors: Sequence[Embedding]) -> Embedded:
    """Embeddings as arrays."""
    return Embedded(embedder=embedder, vectors=np.array([one.tolist() for one in vectors], dtype="float64"))


def train(
    grid: Grid,
    method: Method = "blend",
    vectors: Embedded | None = None,
    seed: int = 0,
    outcomes: Sequence[Outcome] = (),
) -> Trained:
    """Learn a selector from outcomes. The same arguments give the same file.

    Args:
        vectors: With them the selector takes embeddings, and can do without; None: it takes none.
        seed: Of the folds and of the directions that words are brought to.
        outcomes: Those of the grid: where no prompt was answered by every model, choices among them that chance made tell
            how far the selector is followed.

    Raises: BadRequest, when there are too few prompts or models, or kNN has no embeddings.
    """
    _fit_to_learn(grid, method, vectors)
    seen = see(grid.texts)
    base = basis(seen, seed)
    folds = np.random.default_rng(seed).permutation(len(seen)) % FOLDS
    plain = base.plain(seen)
    price = prices(grid)
    rows = Rows(features=plain, filled=imputed(grid.scores), known=grid.known, folds=folds)
    bare = full = _told(base, learn(rows, "ridge" if method == "knn" else method), rows, grid)
    if vectors is not None:
        wide = np.hstack([plain, vectors.vectors * _stretch(vectors)])
        rows = replace(rows, features=wide, vectors=vectors.vectors)
        full = _told(base, learn(rows, method), rows, grid, vectors)
    expected = price.of(grid.input_tokens, full.tokens)
    best = best_single(grid.scores, grid.costs_usd)
    found = judged(grid, full.chances, expected, best)
    margin, tolerance, drawn = fitted_margin(found), fitted_tolerance(found), None
    if not len(found.scores):
        drawn = followed(grid, outcomes, full.chances, expected, best)
    if drawn is not None:
        margin, tolerance = drawn.margin, drawn.tolerance
    file = SelectorFile(
        format=FORMAT,
        sha256="",
        method=method,
        features=VERSION,
        word_bits=WORD_BITS,
        models=list(grid.models),
        priors=_priors(grid, price),
        best_single=grid.models[best],
        margin=margin,
        tolerance=tolerance,
        idf=packed(base.idf),
        plain=bare.variant,
        embedded=None if full is bare else full.variant,
        embedder="" if vectors is None else vectors.embedder,
        dimensions=0 if vectors is None else vectors.vectors.shape[1],
        report=report(grid, found, full.chances, margin, tolerance, seed),
    )
    choices = 0 if drawn is None else drawn.choices
    return Trained(file=sealed(file), chances=full.chances, expected_usd=expected, choices=choices)


class _Told(Struct, frozen=True, eq=False):
    """One way to predict, and what it told of the training's prompts out of fold."""

    variant: Variant
    chances: Array
    tokens: Array


def _told(basis: Basis, learned: Learned, rows: Rows, grid: Grid, vectors: Embedded | None = None) -> _Told:
    """Calibrate what was learned, and put it as a selector keeps it."""
    fits = [_calibration(learned.out_of_fold[:, at], grid.scores[:, at]) for at in range(len(grid.models))]
    told = np.stack([chances(learned.out_of_fold[:, at], fits[at]) for at in range(len(fits))], 1)
    near = next((part.stored(weight) for weight, part in learned.parts if isinstance(part, Near)), None)
    lines = [_lines(basis, part, weight, vectors) for weight, part in learned.parts if isinstance(part, Fit)]
    long = lengths(rows.features, rows.folds, grid.output_tokens, each=vectors is not None)
    kept = Lengths(
        line=_lines(basis, long.fit, 1.0, vectors),
        offset=[float(one) for one in long.offset.tolist()],
        slope=[float(one) for one in long.slope.tolist()],
    )
    variant = Variant(lines=lines, calibration=fits, lengths=kept, neighbours=near)
    return _Told(variant, told, long.out_of_fold)


def _calibration(raw: Array, scores: Array) -> Calibration:
    known = ~np.isnan(scores)
    return calibrated(raw[known], scores[known])


def _lines(basis: Basis, fit: Fit, weight: float, vectors: Embedded | None) -> Lines:
    size = 0 if vectors is None else vectors.vectors.shape[1]
    embedding = fit.weights[-size:] * _stretch(vectors) if vectors is not None else None
    lines = basis.lines(fit.weights[: len(fit.weights) - size], fit.offset, embedding)
    return replace(lines, weight=weight, link="logit" if fit.logit else "identity")


def _stretch(vectors: Embedded) -> float:
    return EMBEDDING_SCALE * float(np.sqrt(vectors.vectors.shape[1]))


def _priors(grid: Grid, price: Prices) -> list[Prior]:
    counts = grid.known.sum(0)
    totals = np.nan_to_num(grid.scores).sum(0)
    return [
        Prior(mean=float(total / max(1, count)), count=int(count), cost_usd=float(cost))
        for total, count, cost in zip(totals, counts, price.mean_usd, strict=True)
    ]


def _fit_to_learn(grid: Grid, method: Method, vectors: Embedded | None) -> None:
    """Raises: BadRequest."""
    if len(grid.ids) < LEAST_PROMPTS:
        raise BadRequest(f"{len(grid.ids)} prompts have an outcome; at least {LEAST_PROMPTS} are needed")
    if len(grid.models) < 2:
        raise BadRequest(f"only {' and '.join(grid.models)} has outcomes; a selector chooses among two models or more")
    unlabelled = np.flatnonzero(grid.known.sum(axis=0) == 0)
    if len(unlabelled):
        raise BadRequest(f"{grid.models[int(unlabelled[0])]} has no score; leave it out, or label some of its answers")
    if method == "knn" and vectors is None:
        raise BadRequest("kNN finds neighbours by embeddings; name an embedder, or another method")
