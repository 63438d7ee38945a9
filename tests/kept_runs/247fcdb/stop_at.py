"""Run train.py and send this process SIGTERM in its 16th minibatch."""
import os, runpy, signal, sys
from gan.module import GAN
step = GAN.training_step
def training_step(self, batch, batch_idx):
    step(self, batch, batch_idx)
    if self.turns == 16:
        os.kill(os.getpid(), signal.SIGTERM)
GAN.training_step = training_step
sys.path.insert(0, "/work/main")
runpy.run_path("/work/main/train.py", run_name="__main__")
