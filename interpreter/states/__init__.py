"""One module per state type: what entering such a state causes, and what ends it.

`start(visit)` decides the visit's beginning; states that wait for workers or children also have
`complete(visit, result)`. All may raise LanguageError, which `decide` makes the visit's failure.
"""
