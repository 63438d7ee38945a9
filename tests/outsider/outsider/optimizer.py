import torch


class SignSGD(torch.optim.Optimizer):
    """Steps of constant size in the direction of the gradient's sign."""

    def __init__(self, params, lr: float = 1e-4):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.sub_(group["lr"] * parameter.grad.sign())
        return loss
