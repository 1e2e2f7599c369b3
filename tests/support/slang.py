"""slang's word on Verilog text: a reader of the language that no tool of the chain shares."""

from pathlib import Path

WAIVED = {
    "ArithOpMismatch": "a register's bits beside a number with a sign: yosys writes the bits of both",
    "CaseDefault": "the value given before the case stands for all patterns it does not name",
    "CaseIncomplete": "the value given before the case stands for all patterns it does not name",
    "SignConversion": "a signed expression onto a net without a sign: yosys keeps signs in expressions alone",
}
"""Warnings that the generated text cannot avoid, and why."""


def slang_findings(verilog: Path) -> tuple[list[str], list[str]]:
    """Names of the top modules, and slang's errors and warnings, one line each, but for ``WAIVED``.

    The text is read as IEEE 1364-2005, elaborated from every module that nobody instantiates, and looked
    through for variables with drivers that exclude each other.
    """
    import pyslang
    from pyslang import analysis, ast, parsing, syntax

    options = pyslang.Bag()
    for kind in (
        parsing.LexerOptions,
        parsing.PreprocessorOptions,
        parsing.ParserOptions,
        ast.CompilationOptions,
    ):
        chosen = kind()
        chosen.languageVersion = pyslang.LanguageVersion.v1364_2005
        setattr(options, kind.__name__[0].lower() + kind.__name__[1:], chosen)
    source = pyslang.SourceManager()
    compilation = ast.Compilation(options)
    compilation.addSyntaxTree(syntax.SyntaxTree.fromFile(str(verilog), source, options))
    found = list(compilation.getAllDiagnostics())
    # What drives what is looked at only in text that could be elaborated.
    if not any(diagnostic.isError() for diagnostic in found):
        manager = analysis.AnalysisManager()
        manager.analyze(compilation)
        found += manager.getDiagnostics()
    engine = pyslang.DiagnosticEngine(source)
    lines = []
    for diagnostic in found:
        kind = str(diagnostic.code).removeprefix("DiagCode(").removesuffix(")")
        if diagnostic.isError() or kind not in WAIVED:
            line = source.getLineNumber(diagnostic.location)
            lines.append(f"line {line}: {kind}: {engine.formatMessage(diagnostic)}")
    return [top.name for top in compilation.getRoot().topInstances], lines
