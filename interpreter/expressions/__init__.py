"""Expressions of the language, compiled once and evaluated often.

- `paths.py` (with `path_syntax.py`, `path_search.py`, `path_filters.py`, `scanner.py`): JSONPath,
  in the dialect of Jayway.
- `reference_paths.py`: ResultPath, which writes where the others read.
- `intrinsic_syntax.py`, `intrinsics.py`, `java_random.py`: calls like States.Format(…), their
  grammar and the 18 functions.
- `templates.py`: payload templates, objects whose keys ending in `.$` hold expressions.
- `choice_rules.py`, `timestamps.py`: the rules of Choice states, a table of 39 operators.
- `environment.py`: what an expression may read besides its document, and how much work it may make.
- `data_flow.py`: all of these put together, as a state's input and output.

Evaluation raises LanguageError and nothing else, and its work is bounded for every document and
definition.
"""

assert __name__ == "stepraft.interpreter.expressions", "import it under stepraft.interpreter"
