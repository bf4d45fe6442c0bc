# Two commands: `make demo` and `make test`. The rest is what they are made of.

.PHONY: demo setup test test-setup flink-test screenshot check fuzz bench quality wheel clean

SHELL       := bash
.SHELLFLAGS := -o pipefail -c

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
FLINK  := .venv-flink
READY  := $(VENV)/.ready
PAGE   := src/homestream/web/ui/vendor/.ready

demo: setup           ## the whole pipeline with a simulated home of about 60 devices
	@$(BIN)/homestream demo

setup: $(READY) $(PAGE)   ## .venv, pinned dependencies, the page's modules

$(READY): requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Homestream needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "[1/3] virtual environment in $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "[2/3] pinned Python packages (once, about a minute)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -r requirements.txt -r requirements-dev.txt \
	  | sed -un 's/^Collecting \([^ ]*\).*/      \1/p'
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(PAGE): $(READY) src/homestream/web/ui/package-lock.json
	@echo "[3/3] the page's modules"
	@$(BIN)/python -m homestream.web.build
	@touch $@

test-setup: setup     ## what tests need beside: a browser and the clients of other makers, from Debian
	@missing=""; \
	for pair in chromium:chromium mosquitto_pub:mosquitto-clients coap-client-notls:libcoap3-bin; do \
	  command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; done; \
	test -x /usr/sbin/mosquitto || missing="$$missing mosquitto"; \
	if [ -n "$$missing" ]; then echo "installing for the tests:$$missing"; \
	  sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
	  $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $$missing >/dev/null; fi

test: test-setup      ## unit, property, integration over real sockets, crash, browser
	@$(BIN)/python -m pytest

$(FLINK)/.ready: requirements-flink.txt pyproject.toml
	@command -v java >/dev/null || { echo "Flink needs Java 17 or newer: apt-get install openjdk-17-jre-headless"; exit 1; }
	@echo "Flink's environment in $(FLINK) (once, a few minutes, 1 GB)"
	@test -x $(FLINK)/bin/python || $(PYTHON) -m venv $(FLINK)
	@$(FLINK)/bin/python -m pip install --disable-pip-version-check --quiet --progress-bar on -r requirements-flink.txt
	@$(FLINK)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps -e .
	@touch $@

flink-test: setup $(FLINK)/.ready   ## the job on a local Flink, one of its tasks killed
	@$(BIN)/python -m pytest -m flink tests/runners

screenshot: test-setup   ## the README's picture, made by the browser test
	@HOMESTREAM_PICTURE=docs/page.png $(BIN)/python -m pytest -q tests/test_demo.py

check: setup          ## style, types, and that pure rooms import no edge
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/python -m pytest -q tests/test_rooms.py

fuzz: setup           ## any bytes give messages or the one documented error: a minute of looking for others
	@$(BIN)/python -m fuzz

bench: setup          ## the budgets' figures
	@$(BIN)/python -m bench

quality: setup        ## how right it is on the real homes of ../shared/data: docs/quality.md
	@$(BIN)/python -m quality

wheel: setup          ## dist/: a wheel with codec and engine compiled, after they did what the plain ones do
	@rm -rf build/lib* build/compiled dist
	@echo "compiling (two minutes)"
	@HOMESTREAM_COMPILE=1 $(BIN)/python -m pip wheel --disable-pip-version-check --quiet --no-deps --no-build-isolation -w dist .
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --target build/compiled dist/*.whl
	@PYTHONPATH=build/compiled $(BIN)/python -m pytest -q tests/wire tests/dialects tests/engine/test_compiled.py
	@$(BIN)/python bench/compiled.py
	@echo "to install: pip install" dist/*.whl

clean:                ## forget what setup made
	@rm -rf $(VENV) $(FLINK) dist src/homestream/web/ui/vendor src/homestream/web/ui/node_modules demo-home
