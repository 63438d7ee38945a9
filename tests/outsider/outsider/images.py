import torch


def bars(count: int = 500, size: int = 28):
    """Images with one bright bar: uint8 (count, 1, size, size). The label is the direction of the bar."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    images = torch.zeros(count, 1, size, size, dtype=torch.uint8)
    places = torch.randint(2, size - 4, (count,), generator=generator)
    for image, place in zip(images, places, strict=True):
        image[0, place : place + 3] = 255
    images[labels == 1] = images[labels == 1].transpose(2, 3)
    return {"images": images, "labels": labels, "class_names": ["horizontal", "vertical"]}
