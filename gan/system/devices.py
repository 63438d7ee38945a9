"""Device check for the `gan` commands."""

from gan.system.errors import GanError

DEVICES = ("cpu", "cuda", "mps", "xpu")


def usable_device(name: str) -> str:
    """Return ``name`` if it is a device that works.

    Raises:
        GanError: it is not a device, or the device does not respond.
    """
    import torch

    try:
        if name.partition(":")[0] not in DEVICES:
            raise RuntimeError("not one of " + ", ".join(DEVICES))
        torch.ones(1, device=name).add(1).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:200]
        raise GanError(
            f"--device: {name!r} given, cpu or another device of this machine expected ({reason})"
        ) from error
    return name
