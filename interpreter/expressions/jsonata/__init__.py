"""JSONata, the query language of objects, as states use it.

- `lexer.py`, `nodes.py`, `parser.py`, `ancestry.py`: from text to tree.
- `compiler.py`, `paths.py`, `transforms.py`, `operators.py`, `calls.py`, `signatures.py`: from tree
  to Python functions, which are what is evaluated.
- `frames.py`: variables, and a budget: every expression ends, whatever it says.
- `values.py`, `numerals.py`, `regexes.py`: what is evaluated, and how it looks as text.
- `library.py` and `*_functions.py` with `*_pictures.py`, `number_words.py`, `date_parsing.py`: the
  functions.
- `expression.py`: all of these put together. `errors.py`: what goes wrong, by code.

Source: https://docs.jsonata.org/ (2.0)
"""

assert __name__ == "stepraft.interpreter.expressions.jsonata", (
    "import it under stepraft.interpreter"
)
