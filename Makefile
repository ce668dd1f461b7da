# Everything a person or CI runs. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv/bin

.PHONY: help setup format check test demo demo-clean bench lock

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## make .venv with the three distributions (navarch, navarch-lab, navarch-images)
	@scripts/setup

lock: setup ## write requirements.lock anew from requirements.in
	@scripts/lock
