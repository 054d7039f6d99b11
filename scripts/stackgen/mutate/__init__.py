"""Mutation run over the rules: how many small wrong edits do their tests notice?"""

from stackgen.mutate.mutants import Mutant, mutants
from stackgen.mutate.run import Outcome, Verdict, mutate, subjects

__all__ = ["Mutant", "Outcome", "Verdict", "mutants", "mutate", "subjects"]
