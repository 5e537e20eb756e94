# The two first commands on a fresh clone: `make demo` and `make test`.
PYTHON ?= python3
BACKENDS ?= sfm,sfm-unchecked
PYTORCH3D ?= "git+https://github.com/facebookresearch/pytorch3d.git"
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export NUMBA_CACHE_DIR := $(CURDIR)/.numba_cache
# Tests run in WORKERS processes of one thread each; a quick test that takes over MOST_S itself fails its lane.
WORKERS ?= 2
MOST_S := 15
ONE_THREAD := NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
LANE = $(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations=25
COVERAGE :=

.PHONY: setup docs demo test test-real test-models test-interop test-pytorch3d test-slow test-batch test-sim test-compile test-gpu bench bench-gpu bench-accuracy bench-real eval-reconstruction lint types schema codes check check-all clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cogmap needs Python 3.11 or newer: make PYTHON=python3.12 setup"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m tests.warm
	touch $(READY)

demo: setup
	$(BIN)/python -m examples.demo_room demo

test: setup
	$(LANE) -m "not real and not slow" --most-seconds $(MOST_S) $(COVERAGE)

test-real: setup
	$(BIN)/python -m pytest -m "real and not slow" || test $$? -eq 5

test-models: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 -e '.[labels,models]'
	$(BIN)/python -m pytest tests/test_transformers_models.py tests/test_depth_anything_3.py tests/test_adapters.py tests/test_doctor.py

test-interop: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[open3d,view]' 'pycocotools>=2.0.8'
	NUMBA_THREADING_LAYER=omp $(BIN)/python -m pytest tests/test_interop.py

# Builds PyTorch3D for minutes where it is not there: PYTORCH3D=FOLDER takes a checkout of it.
test-pytorch3d: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 setuptools wheel ninja iopath
	$(BIN)/python -c 'import pytorch3d' || FORCE_CUDA=0 $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation $(PYTORCH3D)
	NUMBA_THREADING_LAYER=omp $(BIN)/python -m pytest tests/test_interop.py -k "pytorch3d or embodiedscan"

test-slow: setup
	$(LANE) -m "slow and not real"

# A real cluster of three nodes on this machine, one of them killed.
test-batch: setup
	$(BIN)/python -m pytest tests/test_batch.py -m slow

test-sim: setup
	NUMBA_ENABLE_CUDASIM=1 COGMAP_KERNELS=sim $(BIN)/python -m pytest tests/kernels

test-compile: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cuda]'
	$(BIN)/python -m pytest tests/kernels/test_compile.py

test-gpu: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cuda]'
	COGMAP_KERNELS=gpu $(BIN)/python -m pytest tests/kernels

bench: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python -m benchmarks.bench_kernels
	$(BIN)/python -m benchmarks.bench_pipeline

bench-gpu: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cuda]' torch
	$(BIN)/python -m benchmarks.bench_gpu

bench-accuracy: setup
	$(BIN)/python -m benchmarks.accuracy.rooms --seeds 30 --peers

# SCANS is a folder of rendered real rooms, see benchmarks/accuracy/real.py.
bench-real: setup
	$(BIN)/python -m benchmarks.accuracy.real $(SCANS) --peers

eval-reconstruction: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'matplotlib>=3.9'
	$(BIN)/python -m benchmarks.eval_reconstruction $(CLIP) --backends $(BACKENDS)

# The pages as a site in .site/; a link that leads nowhere fails.
docs: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

schema: setup
	$(BIN)/python -c "from cogmap.mapfile.schema import json_schema; print(json_schema(), end='')" > docs/map.schema.json

codes: setup
	$(BIN)/python -c "from cogmap.data.issues import table; print(table(), end='')" > docs/codes.md

check: COVERAGE := --cov=cogmap --cov=cogmap_kernels --cov-report=term:skip-covered
# noting every line that runs costs a third more
check: MOST_S := 20
check: lint types test test-batch test-models test-sim test-real

check-all: check test-slow

clean:
	rm -rf .venv .numba_cache .test_cache build dist
