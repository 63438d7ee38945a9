"""Which device the `gan` commands compute on."""

from gan.system.errors import GanError

DEVICES = ("cpu", "cuda", "mps", "xpu")


def usable_device(name: str) -> str:
    """``name`` itself, where it names a device that can be computed on.

    Raises:
        GanError: it does not, or the device does not answer.
    """
    import torch

    try:
        if name.partition(":")[0] not in DEVICES:
            raise RuntimeError("not one of " + ", ".join(DEVICES))
        torch.ones(1, device=name).add(1).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:200]
        raise GanError(
            f"--device: {name!r} given, cpu or a device that this machine has expected ({reason})"
        ) from error
    return name
