# make run | notes | secured | test | lint | wheel | docs | trials | soak | sanitize | bench | clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(wildcard fastgw/_core/*.pyx fastgw/_core/*.pxd) setup.py pyproject.toml
BUILT := $(VENV)/built
TOOLS := $(VENV)/tools

.DEFAULT_GOAL := test
.PHONY: run notes secured test lint wheel docs trials soak sanitize bench clean doubles

run: $(BUILT)
	$(BIN)/fastgw demo

notes: $(BUILT)
	$(BIN)/fastgw demo notes

secured: $(BUILT)
	$(BIN)/fastgw demo secured

# Two at a time, since most tests wait for deadlines; a file's tests stay together, and share what they start.
test: $(BUILT) doubles
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(TOOLS)
	$(BIN)/ruff check .

wheel: $(TOOLS)
	$(BIN)/python -m build --wheel --outdir dist .

docs: $(BUILT)
	PYTHONPATH=. $(BIN)/python docs/tables.py README.md docs/*.md
	$(BIN)/python -m bench.report --write

trials: $(BUILT) doubles
	$(BIN)/python -m pytest -m trial

soak: $(BUILT)
	$(BIN)/python -m bench.soak

bench: $(BUILT)
	$(BIN)/fastgw bench

sanitize: $(TOOLS) doubles
	tests/sanitize.sh $(BIN)/python $(TESTS)

# Programs that some tests run beside fastgw. A test without its program says so and is skipped.
doubles:
	@for program in nginx wrk faketime promtool redis-server h2load; do \
	  command -v $$program >/dev/null || [ -x /usr/sbin/$$program ] \
	  || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -q $$(case $$program in promtool) echo prometheus;; h2load) echo nghttp2-client;; *) echo $$program;; esac); } \
	  || echo "$$program is not here and cannot be installed: tests that need it are skipped"; \
	done
	@[ -f /usr/share/java/velocity.jar ] || ! command -v javac >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && apt-get install -y -q velocity; } \
	  || echo "velocity is not here and cannot be installed: tests that need it are skipped"
	@[ -d $(VENV)/npm/node_modules/dynalite ] \
	|| { command -v npm >/dev/null && npm install --silent --no-audit --no-fund --prefix $(VENV)/npm dynalite@4 >/dev/null; } \
	|| echo "dynalite (npm) is not here and cannot be installed: tests that need it are skipped"

$(TOOLS): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
	  print(*p['dependencies'], *p['optional-dependencies']['dev'], sep='\n')" > $(VENV)/requirements.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -r $(VENV)/requirements.txt
	touch $@

$(BUILT): $(TOOLS) $(SOURCES)
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --editable .
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find fastgw -name '*.so' -delete -o -name __pycache__ -prune -exec rm -r {} +
