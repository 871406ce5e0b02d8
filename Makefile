# `make` alone prints what there is.
.DEFAULT_GOAL := help
.PHONY: help run demo test fault-test security fuzz conformance contracts mutants new-connector fmt lint

help: ## Print these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## Build and start the hub, the playground provider and the demo platform; Ctrl-C stops them
	@scripts/run.sh

demo: ## Walk from link to token to call against `make run`; AUTO=1 needs no browser
	@cargo run --quiet --locked -p server --bin valetkey -- demo walk $(if $(filter-out 0,$(AUTO)),--auto)

test: ## All that CI runs: formatting, lints, licences, unit, conformance and black-box tests
	@scripts/test.sh

fault-test: ## Kill, stall and starve the hub for FAULT_MINUTES (40) and print a report
	@scripts/fault-test.sh

security: ## Run what SECURITY.md promises: tests, attacks, tricky URLs, fuzzers; a line for each promise
	@scripts/test.sh security

fuzz: ## Look for input that breaks a law, FUZZ_SECONDS (60) per target, and print executions
	@scripts/fuzz.sh

conformance: ## The suite that every connector passes, as a table: connector x check
	@node scripts/conformance.mjs

contracts: ## Send what each action sends to the vendors' own API descriptions: vendor x action x accepted
	@scripts/contracts.sh

new-connector: ## Begin a connector: make new-connector name=my-crm
	@node scripts/new-connector.mjs "$(name)"

mutants: ## Change vault, policy and refresh in small ways and see whether tests notice; hours
	@scripts/mutants.sh

fmt: ## Format the code
	@cargo fmt --all

lint: ## Clippy as CI runs it
	@cargo clippy --workspace --all-targets --locked --features server/aws-kms -- -D warnings
