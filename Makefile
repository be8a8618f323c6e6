# make demo    set up .venv, run the main job on both sample tables, say where the reports lie
# make test    set up what the tests need (a browser and a PostgreSQL included) and run them
# make coverage  the same tests, and which lines they ran; takes half as long again
# make lint    formatting, style, types
# make bench   speed and memory, beside SDV, on this machine; then private marginals beside dpmm's, in its own environment
# make bench-private   private training beside plain: TABLE=train.parquet, and for what the rows are worth TEST= and REFEREE=
# make bench-dashboard   how long the dashboard takes to draw over 200 runs, beside an empty Streamlit page
# make bench-evaluate   seconds and memory of evaluate beside sdmetrics: TABLES="train.parquet holdout.parquet synthetic.parquet" TARGET=
# make bench-judge   what evaluate says of other generators' tables: TABLES="train.parquet holdout.parquet" TARGET=
# make bench-power   what the privacy verdict sees, and how often it cries wolf: TABLES="a.parquet b.parquet"
# make bench-beside   families beside other libraries', by a referee: TABLES=folder REFEREE=referee.py, and if elsewhere PYTHON= and PEER=
# make bench-curve   the same over seconds of training, 10 to 300
# make bench-odd   every family on every odd table, at full size
# make bench-small   families on small parts of real tables at random, any failure told: TABLES=folder
# make bench-marginals   aim and mst on a discretised table: TABLE=x.parquet DOMAIN=x.json, beside all of dpmm with DPMM=its/python
# make bench-audit   whether audits refute models without noise, and leave honest ones alone
# make clean   remove what these made

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test coverage lint bench bench-private bench-dashboard bench-evaluate bench-judge bench-power bench-beside bench-curve bench-odd
.PHONY: bench-small bench-marginals bench-audit clean

# More options for pytest or the benchmark, such as: make test ARGS="-k schema"
ARGS ?=
# One more than there are processors, since tests of the browser and of servers wait for much of their time.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo:
	@scripts/setup.sh demo
	@scripts/demo.sh

test:
	@scripts/setup.sh test
	@OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile $(ARGS)

coverage:
	@$(MAKE) test ARGS="--cov --cov-report=term $(ARGS)"

lint:
	@scripts/setup.sh test
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

MARGINALS = .venv/bin/python tests/benchmarks/bench_marginals.py $(TABLE) $(DOMAIN) $(if $(DPMM),--beside $(DPMM))

bench:
	@scripts/setup.sh test
	@.venv/bin/python tests/benchmarks/bench.py $(ARGS)
	@$(if $(DPMM),,scripts/dpmm.sh)
	@$(MARGINALS) --models mst,aim --beside-models mst

bench-private:
	@scripts/setup.sh test
	@.venv/bin/python tests/benchmarks/bench_private_training.py $(TABLE) $(if $(TEST),--test $(TEST) --referee $(REFEREE)) $(ARGS)

bench-dashboard:
	@scripts/setup.sh test
	@.venv/bin/python tests/benchmarks/dashboard_speed.py $(ARGS)

bench-evaluate:
	@scripts/setup.sh test
	@.venv/bin/python tests/benchmarks/evaluate_speed.py $(TABLES) $(if $(TARGET),--target $(TARGET)) $(ARGS)

bench-judge:
	@scripts/setup.sh test
	@.venv/bin/python tests/benchmarks/judge_generators.py $(TABLES) $(if $(TARGET),--target $(TARGET)) $(ARGS)

bench-power:
	@scripts/setup.sh test
	@.venv/bin/python tests/benchmarks/privacy_power.py $(TABLES) $(ARGS)

BESIDE = .venv/bin/python tests/benchmarks/side_by_side.py --data $(TABLES) --referee $(REFEREE) \
	$(if $(PYTHON),--python $(PYTHON)) $(if $(PEER),--peer-python $(PEER))
CURVE = autoregressive diffusion sdv:ctgan tabularargn
comma := ,
space := $(subst ,, )

bench-beside:
	@scripts/setup.sh test
	@$(BESIDE) $(ARGS)

bench-curve:
	@scripts/setup.sh test
	@$(BESIDE) --models trees,$(subst $(space),$(comma),$(foreach s,10 30 60 120 300,$(CURVE:=@$(s)))) $(ARGS)

bench-small:
	@scripts/setup.sh test
	@.venv/bin/python tests/benchmarks/small_tables.py $(TABLES) $(ARGS)

bench-odd:
	@scripts/setup.sh test
	@.venv/bin/python tests/benchmarks/odd_families.py $(ARGS)

bench-marginals:
	@scripts/setup.sh test
	@$(MARGINALS) $(ARGS)

bench-audit:
	@scripts/setup.sh test
	@.venv/bin/python tests/benchmarks/audit_power.py $(TABLE) $(ARGS)

clean:
	rm -rf .venv .venv-dpmm .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov build dist
	rm -rf runs/demo-admissions runs/demo-breast_cancer
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
