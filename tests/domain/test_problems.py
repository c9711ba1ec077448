"""Errors say what to do next and carry their facts."""

from domain.problems import BadInput, Problem, Refused


def test_a_problem_becomes_a_flat_document_that_names_itself():
    problem = BadInput("Column amount is missing; add it.", field="amount")
    assert problem.to_json() == {"error": "BadInput", "message": "Column amount is missing; add it.", "field": "amount"}


def test_bad_input_is_a_refusal_so_nobody_retries_it():
    assert issubclass(BadInput, Refused) and issubclass(Refused, Problem)
