# Everything a person or CI runs. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin

.PHONY: proof proof-stories bench-addons proof-addons bench-autoscaling bench-console proof-autoscaling proof-scheduler console-pictures proof-hostile proof-cis proof-lifecycle chaos mutations help setup lock format check hooks test docs dist e2e demo demo-clean bench play play-stop scale

help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## make .venv with the three distributions (navarch, navarch-lab, navarch-images)
	@scripts/setup

play: setup ## a Navarch before a simulated cloud, in seconds: no root, no lab; Ctrl-C ends it (docs/guide/play.md)
	@$(BIN)/python -m navarch.playground

play-stop: setup ## end what `make play` started, should it still run
	@$(BIN)/python -m navarch.playground --stop

demo: setup ## from nothing to a web page on a cluster of your own, on this machine (root; 25 minutes the first time)
	@$(BIN)/python -m demo.story up

demo-clean: setup ## delete the demo's cluster through Navarch, prove that nothing is left, stop everything
	@$(BIN)/python -m demo.story clean

check: setup ## formatting, lint, types, borders, unit tests, links: about a minute, no root, no network
	@scripts/check

test: setup ## everything: check, integration on real PostgreSQL and Keystone, end to end on a real cluster (root)
	@scripts/test

bench: setup ## measure what docs/benchmarks.md publishes (root; about 20 minutes)
	@$(BIN)/python -m benchmarks

scale: setup ## measure what docs/scale.md publishes: a thousand clusters on the simulated cloud (about 25 minutes)
	@$(BIN)/python -m benchmarks.scale

proof: ## all proofs of what tests cannot prove, one after the other (root; half a day; see the targets below)
	@$(MAKE) proof-hostile && $(MAKE) proof-scheduler && $(MAKE) proof-lifecycle && $(MAKE) proof-autoscaling && $(MAKE) proof-addons && $(MAKE) proof-stories && $(MAKE) demo && $(MAKE) proof-cis && $(MAKE) demo-clean

proof-cis: setup ## the demo's cluster against the CIS benchmark, as docs/cis.md (root; a minute, after `make demo`)
	@$(BIN)/python -m proofs.cis --page docs/cis.md

proof-hostile: setup ## what customers notice while others attack the API, as docs/hostile.md (no root; loopback; four minutes)
	@$(BIN)/python -m proofs.hostile --page docs/hostile.md

proof-lifecycle: setup ## change, upgrade, repair, stop, kills on the lab, as docs/lifecycle.md: CHAPTERS="stop" (root; two hours)
	@$(BIN)/python -m proofs.lifecycle $(CHAPTERS) --page docs/lifecycle.md

proof-scheduler: setup ## autoscaling's filters against the real kube-scheduler, as docs/scheduling.md: PODS=5000 (no root; half an hour)
	@$(BIN)/python -m tests.scheduling --pods $(or $(PODS),5000) --page docs/scheduling.md

proof-stories: setup ## the end-to-end stories that `make test` leaves out: monitoring, drift object by object (root; half an hour)
	@tests/integration/install-bind && $(BIN)/pytest tests/e2e tests/integration -m proof

proof-addons: setup ## installing each entry of the catalogue on the lab, as docs/addons-proof.md: ENTRIES="logging" (root; twenty minutes)
	@$(BIN)/python -m proofs.addons $(ENTRIES) --page docs/addons-proof.md

proof-autoscaling: setup ## groups that grow and shrink on the lab, as docs/autoscaling-proof.md: CHAPTERS="claim" (root; an hour)
	@$(BIN)/python -m proofs.autoscaling $(CHAPTERS) --page docs/autoscaling-proof.md

bench-autoscaling: setup ## measure how long autoscaling's decision takes and what it costs (no root; twenty minutes)
	@$(BIN)/python -m benchmarks.autoscaling

chaos: setup ## stories on a simulated cloud in virtual time, from seeds: RUNS=200 FIRST=0 (no root; about one in two seconds)
	@$(BIN)/python -m tests.chaos --runs $(or $(RUNS),200) --first $(or $(FIRST),0)

bench-addons: setup ## measure what docs/benchmarks-addons.md publishes (no root; twelve minutes)
	@$(BIN)/python -m benchmarks.addons --page docs/benchmarks-addons.md

bench-console: setup ## measure what docs/console-figures.md publishes (no root; chromium; five minutes on a quiet machine)
	@$(BIN)/python -m benchmarks.console --page docs/console-figures.md

console-pictures: setup ## the pictures of docs/guide/console.md, from a browser (Debian's chromium; three minutes)
	@$(BIN)/python -m tests.browser.pictures

mutations: setup ## deliberate faults in the worker's code, each of which the stories must notice: RUNS=200 FIRST=0 (some minutes each)
	@$(BIN)/python -m tests.chaos --mutations --runs $(or $(RUNS),200) --first $(or $(FIRST),0)

docs: setup ## the documentation as a site with search, in build/docs; fails at a link that leads nowhere
	@scripts/docs

dist: setup ## what a release consists of, in dist: wheels, source distributions, pinned requirements, sums
	@scripts/dist

hooks: setup ## have git run `make check` before each commit, and check its subject
	@$(BIN)/pre-commit install

format: setup ## format the code
	@$(BIN)/ruff format && $(BIN)/ruff check --fix

lock: setup ## pin what pyproject.toml and requirements.in ask for; what is pinned stays
	@scripts/lock
