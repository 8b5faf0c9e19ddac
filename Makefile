# tradein: two commands for a fresh machine. Both install what is missing, as root or not.

CARGO ?= cargo

.PHONY: demo test bench prepare
.DEFAULT_GOAL := demo

# A sandbox with real rules, real PostgreSQL and real Redis: plays stories, prints them, serves.
# The dev profile starts minutes earlier on a fresh machine, and a demo is not a measurement.
demo: prepare
	$(CARGO) run --quiet -- demo $(ARGS)

# Everything that is checked; the closing lines are cargo's.
test:
	@bash config/prepare.sh test
	$(CARGO) test $(ARGS)

# A workload of PERFORMANCE.md on this machine: make bench ARGS=redeem
bench: prepare
	$(CARGO) run --release --quiet -- bench $(ARGS)

# Installs compiler, libpq, PostgreSQL and Redis where they are missing; tests want some more.
prepare:
	@bash config/prepare.sh
