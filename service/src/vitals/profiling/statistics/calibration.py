"""What a confidence is worth: histogram binning (Zadrozny and Elkan, ICML 2001, section 4.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitals.bundle.schema import CalibrationBin

_MOST_BINS = 10
_ROWS_PER_BIN = 20


def calibrate(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[CalibrationBin, ...]:
    """Bins of about equally many predictions, each with the accuracy that its predictions had.

    `confidences` and `right`, shape (rows,): how sure each prediction was, and whether it was right. A bin's accuracy is
    (right + c) / (rows + 1) with c its mean confidence: one row more that does as it says (the m-estimate of Cestnik 1990
    with m = 1), so that few rows, all right or all wrong, do not make a certainty.
    """
    count = max(1, min(_MOST_BINS, len(confidences) // _ROWS_PER_BIN))
    limits = np.unique(np.quantile(confidences, np.arange(1, count) / count, method="inverted_cdf"))
    limits = np.append(limits[limits < 1], 1.0)
    falls_into = np.searchsorted(limits, confidences, side="left").clip(max=len(limits) - 1)
    made = []
    for index, up_to in enumerate(limits):
        inside = falls_into == index
        rows = int(inside.sum())
        if rows == 0 and index < len(limits) - 1:
            continue
        mean = float(confidences[inside].mean()) if rows else float(up_to)
        made.append(
            CalibrationBin(
                up_to=float(up_to),
                rows=rows,
                share=rows / len(confidences),
                confidence=min(1.0, mean),
                accuracy=min(1.0, (int(right[inside].sum()) + mean) / (rows + 1)),
            )
        )
    return tuple(made)
