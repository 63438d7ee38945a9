"""Metrics of one's own for `gan evaluate --metric`."""

import pytest

from gan.metrics.own_metrics import own_metrics
from gan.system.errors import GanError

SSIM = "StructuralSimilarityIndexMeasure"


def test_a_metric_has_the_name_of_its_class() -> None:
    assert list(own_metrics([f"torchmetrics.image.{SSIM}"])) == [SSIM]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([f"torchmetrics.image.{SSIM}", f"torchmetrics.image.ssim.{SSIM}"], f"two metrics are named {SSIM}"),
        (["torch.nn.Linear"], "'torch.nn.Linear' given, a torchmetrics.Metric expected"),
        (["torchmetrics.NoSuch"], "NoSuch"),
        (["torchmetrics.Accuracy"], "torchmetrics.Accuracy: TypeError: "),
    ],
)
def test_other_targets_are_refused(targets: list[str], message: str) -> None:
    with pytest.raises(GanError, match=r"^--metric: ") as error:
        own_metrics(targets)
    assert message in str(error.value)
