"""The interpreter: the Amazon States Language and the records, as pure functions.

`decide(command, view) -> Decision` says what a command causes; it reads the view and changes
nothing. No file, clock or random number is touched here: time, entropy and new ids come through the
view, so that simulation, replay and tests run the same code as a server.

- `definition.py`, `language/`, `expressions/`: a definition, compiled once into values that can be
  evaluated.
- `commands.py`, `events.py`, `contexts.py`: the records. A command is an order, an event a fact, a
  context what is true now.
- `features.py`: the feature levels, by which programs of two releases can share a cluster.
- `decide.py`, `executions.py`, `states/`, `fan_out.py`, `tasks.py`, `retry.py`: the processors of
  commands.
"""

assert __name__ == "stepraft.interpreter", (
    "import it as stepraft.interpreter, or a file loads under two names"
)
