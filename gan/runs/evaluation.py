"""What the metrics of a run were measured against."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Evaluation:
    """What `gan evaluate` compared a run with. Metrics of different evaluations are not comparable.

    Attributes:
        data: dataset of the real images. n: number of generated images, as text. extractors: names and short sha256.
    """

    data: str
    n: str
    extractors: str

    @classmethod
    def of(cls, quality: Mapping[str, Any]) -> Self:
        """The evaluation of the metrics of a quality.json."""
        n, extractors = quality.get("n"), quality.get("extractors")
        known = extractors.items() if isinstance(extractors, dict) else ()
        return cls(
            str(quality.get("data")),
            f"{n:,}" if isinstance(n, int) else str(n),
            ", ".join(f"{name} {str(digest)[:8]}" for name, digest in known),
        )

    def __str__(self) -> str:
        return f"{self.n} images of {self.data}"
