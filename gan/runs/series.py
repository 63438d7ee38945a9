"""Table of all logged series: the metrics in metrics.csv, TensorBoard and ``trainer.callback_metrics``.

The progress bar, losses.png, TensorBoard's layout, `gan show`, `gan report`, `gan watch` and the check of monitored
names use it. `gan report` draws a series of a user's own callback under its name.
"""

from dataclasses import dataclass

TRAIN, EPOCH, QUALITY = "train/", "epoch/", "quality/"
ALARMS, FINAL = "alarms/", "final/"  # only in TensorBoard: whether an alarm is on, and the last values of a run
IMAGES, IMAGES_PER_SECOND, FCD = "images_seen", "train/images_per_second", "quality/fcd"
COIN = "train/d_accuracy_coin"


@dataclass(frozen=True)
class Chart:
    """A chart: series that are drawn together.

    Attributes:
        title: title above the chart.
        low, high: range of the y axis; None: the range of the data.
        log: use a logarithmic scale.
        line: reference value, drawn as a line. line_title: its label.
    """

    title: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    line: float | None = None
    line_title: str = ""


@dataclass(frozen=True)
class Series:
    """One logged series.

    Attributes:
        name: column of metrics.csv, and tag in TensorBoard.
        title: title in legends and tables.
        chart: chart in which it is drawn; None: in no chart shown by default.
        better: -1 if lower is better, 1 if higher is better, 0 if neither.
        bar: format of its text in the progress bar; "": it is not in the bar.
        when: condition under which a run logs it; "": always.
    """

    name: str
    title: str
    chart: Chart | None = None
    better: int = 0
    bar: str = ""
    when: str = ""


LOSSES = Chart("losses")
ACCURACIES = Chart("discriminator's accuracy", low=0, high=1, line=0.5, line_title="guessing")
DISTANCES = Chart("Fréchet distance", log=True)
SHARES = Chart("quality", low=0, high=1)
MODES = Chart("modes found")
NORMS = Chart("gradient norms", log=True)
SPEED = Chart("images per second", low=0)
RATES = Chart("learning rates", low=0)
CHARTS = (LOSSES, ACCURACIES, DISTANCES, SHARES, MODES, NORMS, SPEED, RATES)

SERIES = (
    Series("epoch", "epochs ended"),
    Series(IMAGES, "real images seen"),
    Series("d_updates", "D's updates"),
    Series("g_updates", "G's updates"),
    # Over one epoch.
    Series("epoch/d_loss", "D's loss, mean of an epoch"),
    Series("epoch/g_loss", "G's loss, mean of an epoch"),
    Series("epoch/d_loss_last", "D's loss, last of an epoch"),
    Series("epoch/g_loss_last", "G's loss, last of an epoch"),
    # Over the updates since the last row.
    Series("train/d_loss", "D's loss", LOSSES, bar="  D {:.3f}"),
    Series("train/g_loss", "G's loss", LOSSES, bar="  G {:.3f}"),
    Series("train/d_accuracy_real", "on real", ACCURACIES, bar="  D right: real {:.0%}", when="boundary"),
    Series("train/d_accuracy_fake", "on fake", ACCURACIES, bar=", fake {:.0%}", when="boundary"),
    Series(
        "train/d_accuracy_pairs", "on pairs: which is real?", ACCURACIES, bar="  D right: {:.0%} of pairs", when="pairs"
    ),
    Series(COIN, ACCURACIES.line_title, ACCURACIES, when="TensorBoard"),
    Series("train/d_gradient_norm", "D's gradient norm", NORMS),
    Series("train/g_gradient_norm", "G's gradient norm", NORMS),
    Series("train/d_real", "D's probability of real images", when="log odds"),
    Series("train/d_fake", "D's probability of fakes", when="log odds"),
    Series("train/value", "V(D, G)", when="log odds"),
    Series("train/d_logit_real", "D's logit of real images", when="no log odds"),
    Series("train/d_logit_fake", "D's logit of fakes", when="no log odds"),
    Series("train/penalty", "penalty", when="penalty"),
    Series("train/augmentation_probability", "probability of augmentation", when="adaptive augmentation"),
    Series("train/d_class_loss", "D's loss of classes", when="auxiliary classifier"),
    Series("train/g_class_loss", "G's loss of classes", when="auxiliary classifier"),
    Series("train/d_information_loss", "D's loss of codes", when="codes"),
    Series("train/g_information_loss", "G's loss of codes", when="codes"),
    # Measured on generated images.
    Series(FCD, "FCD", DISTANCES, better=-1, bar="  FCD {:.3g}", when="images"),
    Series("quality/fcd_autoencoder", "AE distance", DISTANCES, better=-1, when="images"),
    Series("quality/precision", "precision", SHARES, better=1, when="images"),
    Series("quality/recall", "recall", SHARES, better=1, when="images"),
    Series("quality/density", "density", better=1, when="images"),
    Series("quality/coverage", "coverage", SHARES, better=1, when="images"),
    Series("quality/kl_uniform", "KL divergence from equal class frequencies", better=-1, when="images"),
    Series("quality/missing", "classes missing", better=-1, when="images"),
    Series("quality/label_accuracy", "label accuracy", SHARES, better=1, when="images of classes"),
    Series("quality/modes", "modes", MODES, better=1, when="points"),
    Series("quality/good_points", "good points", SHARES, better=1, when="points"),
    # Over the same updates as `train/d_loss`; last in the progress bar.
    Series(IMAGES_PER_SECOND, "images per second", SPEED, bar="  {:,.0f} images/s"),
    Series("train/d_lr", "D's learning rate", RATES),
    Series("train/g_lr", "G's learning rate", RATES),
)
BY_NAME = {series.name: series for series in SERIES}


def drawn_in(chart: Chart) -> list[Series]:
    """Return the series of one chart, in order."""
    return [series for series in SERIES if series.chart is chart]
