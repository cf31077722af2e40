"""A linear classifier over hashed n-grams: a few hundred kilobytes, scored with numpy.

The weights are made by the scripts in `tests/training`, which say what they were trained on; each
has a model card beside it, `models/NAME.md`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FOLDER: Final = Path(__file__).parents[1] / "models"


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A classifier into one or several classes, each yes or no.

    Attributes:
        classes: Their names.
        weights: Shape (buckets, classes).
        bias: Shape (classes,).
        slope: Of the calibration from a logit to a probability (Platt 1999), for each class.
        offset: Likewise.
        settings: What else the model was made with: the n-grams and the thresholds.
    """

    classes: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    slope: NDArray[np.float32]
    offset: NDArray[np.float32]
    settings: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write the model as npz, its weights in half precision."""
        np.savez_compressed(
            path,
            weights=self.weights.astype(np.float16),
            bias=self.bias,
            slope=self.slope,
            offset=self.offset,
            about=np.array(json.dumps({"classes": self.classes, "settings": self.settings})),
        )


def read_model(path: Path) -> LinearModel:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        about = json.loads(str(file["about"]))
        return LinearModel(
            tuple(about["classes"]),
            file["weights"].astype(np.float32),
            file["bias"],
            file["slope"],
            file["offset"],
            about["settings"],
        )
