# `make` lists the targets. GNU make 3.81 (macOS) and a POSIX shell are enough.

PY := .venv/bin/python
PARTS := gan hydra_plugins tests conf benchmarks docs notebooks
WORKERS := 2

# Where .venv stands complete but cannot be used (moved, its interpreter gone, another Python asked for), make it anew.
ifneq ($(shell sh .ci/setup problem "$(PYTHON)"),)
.PHONY: .venv/.complete
endif

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z-]*:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  ARGS="…"            passed on:   make train ARGS="data=fashion trainer.max_epochs=3"'
	@echo '                      likewise:    make test ARGS="tests/game/test_losses.py -x"'
	@echo '  WORKERS=1           tests in so many processes (2 otherwise), each with one thread where there are several'
	@echo '  PYTHON=python3.12   the Python that .venv is built with (3.11 to 3.13); else python3'
	@echo '  PIP_ARGS="…"        passed to pip by setup, for instance --extra-index-url with an index of CPU-only wheels'

.PHONY: setup
setup: .venv/.complete ## Build .venv, or bring it up to date; every target below does so when needed
	@echo ".venv is ready. For python, gan and tensorboard without their path:  . .venv/bin/activate"

.venv/.complete: pyproject.toml constraints.txt
	@sh .ci/setup build "$(PYTHON)" $(PIP_ARGS)

.PHONY: train
train: .venv/.complete ## A short first run: bundled images, about a minute on a CPU
	$(PY) train.py experiment=quickstart $(ARGS)

.PHONY: board
board: .venv/.complete ## TensorBoard on all runs under outputs/
	$(PY) -m tensorboard.main --logdir outputs --samples_per_plugin images=100000 $(ARGS)

.PHONY: test
test: .venv/.complete ## The tests; no internet connection needed
	$(PY) -m pytest $(if $(filter-out 1,$(WORKERS)),-n $(WORKERS)) $(ARGS)

.PHONY: test-all
test-all: .venv/.complete ## The tests with the slow ones: full-length runs, on the full datasets if they are installed
	$(PY) -m pytest -m "" $(if $(filter-out 1,$(WORKERS)),-n $(WORKERS)) $(ARGS)

# .venv-next has these two packages, and all others from .venv.
.PHONY: test-next
test-next: .venv/.complete ## The tests on the newest pre-release of Hydra and OmegaConf, in .venv-next; needs the network
	$(PY) -m venv .venv-next
	$(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
		"$$(.venv-next/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/next.pth"
	.venv-next/bin/python -m pip install -q --upgrade --pre --no-deps $(PIP_ARGS) 'hydra-core<1.5' 'omegaconf<2.5'
	.venv-next/bin/python -m pip install -q --no-deps $(PIP_ARGS) -e .
	.venv-next/bin/python -m pytest $(ARGS)

# The oldest and the newest dependencies that pyproject.toml allows, each in a separate environment of 7 GB.
.PHONY: test-oldest
test-oldest: ## The tests on the oldest packages that pyproject.toml admits
	@sh .ci/setup end "$(PYTHON)" oldest $(PIP_ARGS)
	.venv-oldest/bin/python -m pytest $(ARGS)

.PHONY: test-newest
test-newest: ## The tests on the newest packages that pyproject.toml admits
	@sh .ci/setup end "$(PYTHON)" newest $(PIP_ARGS)
	.venv-newest/bin/python -m pytest $(ARGS)

.PHONY: dist
dist: .venv/.complete ## Build the sdist and the wheel under dist/, and check them; FULL=1 installs the wheel's dependencies anew
	$(PY) -m pip install -q $(PIP_ARGS) -e '.[dist]' -c constraints.txt
	rm -rf build dist
	$(PY) -m build
	$(PY) -m twine check --strict dist/*
	$(PY) tests/wheel_check.py dist/*.whl $(if $(FULL),--full)

.PHONY: browser
browser: .venv/.complete ## The pages of demo, watch and board in headless Chromium; needs one, and the extra [browser]
	$(PY) -m pytest -m "" $(wildcard tests/*/test_*_in_a_browser.py) $(ARGS)

.PHONY: check
check: lint format-check types ## Lint, format check and types: what CI asks besides the tests

.PHONY: lint
lint: .venv/.complete ## Style, imports, likely bugs (ruff), the order of packages (import-linter)
	$(PY) -m ruff check .
	.venv/bin/lint-imports

.PHONY: format
format: .venv/.complete ## Put imports and layout in order, in place (ruff)
	$(PY) -m ruff check --select I --fix .
	$(PY) -m ruff format .

.PHONY: format-check
format-check: .venv/.complete ## Say what `make format` would change
	$(PY) -m ruff format --diff .

.PHONY: types
types: .venv/.complete ## Types (mypy)
	$(PY) -m mypy

.PHONY: docs
docs: .venv/.complete ## Write docs/configuration.md and docs/commands.md from the classes, conf/ and the help texts
	.venv/bin/gan options --markdown > docs/configuration.md.tmp
	mv docs/configuration.md.tmp docs/configuration.md
	$(PY) -m gan.commands.reference > docs/commands.md.tmp
	mv docs/commands.md.tmp docs/commands.md

.PHONY: live
live: .venv/.complete ## Write docs/live/index.html: the bundled generator, live
	.venv/bin/gan demo --static docs/live --force

.PHONY: notebook
notebook: .venv/.complete ## Run notebooks/first_gan.ipynb and store its outputs; needs the extra [notebook] once
	OMP_NUM_THREADS=1 PYTHONPATH=. $(PY) notebooks/execute.py

.PHONY: pictures
pictures: .venv/.complete ## Make the pictures of README and docs again that need minutes; docs/images/README.md lists all
	$(PY) benchmarks/pictures.py $(ARGS)

.PHONY: site
site: .venv/.complete ## The docs as a site under site/; needs the extra [docs] once: .venv/bin/pip install -e ".[docs]" -c constraints.txt
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(PY) -m mkdocs build --strict $(ARGS)

.PHONY: bench
bench: .venv/.complete ## Images per second against the tutorials' loops, bare PyTorch and plain Lightning; needs full MNIST
	$(PY) benchmarks/speed.py $(ARGS)

.PHONY: constraints
constraints: ## Write constraints.txt from a fresh resolve; TORCH=2.14.1 moves to another torch
	@sh .ci/setup constraints "$(PYTHON)" "$(TORCH)" $(PIP_ARGS)

.PHONY: clean
clean: ## Remove what builds and checks leave behind; never outputs/, data/ or .venv
	rm -rf .venv-next .venv-oldest .venv-newest build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis __pycache__
	find $(wildcard $(PARTS)) -name __pycache__ -prune -exec rm -rf {} +
