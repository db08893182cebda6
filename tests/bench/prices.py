"""One market's closes, the same for every engine: GBM with a mean-reverting part, in cents."""

import numpy as np

SEED = 7
WINDOW, ENTER, EXIT, FEE = 60, 2.0, 0.0, 0.001


def closes(rows: int) -> "np.ndarray":
    rng = np.random.default_rng(SEED)
    drift = np.cumsum(rng.normal(0.0, 0.0004, rows))
    noise = rng.normal(0.0, 0.001, rows)
    pull, near = 0.0, np.empty(rows)
    for row, shock in enumerate(noise.tolist()):
        pull = 0.95 * pull + shock
        near[row] = pull
    return np.round(10_000 * np.exp(drift * 0.25 + near)).astype(np.int64)


def z_scores(cents: "np.ndarray") -> "np.ndarray":
    """Of each close among the last `WINDOW`, from exact integer sums; NaN before there are so many."""
    step = cents - cents[0]
    total, squares = (np.concatenate(([0], np.cumsum(column))) for column in (step, step * step))
    total, squares = (column[WINDOW:] - column[:-WINDOW] for column in (total, squares))
    spread = np.sqrt((WINDOW * squares - total * total) / (WINDOW * (WINDOW - 1)))
    out = np.full(len(cents), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        out[WINDOW - 1 :] = (WINDOW * step[WINDOW - 1 :] - total) / WINDOW / spread
    return out
