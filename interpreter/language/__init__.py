"""From the text of a state machine to a `Definition`, or to all that is wrong with it.

- `parse.py`: `parse_definition`, the way in, and scopes (a States object with its StartAt).
- `fields.py` with `kinds.py`: tables of what each object of a definition may hold, by field.
- `states.py`, `choices.py`, `retries.py`: states and their parts, read by these tables.
- `validate.py`: what spans several states: targets, reachability, unique names, variables.
- `diagnostics.py`: one `Diagnostic` for each problem, with a JSON pointer to its place.

Source: https://states-language.net/spec.html
"""

assert __name__ == "stepraft.interpreter.language", "import it under stepraft.interpreter"
