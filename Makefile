# Every target is one script: the same that CI runs.
.PHONY: setup demo test check bench soak vectors clean

setup: ; @sh scripts/setup.sh
demo: setup ; @.venv/bin/anchor demo
test: setup ; @sh scripts/test.sh $(T)
check: setup ; @sh scripts/check.sh
bench: setup ; @.venv/bin/python scripts/bench.py && .venv/bin/python scripts/bench_lists.py && .venv/bin/python scripts/bench_evidence.py
soak: setup ; @.venv/bin/python scripts/soak.py --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))
vectors: setup ; @.venv/bin/python scripts/make_vectors.py
clean: ; rm -rf .venv contracts/node_modules tests/interop/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
