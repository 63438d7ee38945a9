"""Ways in which a file can be damaged."""

import random

KINDS = ("cut", "flip", "zero", "insert", "swap")


def damage(content: bytes, kind: str, chance: random.Random) -> bytes:
    """The bytes, damaged at a random place in one of `KINDS`."""
    at, to = sorted(chance.randrange(len(content)) for _ in range(2))
    match kind:
        case "cut":
            return content[:at]
        case "flip":
            return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]
        case "zero":
            return content[:at] + bytes(to - at) + content[to:]
        case "insert":
            return content[:at] + chance.randbytes(8) + content[at:]
        case _:
            return content[to:] + content[at:to] + content[:at]
