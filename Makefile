# Two commands: `make demo` and `make test`. The rest is what they are made of.
.PHONY: demo setup test test-setup check bench clean

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
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
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on -r requirements.txt -r requirements-dev.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -e .
	@touch $@

$(PAGE): $(READY) src/homestream/web/ui/package-lock.json
	@echo "[3/3] the page's modules"
	@$(BIN)/python -m homestream.web.build
	@touch $@

test-setup: setup     ## what tests need beside: a browser
	@command -v chromium >/dev/null || { echo "chromium is missing: installing Debian's package"; \
	  SUDO=$$(test "$$(id -u)" = 0 || echo sudo); \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq chromium mosquitto mosquitto-clients libcoap3-bin >/dev/null; }

test: test-setup      ## unit, property, integration over real sockets, crash, browser
	@$(BIN)/python -m pytest

check: setup          ## style, types, and that pure rooms import no edge
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/python -m pytest -q tests/test_rooms.py

bench: setup          ## the budgets' figures
	@$(BIN)/python -m bench

clean:                ## forget what setup made
	@rm -rf $(VENV) src/homestream/web/ui/vendor src/homestream/web/ui/node_modules demo-home
