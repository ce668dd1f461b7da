"""`make test`: the stages of the whole suite, how they are run, and what is written down of them.

Belongs here: which stages there are and which needs which (`stages`), running them (`run`), figures of a run
(`report`), what people see meanwhile (`tell`).
Does not: any test of Navarch. A stage is a command as a person would type it.
"""
