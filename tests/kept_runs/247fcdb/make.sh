set -e
cd /tmp/kept
P=/work/main/.venv/bin/python; G=/work/main/.venv/bin/gan; T=/work/main/train.py
S="data=mnist_sample model.generator.hidden=[16] model.discriminator.hidden=[16] callbacks.quality=null callbacks.projector=null trainer.limit_train_batches=6 trainer.log_every_n_steps=2 callbacks.samples.count=4 trainer.accelerator=cpu"
$P $T $S trainer.max_epochs=2 ema=standard hydra.run.dir=finished
$P stop_at.py $S trainer.max_epochs=4 hydra.run.dir=interrupted || echo code $?
$P $T $S trainer.max_epochs=2 trainer.devices=2 hydra.run.dir=two_processes
$P $T $S trainer.max_epochs=3 schedule=alternating_epochs optimizer=rmsprop hydra.run.dir=alternating_epochs
$P $T -m $S trainer.max_epochs=1 optimizer.lr=1e-4,1e-3 ema=standard hydra.sweep.dir=sweep || echo code $?
$G evaluate finished --n 500 --device cpu
$G evaluate sweep/*8 --n 500 --device cpu || true
$G report sweep finished two_processes alternating_epochs --out report.html
$G report sweep finished two_processes alternating_epochs --out report.md || true
