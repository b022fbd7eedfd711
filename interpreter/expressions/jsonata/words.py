"""The word that a parser looks at, and the moves to the next one."""

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.lexer import Lexer, Token


class Words:
    """The words of a text; `token` is the next one that was not used yet."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.token = Token("end", "(end)", 0)
        self._lexer = Lexer(text)

    def advance(self, *, operand_expected: bool) -> Token:
        """Move to the next word; return the one that was left."""
        left = self.token
        self.token = self._lexer.next(operand_expected=operand_expected)
        return left

    def comes(self, symbol: str) -> bool:
        """Whether the next word is this symbol."""
        return self.token.kind == "operator" and self.token.value == symbol

    def take(self, symbol: str, *, operand_expected: bool = False) -> bool:
        """Move past a symbol if it comes next."""
        if not self.comes(symbol):
            return False
        self.advance(operand_expected=operand_expected)
        return True

    def expect(self, symbol: str, *, operand_expected: bool = False) -> None:
        """Move past a symbol. Errors: JsonataError S0202, S0203."""
        if self.take(symbol, operand_expected=operand_expected):
            return
        if self.token.kind == "end":
            raise JsonataError("S0203", self.token.position, value=symbol)
        raise JsonataError("S0202", self.token.position, value=symbol, token=self.token.value)
