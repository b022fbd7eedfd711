# Each target sets up .venv first, if it is not there or no longer fits the lock.
.PHONY: setup demo test check bench failover sim chaos conformance golden proto lock format

RUN := PATH="$(CURDIR)/.venv/bin:$$PATH"
SEEDS ?= 1-100
SECONDS ?= 60
SEED ?= 1
ARGS ?=

setup: .venv/ready

demo: setup  ## Three nodes, real workers, a dead leader, nothing lost. KEEP=1 leaves the cluster running.
	$(RUN) python -m examples.demo $(if $(KEEP),--keep) $(ARGS)

test: setup  ## All tests. ARGS="-k word" chooses some.
	$(RUN) python -m pytest $(ARGS)

check: setup  ## Format, lint, types, import contracts, generated code.
	$(RUN) sh -c 'ruff format --check . && ruff check . && mypy && lint-imports && scripts/proto --check'

bench: setup  ## Throughput and latency against one node and three.
	$(RUN) python -m bench $(ARGS)

failover: setup  ## What failures cost, against the bars: ARGS="--only kill,stop".
	$(RUN) python -m bench.failover $(ARGS)

sim: setup  ## Clusters under seeded faults, both ends of the range included: SEEDS=1-100 JOBS=2.
	$(RUN) python tests/simulation/run.py --seeds $(SEEDS) $(if $(JOBS),--jobs $(JOBS)) $(ARGS)

chaos: setup  ## Three real nodes under load and faults, and a checker over all that was seen: SECONDS=60 SEED=1.
	$(RUN) python -m tests.chaos --seconds $(SECONDS) --seed $(SEED) $(ARGS)

conformance: setup  ## Recorded cases of AWS against a real server: CASES=DIR FAILURES=FILE.
	$(RUN) python -m tests.conformance $(if $(CASES),--cases $(CASES)) $(if $(FAILURES),--failures $(FAILURES))

golden: setup  ## Keeps what this program writes, for later ones to read; not for a level that is released.
	$(RUN) python -m tests.upgrade

proto: setup  ## Writes stepraft/v1 from proto/.
	$(RUN) scripts/proto

format: setup  ## Puts the code into the project's form.
	$(RUN) sh -c 'ruff format . && ruff check --fix .'

lock: setup  ## Writes the lock files from pyproject.toml; needs uv.
	scripts/lock

.venv/ready: scripts/setup requirements.lock requirements-build.lock
	scripts/setup
