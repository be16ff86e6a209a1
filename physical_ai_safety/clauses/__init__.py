"""The clauses of the rules file: one pure file for each kind, all of the form `judge(asked, situation)`."""

from physical_ai_safety.clauses.clause import Clause, Limit, Situation, strictest
from physical_ai_safety.clauses.compiling import compile_clauses
from physical_ai_safety.clauses.slope import ground

__all__ = ["Clause", "Limit", "Situation", "compile_clauses", "ground", "strictest"]
