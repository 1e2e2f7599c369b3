"""The two errors the command line turns into one clear line instead of a traceback."""


class UserError(Exception):
    """Something the user can fix: a bad file, option, width, board or a missing tool.

    The message is one line that says what is wrong, where, and what to do.
    The command line prints it after ``error:`` and exits with 2.
    """


class MismatchError(Exception):
    """The hardware (or another simulator) disagreed with the golden model.

    The message names the first differing sample, time step, neuron and both values.
    The command line prints it and exits with 1: this is never the user's fault.
    """


class ToolError(Exception):
    """An outside tool (yosys, nextpnr, verilator, a compiler) failed.

    The message names the tool, its exit code, its last meaningful line and the log file.
    The command line prints it and exits with 1.
    """
