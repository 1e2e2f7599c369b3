"""slang's word on Verilog text: a reader of the language that no tool of the chain shares."""

import re
from pathlib import Path

WAIVED = {
    "ArithOpMismatch": "a register's bits beside a number with a sign: yosys writes the bits of both",
    "CaseDefault": "the value given before the case stands for all patterns it does not name",
    "CaseIncomplete": "the value given before the case stands for all patterns it does not name",
    "SignConversion": "a signed expression onto a net without a sign: yosys keeps signs in expressions alone",
}
"""Warnings that the generated text cannot avoid, and why."""


def slang_findings(verilog: Path, cells: Path | None = None) -> tuple[list[str], list[str]]:
    """Names of the top modules, and slang's errors and warnings, one line each, but for ``WAIVED``.

    The text is read as IEEE 1364-2005, elaborated from every module that nobody instantiates, and looked
    through for variables with drivers that exclude each other. ``cells`` has the modules of a device that the
    text instantiates; nothing is said of them, nor of a pin of theirs that leads nowhere.
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
    of_device: list[str] = []
    pins = ""
    if cells is not None:
        compilation.addSyntaxTree(syntax.SyntaxTree.fromFile(str(cells), source, options))
        pins = cells.read_text(encoding="utf-8")
        of_device = re.findall(r"^module (\w+)", pins, re.MULTILINE)
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
        if cells is not None and Path(source.getFileName(diagnostic.location)).name == cells.name:
            continue
        if diagnostic.isError() or kind not in WAIVED:
            message = engine.formatMessage(diagnostic)
            port = re.fullmatch(r"output port '(\w+)' has no connection", message)
            if port and re.search(rf"\b{port[1]}\b", pins):
                continue
            line = source.getLineNumber(diagnostic.location)
            lines.append(f"line {line}: {kind}: {message}")
    tops = [top.name for top in compilation.getRoot().topInstances]
    return [name for name in tops if name not in of_device], lines
