# One command sets up and runs: make run. One sets up and tests: make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGUMENTS ?=
PYTEST_ARGUMENTS ?=

.PHONY: run test test-slow lint bench journey moving-picture booth screenshots clean

run: $(VENV)/ready
	$(BIN)/python run.py $(ARGUMENTS)

# What is live has the machine to itself; the rest runs side by side.
LIVE := tests/bench tests/server tests/browser
test: $(VENV)/ready-dev lint
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile $(LIVE:%=--ignore=%) \
		--junitxml=build/tests.xml $(PYTEST_ARGUMENTS)
	$(BIN)/python -m pytest $(LIVE) --junitxml=build/tests-live.xml $(PYTEST_ARGUMENTS)

test-slow: $(VENV)/ready-dev
	$(BIN)/python -m pytest -m slow --timeout=1500 $(PYTEST_ARGUMENTS)

lint: $(VENV)/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/ready-dev
	$(BIN)/python run.py bench $(ARGUMENTS)

# A juggler's clip becomes a dataset, somebody else's dance is shown as the juggler: at once out of his own
# pixels, and by a performer that learnt for MINUTES.
MINUTES ?= 15
JOURNEY := build/journey
CLIPS := tests/data
journey: $(VENV)/ready-dev
	rm -rf $(JOURNEY)
	$(BIN)/python run.py capture $(CLIPS)/juggler_480.mp4 --out $(JOURNEY)/juggler
	$(BIN)/python run.py perform $(CLIPS)/dancer_c_288.mp4 --as $(JOURNEY)/juggler --side-by-side --out $(JOURNEY)/instant.jpg
	$(BIN)/python run.py train $(JOURNEY)/juggler --out $(JOURNEY)/performer --minutes $(MINUTES)
	$(BIN)/python run.py perform $(CLIPS)/dancer_c_288.mp4 --as $(JOURNEY)/performer --side-by-side --out $(JOURNEY)/trained.jpg
	$(BIN)/python run.py evaluate $(JOURNEY)/performer

# The README's moving picture: the journey through the pages, filmed in Chromium.
moving-picture: $(VENV)/ready-dev
	$(BIN)/python -m bench.moving_picture $(CLIPS)/juggler_480.mp4 $(CLIPS)/dancer_c_288.mp4 --out docs/images/journey.webp

# At a booth: somebody in a grey shirt is learnt from three clips and measured on a fourth; somebody in an
# orange jumper is shown as them. VISITORS: folder with clips of intel-iot-devkit/sample-videos (docs/booth.md).
# BASE: a run of `train --people many` to begin with, instead of what comes with the program.
BOOTH := build/booth
VISITORS ?=
BASE ?=
booth: $(VENV)/ready-dev
	@test -f "$(VISITORS)/bird.mkv" || { echo "Name the folder of the clips: make booth VISITORS=FOLDER (docs/booth.md)."; exit 1; }
	rm -rf $(BOOTH)
	for clip in bird milk please sorry book; do \
		$(BIN)/python run.py capture "$(VISITORS)/$$clip.mkv" --model understudy-default --out $(BOOTH)/$$clip || exit 1; done
	$(BIN)/python run.py train $(BOOTH)/bird $(BOOTH)/milk $(BOOTH)/please --out $(BOOTH)/grey-shirt \
		--minutes $(MINUTES) $(if $(BASE),--from $(BASE))
	$(BIN)/python run.py evaluate $(BOOTH)/grey-shirt --model understudy-default --truth $(BOOTH)/sorry --source $(BOOTH)/book \
		--json docs/figures/booth.json $(if $(BASE),--base $(BASE)/base-mending.safetensors)
	$(BIN)/python run.py perform "$(VISITORS)/book.mkv" --as $(BOOTH)/grey-shirt --model understudy-default --side-by-side --out $(BOOTH)/book.jpg

screenshots: $(VENV)/ready-dev
	$(BIN)/python -m tests.browser.screenshots --out screenshots

clean:
	rm -rf $(VENV) build screenshots .pytest_cache .mypy_cache .ruff_cache

$(VENV)/ready: requirements.txt requirements-capture.txt constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Understudy needs Python 3.11 or newer; name one with: make run PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt requirements-export.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
